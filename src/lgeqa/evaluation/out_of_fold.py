"""Out-of-fold predictions: answers of several trainings combined, in which each strategy judges each scan once."""

from collections.abc import Mapping, Sequence

import numpy as np

from lgeqa.bootstrap import Bootstrap
from lgeqa.cohort import LabelRule
from lgeqa.errors import CohortError
from lgeqa.evaluation.baselines import MODEL, compare
from lgeqa.evaluation.predictions import (
    LabelledResult,
    Predictions,
    differences,
    measured,
    patients_of,
    scan_answers,
    slice_answers,
)
from lgeqa.evaluation.record import Figures, Levels, Pooled
from lgeqa.scales import SCALE_NAMES


def pool(judged: Mapping[str, Sequence[LabelledResult]], rule: LabelRule, bootstrap: Bootstrap) -> Pooled:
    """Evaluate strategies on all scans, and compare each strategy with the first and with the best.

    Args:
        judged: Scans of each strategy, each scan once. Scans that a strategy lacks are left out.
        rule: Rule that derived the labels.
        bootstrap: Bootstrap that draws the intervals.

    Raises:
        CohortError: No scan was assessed by every strategy.
    """
    common = _common(judged)
    first = next(iter(common))
    scans = common[first]
    of_scans = {
        strategy: {name: scan_answers(items, name) for name in SCALE_NAMES} for strategy, items in common.items()
    }
    of_slices = {
        strategy: {name: slice_answers(items, name) for name in SCALE_NAMES} for strategy, items in common.items()
    }

    def less(answers: Mapping[str, Mapping[str, Predictions]], strategy: str, base: str) -> dict[str, Figures]:
        return {name: differences(answers[strategy][name], answers[base][name], bootstrap) for name in SCALE_NAMES}

    def all_less(base: str) -> dict[str, Levels]:
        return {
            name: Levels(scans=less(of_scans, name, base), slices=less(of_slices, name, base))
            for name in common
            if name != base
        }

    def of(answers: Mapping[str, Predictions]) -> dict[str, Figures]:
        return {name: measured(by_scale, bootstrap) for name, by_scale in answers.items()}

    label = rule.name
    strategies = {name: Levels(scans=of(of_scans[name]), slices=of(of_slices[name])) for name in common}
    best = max(common, key=lambda name: strategies[name].scans["quality"]["auroc"].value or 0.0)
    to_first = all_less(first)
    return Pooled(
        label=rule.description,
        n_scans=len(scans),
        n_slices=len(of_slices[first]["quality"].labels),
        n_patients=len(np.unique(patients_of(scans))),
        draws=bootstrap.draws,
        seed=bootstrap.seed,
        strategies=strategies,
        best=best,
        differences=to_first,
        differences_to_best=to_first if best == first else all_less(best),
        others=tuple(row for row in compare(scans, label, bootstrap) if row.who != MODEL and row.against == label),
    )


def _common(judged: Mapping[str, Sequence[LabelledResult]]) -> dict[str, list[LabelledResult]]:
    """Return the scans that every strategy assessed, in the same order for each."""
    shared = set.intersection(*({scan.case.place for scan in scans} for scans in judged.values()))
    if not shared:
        raise CohortError(f"No scan was assessed by every one of {', '.join(judged)}.")
    return {
        strategy: sorted((scan for scan in scans if scan.case.place in shared), key=lambda scan: scan.case.place)
        for strategy, scans in judged.items()
    }
