"""Weighted kappa of the strategies and the readers with the scores of quality that are the labels, over all folds."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Final

import numpy as np

from lgeqa.bootstrap import Bootstrap, Estimate, Numbers, cell, with_interval
from lgeqa.documents import Block, Heading, Paragraph, Table
from lgeqa.evaluation.baselines import readers_of
from lgeqa.evaluation.predictions import LabelledResult, patients_of
from lgeqa.experiment.plan import Run
from lgeqa.experiment.settings import ExperimentConfig
from lgeqa.records import Record
from lgeqa.scales import SCALE_NAMES
from lgeqa.weighted_kappa import quadratic_kappa

_QUALITY: Final = SCALE_NAMES.index("quality")


class ScoreAgreement(Record):
    """Agreement of a strategy or a reader with the scores that are the labels, on quality.

    Attributes:
        who: Strategy, or name of a reader.
        n_scans: Number of scans, those that both scored.
        kappa: Weighted kappa of a reader's scores, or of the scores that a strategy's ranks are matched to.
        own_kappa: Weighted kappa of the scores that a strategy estimates itself. None if it estimates none.
    """

    who: str
    n_scans: int
    kappa: Estimate
    own_kappa: Estimate | None = None


def score_agreements(
    tested: Mapping[Run, Sequence[LabelledResult]], config: ExperimentConfig
) -> tuple[ScoreAgreement, ...]:
    """Return the weighted kappa of each strategy, and then of each reader, with the label's scores of quality.

    A strategy ranks scans, by the expected score if it estimates one and else by the probability of quality. Ranks
    become scores by `matched_scores`, learnt for each fold on the other folds: on the scans that this fold's training
    had, with ranks that each of them was given when it was tested itself.

    Args:
        tested: Test scans of each training, each scan once per strategy.
        config: Settings of the experiment.
    """
    bootstrap = Bootstrap(config.draws, config.seed)
    rows = []
    for strategy in config.strategies:
        folds = [scans for run, scans in tested.items() if run.strategy == strategy]
        scans = [scan for fold in folds for scan in fold]
        labels, own = _labels(scans), _expected(scans)
        ranks = _probabilities(scans) if own is None else own
        fold_of = np.repeat(np.arange(len(folds)), [len(fold) for fold in folds])
        scores = np.empty(len(scans))
        for fold in range(len(folds)):
            inside = fold_of == fold
            scores[inside] = matched_scores(ranks[inside], ranks[~inside], labels[~inside])
        rows.append(
            ScoreAgreement(
                who=strategy,
                n_scans=len(scans),
                kappa=_kappa(scores, scans, bootstrap),
                own_kappa=None if own is None else _kappa(own, scans, bootstrap),
            )
        )
    first = [scan for run, scans in tested.items() if run.strategy == config.strategies[0] for scan in scans]
    return (*rows, *_readers(first, config, bootstrap))


def _readers(
    scans: Sequence[LabelledResult], config: ExperimentConfig, bootstrap: Bootstrap
) -> Iterator[ScoreAgreement]:
    """Yield a row for each reader but the one of the label, on the scans that the reader scored."""
    for reader in readers_of(scans, config.label.name):
        both = [scan for scan in scans if reader in scan.case.scores]
        theirs = np.array([scan.case.scores[reader][_QUALITY] for scan in both], float)
        yield ScoreAgreement(who=reader, n_scans=len(both), kappa=_kappa(theirs, both, bootstrap))


def _kappa(scores: Numbers, scans: Sequence[LabelledResult], bootstrap: Bootstrap) -> Estimate:
    """Return the weighted kappa of scores with the labels of the same scans."""
    labels = _labels(scans)
    if len(np.unique([scores, labels])) == 1:
        return Estimate(undefined=f"all scores are {labels[0]:g}")
    return with_interval(partial(quadratic_kappa, scores, labels), patients_of(scans), bootstrap)


def matched_scores(ranks: Numbers, other_ranks: Numbers, other_scores: Numbers) -> Numbers:
    """Return a score for each rank: the quantile of the other scans' scores at its place among the other scans' ranks.

    The place of a rank is the share of the other ranks below it, plus half of those that equal it. This is the monotone
    map that gives the other scans the scores that they have, as often as they have them.

    Args:
        ranks: Ranks to convert, where higher is better, (n,).
        other_ranks: Ranks of other scans, (m,), at least one.
        other_scores: Scores of these scans, 1 to 5, (m,), in the same order.
    """
    ordered = np.sort(other_ranks)
    below, up_to = (np.searchsorted(ordered, ranks, side) for side in ("left", "right"))
    places = (below + up_to) / (2 * len(ordered))
    scores: Numbers = np.quantile(other_scores, places, method="inverted_cdf")
    return scores


def agreement_section(rows: Sequence[ScoreAgreement]) -> Iterator[Block]:
    """Yield the table of the agreements."""
    yield Heading("Scores of quality", level=3)
    yield Paragraph(
        "Cohen's kappa with quadratic weights against the scores of 1 to 5 that are the labels. A strategy's ranks (the"
        " expected score if it estimates one, else the probability of quality) are matched to scores by their place"
        " among the scans of the other folds. The last column has the expected score as it is."
    )
    yield Table(
        ("Who", "Scans", "Weighted kappa", "Of the expected score"),
        [[row.who, str(row.n_scans), cell(row.kappa), cell(row.own_kappa) if row.own_kappa else ""] for row in rows],
    )


def _labels(scans: Sequence[LabelledResult]) -> Numbers:
    return np.array([scan.label[_QUALITY] for scan in scans], float)


def _probabilities(scans: Sequence[LabelledResult]) -> Numbers:
    return np.array([scan.result.p_quality for scan in scans], float)


def _expected(scans: Sequence[LabelledResult]) -> Numbers | None:
    """Return the expected scores, or None if the strategy estimates none."""
    if not all(scan.result.scores for scan in scans):
        return None
    return np.array([scan.result.scores["quality"].expected for scan in scans], float)
