"""Computation of the record of an agreement from the readings of a study."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations, count
from math import comb

import numpy as np

from lgeqa.agreement.discrepancies import disputes_of
from lgeqa.agreement.discrepancy_rule import DiscrepancyRule
from lgeqa.agreement.model_agreement import model_pairs
from lgeqa.agreement.rating_matrix import Flags, RatingMatrix, panel_of
from lgeqa.agreement.ratings import Reading
from lgeqa.agreement.record import Agreement, Leniency, Pair, ReaderCount, ScaleAgreement
from lgeqa.agreement.statistics import (
    Sample,
    alpha,
    diagnostic_share,
    difference,
    exact_agreement,
    icc,
    kappa,
    label_kappa,
    same_side,
    sides,
)
from lgeqa.bootstrap import Bootstrap, Numbers
from lgeqa.cohort.case import MEASURED
from lgeqa.errors import UsageError
from lgeqa.formatting import utc_now
from lgeqa.records import ScanResult
from lgeqa.scales import SCALE_NAMES
from lgeqa.versions import versions


def agree(
    readings: Sequence[Reading],
    results: Mapping[str, ScanResult],
    source: str,
    bootstrap: Bootstrap,
    *,
    rule: DiscrepancyRule | None = None,
    simulated: bool = False,
    on_progress: Callable[[float], None] = lambda _: None,
) -> Agreement:
    """Measure the agreement among the readers, and of the model with them.

    Args:
        readings: Readings by people. First readings give the agreement between readers, and second readings give the
            agreement of a reader with themselves. Readings of the reader `measured` are compared with each person and
            are part of no other figure.
        results: Record of each scan by scan name. Records without a verdict, or of scans that nobody read, are ignored.
        source: Description of where the readings come from.
        bootstrap: Bootstrap that draws the intervals.
        rule: Rule for the scans to adjudicate. None for the default.
        simulated: Whether the readers are simulated.
        on_progress: Function that is called with the share of the work that is done, 0 to 1.

    Raises:
        UsageError: There is no reading by a person, or the results come from more than one bundle.
    """
    panel = panel_of([reading for reading in readings if reading.reader != MEASURED])
    measured = _measured(readings, panel)
    judged = {scan: results[scan] for scan in panel.scans if scan in results and results[scan].verdict}
    bundles = {result.bundle for result in judged.values()}
    if len(bundles) > 1:
        names = ", ".join(sorted(f"{bundle.name} {bundle.version}" for bundle in bundles if bundle))
        raise UsageError(f"The results are of {len(bundles)} bundles ({names}). Assess all scans with one.")
    sample = Sample(panel.patients, bootstrap)
    read = panel.scored[0] | panel.refused[0]
    rule = rule or DiscrepancyRule()
    parts, n_parts = count(1), len(SCALE_NAMES) * (1 + comb(len(panel.readers), 2))

    def finish_part() -> None:
        on_progress(next(parts) / n_parts)

    return Agreement(
        source=source,
        simulated=simulated,
        n_scans=len(panel.scans),
        n_patients=int(panel.patients.max()) + 1,
        n_shared=int((read.sum(axis=0) >= 2).sum()),
        readers=tuple(_counts(panel)),
        scales={scale: _scale(panel, scale, judged, measured, sample, finish_part) for scale in SCALE_NAMES},
        rule=rule,
        disputes=disputes_of(panel, judged, rule),
        bundle=next(iter(bundles), None),
        n_judged=len(judged),
        draws=bootstrap.draws,
        seed=bootstrap.seed,
        versions=versions(),
        finished_at=utc_now(),
    )


def _counts(panel: RatingMatrix) -> Iterator[ReaderCount]:
    read = panel.scored | panel.refused
    for place, reader in enumerate(panel.readers):
        yield ReaderCount(
            reader=reader,
            scored=int((read[0, place] & ~panel.refused[0, place]).sum()),
            refused=int(panel.refused[0, place].sum()),
            repeated=int(read[1, place].sum()),
        )


def _measured(readings: Sequence[Reading], panel: RatingMatrix) -> Numbers:
    """Return the measured reader's scores as whole numbers, like an expert's: (scans, scales), NaN where missing."""
    scores = {reading.scan_id: reading.scores for reading in readings if reading.reader == MEASURED}
    return np.floor([scores.get(scan) or [np.nan] * len(SCALE_NAMES) for scan in panel.scans])


def _scale(
    panel: RatingMatrix,
    scale: str,
    judged: Mapping[str, ScanResult],
    measured: Numbers,
    sample: Sample,
    finish_part: Callable[[], None],
) -> ScaleAgreement:
    """Return the figures of a scale. `finish_part` is called after each pair of readers and after the rest."""
    first, again = panel.on(scale), panel.again(scale)
    scored = (~np.isnan(first)).sum(axis=0)
    off, off_again = panel.refused
    readers = list(enumerate(panel.readers))
    by_measures = measured[:, SCALE_NAMES.index(scale)]
    rated = ~np.isnan(by_measures)
    pairs = []
    for (i, a), (j, b) in combinations(readers, 2):
        pairs.append(_pair((a, b), (first[i], first[j]), (off[i], off[j]), sample))
        finish_part()
    figures = ScaleAgreement(
        n=int((scored >= 2).sum()),
        n_complete=int((scored == len(readers)).sum()),
        alpha=alpha(first, sample),
        icc=icc(first, sample),
        pairs=tuple(pairs),
        repeats=tuple(
            _pair((reader, reader), (first[i], again[i]), (off[i], off_again[i]), sample)
            for i, reader in readers
            if (~np.isnan(again[i]) | off_again[i]).any()
        ),
        leniency=tuple(_leniency(reader, first[i], np.delete(first, i, axis=0), sample) for i, reader in readers),
        measured=tuple(
            _pair((MEASURED, reader), (by_measures, first[i]), (np.zeros_like(rated), off[i]), sample)
            for i, reader in readers
        )
        if rated.any()
        else (),
        model=model_pairs(panel, scale, judged, sample),
    )
    finish_part()
    return figures


def _pair(names: tuple[str, str], scores: tuple[Numbers, Numbers], off: tuple[Flags, Flags], sample: Sample) -> Pair:
    scored = [~np.isnan(values) for values in scores]
    both = scored[0] & scored[1]
    read = (scored[0] | off[0]) & (scored[1] | off[1])
    a, b, of_both = scores[0][both], scores[1][both], sample.of(both)
    return Pair(
        a=names[0],
        b=names[1],
        n=len(a),
        refused=int((read & ~both).sum()),
        kappa=kappa(a, b, of_both),
        label_kappa=label_kappa(sides(a), sides(b), of_both),
        exact=exact_agreement(a, b, of_both),
        same_side=same_side(sides(a), sides(b), of_both),
    )


def _leniency(reader: str, scores: Numbers, others: Numbers, sample: Sample) -> Leniency:
    shared = ~np.isnan(scores) & (~np.isnan(others)).any(axis=0)
    scores, others, sample = scores[shared], others[:, shared], sample.of(shared)
    return Leniency(
        reader=reader,
        n=len(scores),
        difference=difference(scores, np.nanmean(others, axis=0), sample),
        diagnostic=diagnostic_share(sides(scores), sample),
        others_diagnostic=diagnostic_share(np.nanmean(sides(others), axis=0), sample),
    )
