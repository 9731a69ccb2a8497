"""Weighted kappa of strategies and readers over the folds, against loops."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from lgeqa.bootstrap import cell
from lgeqa.cohort import LabelRule, Scores
from lgeqa.documents import Table
from lgeqa.evaluation.predictions import LabelledResult
from lgeqa.experiment.plan import Run
from lgeqa.experiment.score_agreement import agreement_section, matched_scores, score_agreements
from lgeqa.experiment.settings import ExperimentConfig
from lgeqa.records import ScoreEstimate
from tests.evaluation.judged import case, record

SETTINGS = ExperimentConfig(
    strategies=("baseline", "ordinal"),
    iterations=3,
    splits="folds",
    weights="random",
    draws=20,
    label=LabelRule(reader="truth"),
)


def naive_kappa(a: Sequence[float], b: Sequence[float]) -> float:
    observed = np.mean([(x - y) ** 2 for x, y in zip(a, b, strict=True)])
    chance = np.mean([(x - y) ** 2 for x in a for y in b])
    return float(1 - observed / chance)


def scan(number: int, p: float, score: int, reader: int, expected: float | None = None) -> LabelledResult:
    truth: Scores = (3, 3, 3, score)
    result = record([[0.5, 0.5, 0.5, p]] * 3)
    if expected is not None:
        result = result.model_copy(update={"scores": {"quality": ScoreEstimate(expected=expected, low=1, high=5)}})
    scores = {"truth": truth, "reader-2": (3, 3, 3, reader)}
    return LabelledResult(case(f"s{number}", f"p{number}", scores), result, truth)


@pytest.fixture
def folds() -> dict[Run, list[LabelledResult]]:
    rng = np.random.default_rng(0)
    scores = rng.integers(1, 6, 30)
    tested = {}
    for fold in range(3):
        for strategy in SETTINGS.strategies:
            tested[Run(strategy, fold)] = [
                scan(
                    number,
                    float(np.clip(0.02 * scores[number] + rng.uniform(0, 0.05), 0, 1)),
                    int(scores[number]),
                    int(np.clip(scores[number] + number % 3 - 1, 1, 5)),
                    1 + 0.5 * float(scores[number]) if strategy == "ordinal" else None,
                )
                for number in range(10 * fold, 10 * fold + 10)
            ]
    return tested


def naive_match(rank: float, ranks: Sequence[float], scores: Sequence[float]) -> float:
    place = np.mean([(other < rank) + 0.5 * (other == rank) for other in ranks])
    ordered = sorted(scores)
    return next(score for i, score in enumerate(ordered, 1) if i / len(ordered) >= place - 1e-12)


def test_ranks_are_matched_to_scores_as_often_as_these_occur() -> None:
    ranks = np.arange(10) / 10
    scores = np.array([1, 1, 1, 2, 3, 3, 4, 4, 5, 5.0])
    assert matched_scores(ranks, ranks, scores).tolist() == scores.tolist()
    assert matched_scores(ranks * 9, ranks * 9, scores[::-1]).tolist() == scores.tolist()
    assert matched_scores(np.array([-1, 2.0]), ranks, scores).tolist() == [1, 5]


def test_matching_equals_a_loop_and_never_falls() -> None:
    rng = np.random.default_rng(1)
    ranks: npt.NDArray[np.float64] = np.sort(rng.integers(0, 8, 20)) / 8
    others, scores = rng.integers(0, 8, 17) / 8, rng.integers(1, 6, 17).astype(float)
    found = matched_scores(ranks, others, scores)
    assert found.tolist() == [naive_match(rank, others.tolist(), scores.tolist()) for rank in ranks]
    assert (np.diff(found) >= 0).all()


def test_each_fold_is_matched_on_the_others(folds: dict[Run, list[LabelledResult]]) -> None:
    baseline, ordinal, reader = score_agreements(folds, SETTINGS)
    labels, matched = [], []
    for fold in range(3):
        others = [one for other in range(3) if other != fold for one in folds[Run("baseline", other)]]
        ranks, scores = [float(s.result.p_quality or 0) for s in others], [s.label[3] for s in others]
        for one in folds[Run("baseline", fold)]:
            labels.append(one.label[3])
            matched.append(naive_match(float(one.result.p_quality or 0), ranks, scores))
    assert (baseline.who, baseline.n_scans, baseline.own_kappa) == ("baseline", 30, None)
    assert baseline.kappa.value == pytest.approx(naive_kappa(matched, labels))
    assert baseline.kappa.low is not None
    # Ranks of the ordinal strategy are right, and its own scores are too close to the middle.
    assert ordinal.kappa.value is not None
    assert ordinal.kappa.value > 0.95
    assert ordinal.own_kappa is not None
    assert ordinal.own_kappa.value == pytest.approx(
        naive_kappa([1 + 0.5 * score for score in labels], labels), abs=2e-3
    )
    theirs = [one.case.scores["reader-2"][3] for fold in range(3) for one in folds[Run("baseline", fold)]]
    assert reader.who == "reader-2"
    assert reader.kappa.value == pytest.approx(naive_kappa(theirs, labels))


def test_one_score_for_all_has_no_kappa(folds: dict[Run, list[LabelledResult]]) -> None:
    alike = {run: [replace(one, label=(3, 3, 3, 3)) for one in scans] for run, scans in folds.items()}
    baseline, *_ = score_agreements(alike, SETTINGS)
    assert baseline.kappa.undefined == "all scores are 3"


def test_readers_are_held_on_the_scans_that_they_scored(folds: dict[Run, list[LabelledResult]]) -> None:
    first = folds[Run("baseline", 0)]
    scores = {"truth": first[0].label}
    folds[Run("baseline", 0)] = [replace(first[0], case=replace(first[0].case, scores=scores)), *first[1:]]
    *_, reader = score_agreements(folds, SETTINGS)
    assert reader.n_scans == 29


def test_the_table_has_a_row_for_each(folds: dict[Run, list[LabelledResult]]) -> None:
    rows = score_agreements(folds, SETTINGS)
    [table] = [block for block in agreement_section(rows) if isinstance(block, Table)]
    for row, (who, scans, kappa, own) in zip(rows, table.rows, strict=True):
        assert [who, scans, kappa] == [row.who, "30", cell(row.kappa)]
        assert own == (cell(row.own_kappa) if row.own_kappa else "")
