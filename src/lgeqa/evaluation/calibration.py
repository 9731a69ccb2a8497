"""Calibration of a bundle on labelled scans, and its honest figures by nested cross-validation.

Each scale gets one of four maps: none, a temperature, a logistic map, or an isotonic one. The map is taken that has the
least log loss on scans that it was not fitted on, in an inner cross-validation. The operating point of quality is the
threshold with the best balanced accuracy of the votes on the same scans. An outer cross-validation repeats all of it
without each fold, and judges the fold: no scan is judged by what was fitted or chosen on it or on its patient.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from lgeqa.bootstrap import Numbers
from lgeqa.errors import CohortError
from lgeqa.evaluation.predictions import LabelledResult, labelled_on, labels_of, patients_of
from lgeqa.inference.bundle.calibration import IsotonicMap, LogisticMap, ProbabilityMap, logit
from lgeqa.inference.bundle.kept_out import KeptOut
from lgeqa.inference.decision import DecisionRule, doubts_of
from lgeqa.inference.vote import deciding_probabilities, slice_probabilities
from lgeqa.records import IntArray, ScanResult
from lgeqa.scales import SCALE_NAMES

#: Number of folds, outer and inner.
FOLDS: Final = 5
#: Smallest number of scans of each class on which a scale is calibrated: one for each fold.
LEAST_OF_CLASS: Final = FOLDS
#: Smallest number of scans of each class for an isotonic map, which has a parameter for each step.
_ISOTONIC_FROM: Final = 20
#: Standard deviations of the weak normal prior of a logistic map, of the logarithm of its slope and of its offset. They
#: keep the map finite where the classes are separated.
_PRIOR: Final = (1.0, 2.0)

Flags = npt.NDArray[np.bool_]
Map = LogisticMap | IsotonicMap | None
#: Slices' probabilities of each scan, or the scan's own if a bundle weighs its slices.
Scans = Sequence[Numbers]
#: Function that fits a map to the slices' probabilities of scans and to their labels.
Fit = Callable[[Scans, Flags], Map]


@dataclass(frozen=True)
class Labelled:
    """The scans with a label on one scale.

    Attributes:
        slices: Probabilities of the slices of each scan, or of the scan itself if a bundle weighs its slices.
        labels: Whether each scan is diagnostic, (scans,).
        patients: Number of each scan's patient, (scans,), from 0 without gaps.
    """

    slices: Scans
    labels: Flags
    patients: IntArray

    @classmethod
    def of(cls, scans: Sequence[LabelledResult], scale: str) -> "Labelled":
        """Return the scans that have a label on a scale."""
        scans = labelled_on(scans, scale)
        return cls(_slices_of(scans, scale), labels_of(scans, scale), patients_of(scans))

    def take(self, places: IntArray) -> "Labelled":
        """Return the scans at some places, with the patients' numbers as they are."""
        return Labelled([self.slices[place] for place in places], self.labels[places], self.patients[places])


@dataclass(frozen=True)
class FittedScale:
    """The map of one scale and the way to it.

    Attributes:
        method: Name of the method.
        map: Fitted map. None to keep the probabilities.
    """

    method: str
    map: Map


@dataclass(frozen=True)
class Fitted:
    """A calibration and its operating point.

    Attributes:
        scales: Map of each scale.
        threshold: Slice probability of quality from which a slice counts as diagnostic.
    """

    scales: Mapping[str, FittedScale]
    threshold: float

    @property
    def maps(self) -> dict[str, ProbabilityMap]:
        """Maps of the scales whose probabilities change."""
        return {name: fitted.map for name, fitted in self.scales.items() if fitted.map is not None}


def fit_calibration(scans: Sequence[LabelledResult], threshold: float, seed: int) -> Fitted:
    """Fit the maps and the operating point on labelled scans.

    A scale with fewer than `LEAST_OF_CLASS` scans of a class stays as it is, and so does the threshold if quality does.

    Args:
        scans: Scans that a bundle without calibration assessed.
        threshold: Threshold of the bundle.
        seed: Random seed of the folds.
    """
    fitted = {}
    for name in SCALE_NAMES:
        data = Labelled.of(scans, name)
        fitted[name], kept_out = fit_scale(data, seed)
        if name == "quality" and kept_out is not None:
            threshold = best_threshold(kept_out, data.labels)
    return Fitted(fitted, threshold)


def cross_validate(
    scans: Sequence[LabelledResult], threshold: float, seed: int
) -> tuple[list[LabelledResult], dict[str, Counter[str]]]:
    """Return the scans as calibrations that leave their patients out answer, and how often each method was chosen.

    Args:
        scans: Scans that a bundle without calibration assessed.
        threshold: Threshold of the bundle.
        seed: Random seed of the folds.

    Raises:
        CohortError: There are too few patients, or too few scans of a class of quality.
    """
    quality = Labelled.of(scans, "quality")
    check_enough(quality)
    kept_out = list(scans)
    methods: dict[str, Counter[str]] = {name: Counter() for name in SCALE_NAMES}
    for fold, test in enumerate(_folds(quality, seed)):
        train = np.setdiff1d(np.arange(len(scans)), test)
        fitted = fit_calibration([scans[place] for place in train], threshold, seed + 1 + fold)
        for name, scale in fitted.scales.items():
            methods[name][scale.method] += 1
        for place in test:
            result = DecisionRule(fitted.threshold).apply(_calibrated(scans[place].result, fitted.maps))
            kept_out[place] = replace(scans[place], result=result)
    return kept_out, methods


def _calibrated(result: ScanResult, maps: Mapping[str, ProbabilityMap]) -> ScanResult:
    """Return a record with calibrated probabilities and the verdict that it had.

    The probabilities at other blood levels go through the map as they are, while an assessment maps their slices.
    """
    columns, means = {}, {}
    for name, fitted in maps.items():
        single, deciding = slice_probabilities(result, name), deciding_probabilities(result, name)
        columns[f"p_{name}"] = fitted.apply(single.astype(np.float64)).tolist()
        means[f"p_{name}"] = float(fitted.apply(deciding.astype(np.float64)).mean())
    slices = tuple(
        scores.model_copy(update={column: values[number] for column, values in columns.items()})
        for number, scores in enumerate(result.slices)
    )
    levels = result.reference
    if levels and "quality" in maps:
        others = {name: getattr(levels, name) for name in ("p_quality_if_lower", "p_quality_if_higher")}
        mapped = {n: float(maps["quality"].apply(np.array(p))) for n, p in others.items() if p is not None}
        levels = levels.model_copy(update=mapped)
    return result.model_copy(update={"slices": slices, "reference": levels, **means})


def answers_kept_out(scans: Sequence[LabelledResult]) -> KeptOut:
    """Return what a bundle stores of the scans that `cross_validate` returned."""
    return KeptOut(
        probabilities=tuple(float(scan.result.p_quality or 0) for scan in scans),
        diagnostic=tuple(labels_of(scans, "quality").tolist()),
        may_accept=tuple(not any(doubts_of(scan.result, "accept")) for scan in scans),
        may_repeat=tuple(not any(doubts_of(scan.result, "repeat")) for scan in scans),
        patients=tuple(patients_of(scans).tolist()),
    )


def _slices_of(scans: Sequence[LabelledResult], scale: str) -> list[Numbers]:
    return [deciding_probabilities(scan.result, scale).astype(np.float64) for scan in scans]


def check_enough(quality: Labelled) -> None:
    """Raise CohortError if there are too few patients, or too few scans of a class, to calibrate quality."""
    n, diagnostic = len(quality.labels), int(quality.labels.sum())
    patients = len(np.unique(quality.patients))
    if min(diagnostic, n - diagnostic) < 2 * LEAST_OF_CLASS or patients < 2 * FOLDS:
        raise CohortError(
            f"{n} scans of {patients} patients could be assessed, {diagnostic} of them diagnostic by the label. A "
            f"calibration needs at least {2 * LEAST_OF_CLASS} of each class and {2 * FOLDS} patients. Score more scans."
        )


def best_threshold(slices: Scans, labels: Flags) -> float:
    """Return the threshold with the best balanced accuracy of the votes, the one nearest to .5 if several are best.

    Besides .5, the thresholds half way between two scans are tried. Thresholds that differ by less than one scan of the
    rarer class count as equal.

    Args:
        slices: Probabilities of the slices of each scan.
        labels: Whether each scan is diagnostic, with both classes.
    """
    # A scan is diagnostic up to the threshold that its middle slice reaches.
    turning = np.array([np.sort(scan)[::-1][len(scan) // 2] for scan in slices])
    edges = np.concatenate([[0.0], np.unique(turning), [1.0]])
    candidates = np.append((edges[1:] + edges[:-1]) / 2, 0.5)
    passes = turning >= candidates[:, None]
    accuracy = passes[:, labels].mean(axis=1) + (~passes[:, ~labels]).mean(axis=1)
    one_scan = 1 / min(labels.sum(), (~labels).sum())
    best = candidates[accuracy > accuracy.max() - one_scan + 1e-9]
    return float(best[np.abs(best - 0.5).argmin()])


def fit_scale(data: Labelled, seed: int) -> tuple[FittedScale, Scans | None]:
    """Return the map of a scale, and the calibrated slices of each scan by maps that were fitted without it.

    The second is None if the scale has too few scans of a class, and then there is no map.
    """
    diagnostic = int(data.labels.sum())
    fewest = min(diagnostic, len(data.labels) - diagnostic)
    if fewest < LEAST_OF_CLASS or len(np.unique(data.patients)) < FOLDS:
        return FittedScale("none", None), None
    folds = list(_folds(data, seed))
    everyone = np.arange(len(data.labels))
    kept_out: dict[str, list[Numbers]] = {}
    methods = METHODS if fewest >= _ISOTONIC_FROM else {name: METHODS[name] for name in METHODS if name != "isotonic"}
    for method, fit in methods.items():
        kept_out[method] = list(data.slices)
        for test in folds:
            train = data.take(np.setdiff1d(everyone, test))
            fitted = fit(train.slices, train.labels)
            for place in test:
                kept_out[method][place] = _applied(fitted, data.slices[place])
    best = min(kept_out, key=lambda method: _log_losses(_means(kept_out[method]), data.labels).mean())
    return FittedScale(best, METHODS[best](data.slices, data.labels)), kept_out[best]


def _folds(data: Labelled, seed: int) -> Iterator[IntArray]:
    """Yield the places of the scans of each fold. No patient is in two of them."""
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    yield from (test for _, test in splitter.split(data.labels, data.labels, data.patients))


def _applied(fitted: Map, slices: Numbers) -> Numbers:
    return slices if fitted is None else fitted.apply(slices)


def _means(scans: Scans) -> Numbers:
    return np.array([scan.mean() for scan in scans])


def _log_losses(probabilities: Numbers, labels: Flags) -> Numbers:
    inside = np.clip(probabilities, 1e-6, 1 - 1e-6)
    losses: Numbers = -np.where(labels, np.log(inside), np.log(1 - inside))
    return losses


def _keep(_slices: Scans, _labels: Flags) -> None:
    """Fit nothing."""


def _fit_temperature(slices: Scans, labels: Flags) -> LogisticMap:
    return _fit_logistic(slices, labels, with_offset=False)


def _fit_logistic(slices: Scans, labels: Flags, with_offset: bool = True) -> LogisticMap:
    """Fit the map with the least log loss of the scans' mean probabilities."""
    logits = np.concatenate([logit(scan) for scan in slices])
    starts = np.cumsum([0, *(len(scan) for scan in slices)])[:-1]
    counts = np.array([len(scan) for scan in slices])

    def loss(parameters: Numbers) -> float:
        offset = parameters[1] if with_offset else 0.0
        calibrated = 1 / (1 + np.exp(-(np.exp(parameters[0]) * logits + offset)))
        means = np.add.reduceat(calibrated, starts) / counts
        prior = sum((value / deviation) ** 2 for value, deviation in zip(parameters, _PRIOR, strict=False)) / 2
        return float(_log_losses(means, labels).sum() + prior)

    found = minimize(loss, np.zeros(2 if with_offset else 1), method="Nelder-Mead", options={"xatol": 1e-4}).x
    return LogisticMap(slope=float(np.exp(found[0])), offset=float(found[1]) if with_offset else 0.0)


def _fit_isotonic(slices: Scans, labels: Flags) -> IsotonicMap:
    """Fit a rising map of the slices' probabilities to the labels, where each scan has the same weight."""
    from sklearn.isotonic import IsotonicRegression

    counts = np.array([len(scan) for scan in slices])
    # Never quite 0 or 1: the next scan may be the first exception.
    margin = 1 / (len(labels) + 2)
    model = IsotonicRegression(y_min=margin, y_max=1 - margin, out_of_bounds="clip")
    model.fit(np.concatenate(slices), np.repeat(labels.astype(float), counts), np.repeat(1 / counts, counts))
    return IsotonicMap(
        probabilities=tuple(model.X_thresholds_.tolist()), calibrated=tuple(model.y_thresholds_.tolist())
    )


#: Methods of calibration by name, the simplest first.
METHODS: Final[dict[str, Fit]] = {
    "none": _keep,
    "temperature": _fit_temperature,
    "logistic": _fit_logistic,
    "isotonic": _fit_isotonic,
}
