"""Calibration on labelled scans: what is recovered, what is kept out, and what is too little."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from lgeqa.errors import CohortError
from lgeqa.evaluation.calibration import (
    FOLDS,
    METHODS,
    Flags,
    Labelled,
    Map,
    Scans,
    _calibrated,
    answers_kept_out,
    best_threshold,
    check_enough,
    cross_validate,
    fit_calibration,
    fit_scale,
)
from lgeqa.evaluation.predictions import LabelledResult, scan_answers
from lgeqa.inference.bundle.calibration import LogisticMap
from lgeqa.inference.vote import vote
from lgeqa.operating_point import DEFAULT
from lgeqa.records import ReferenceLevels
from lgeqa.scales import SCALE_NAMES
from tests.evaluation.judged import DIAGNOSTIC, POOR, judged
from tests.results import REVIEW


def sites(n: int, slope: float, offset: float, seed: int = 0) -> Labelled:
    """Return scans whose network says `slope` times the true logit plus `offset`, each of its own patient."""
    rng = np.random.default_rng(seed)
    true = rng.normal(0, 2, n)
    labels = rng.uniform(size=n) < 1 / (1 + np.exp(-true))
    said = slope * true + offset
    return Labelled([1 / (1 + np.exp(-np.full(4, value))) for value in said], labels, np.arange(n))


def scans(n: int = 60, seed: int = 0) -> list[LabelledResult]:
    """Return scans of half as many patients, by a network that is too sure of itself and too lenient."""
    data = sites(n, 2.0, 1.5, seed)
    return [
        judged(f"p{number // 2:02d}", DIAGNOSTIC if label else POOR, slices.tolist())
        for number, (slices, label) in enumerate(zip(data.slices, data.labels, strict=True))
    ]


@pytest.mark.parametrize("method", ["logistic", "temperature"])
def test_maps_undo_what_the_network_did(method: str) -> None:
    offset = 1.0 if method == "logistic" else 0.0
    data = sites(3000, 2.0, offset)
    fitted = METHODS[method](data.slices, data.labels)
    assert isinstance(fitted, LogisticMap)
    assert fitted.slope == pytest.approx(0.5, abs=0.05)
    assert fitted.offset == pytest.approx(-offset / 2, abs=0.1)


def test_separated_classes_give_a_finite_map() -> None:
    slices = [np.full(3, p) for p in (0.1, 0.2, 0.3, 0.7, 0.8, 0.9)]
    fitted = METHODS["logistic"](slices, np.array([False] * 3 + [True] * 3))
    assert isinstance(fitted, LogisticMap)
    assert 1 < fitted.slope < 10


def test_isotonic_map_is_never_certain() -> None:
    data = sites(100, 1.0, 0.0)
    fitted = METHODS["isotonic"](data.slices, data.labels)
    assert fitted is not None
    calibrated = fitted.apply(np.linspace(0, 1, 50))
    assert calibrated.min() >= 1 / 102
    assert calibrated.max() <= 1 - 1 / 102
    assert all(low <= high for low, high in pairwise(calibrated))


def test_good_probabilities_stay_as_they_are_or_nearly() -> None:
    scale, kept_out = fit_scale(sites(2000, 1.0, 0.0), 0)
    assert kept_out is not None
    if scale.map is not None:
        np.testing.assert_allclose(scale.map.apply(np.linspace(0.1, 0.9, 9)), np.linspace(0.1, 0.9, 9), atol=0.05)


@pytest.mark.parametrize(("n", "isotonic"), [(38, False), (42, True)])
def test_isotonic_map_needs_twenty_scans_of_each_class(n: int, isotonic: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted: list[int] = []
    fit = METHODS["isotonic"]

    def note(slices: Scans, labels: Flags) -> Map:
        fitted.append(len(labels))
        return fit(slices, labels)

    monkeypatch.setitem(METHODS, "isotonic", note)
    fit_scale(replace(sites(n, 1.0, 0.0), labels=np.arange(n) % 2 == 0), 0)
    assert bool(fitted) is isotonic


def test_scale_with_few_scans_of_a_class_stays() -> None:
    data = sites(40, 2.0, 1.0)
    few = replace(data, labels=np.arange(40) < 4)
    assert fit_scale(few, 0) == (fit_scale(few, 0)[0], None)
    assert fit_scale(few, 0)[0].map is None


def balanced_accuracy(slices: Sequence[np.ndarray], labels: np.ndarray, threshold: float) -> float:
    calls = np.array([vote(scan.astype(np.float32), threshold).verdict == "diagnostic" for scan in slices])
    return float((calls[labels].mean() + (~calls[~labels]).mean()) / 2)


@pytest.mark.parametrize("seed", range(5))
def test_threshold_is_as_good_as_any(seed: int) -> None:
    rng = np.random.default_rng(seed)
    slices = [rng.uniform(0, 1, rng.choice([3, 5, 7])) for _ in range(30)]
    labels = np.array([scan.mean() + rng.normal(0, 0.1) > 0.6 for scan in slices])
    chosen = best_threshold(slices, labels)
    grid = np.linspace(0.01, 0.99, 197)
    best = max(balanced_accuracy(slices, labels, threshold) for threshold in grid)
    assert balanced_accuracy(slices, labels, chosen) > best - 0.5 / min(labels.sum(), (~labels).sum())


@pytest.mark.parametrize(
    ("poor", "good", "threshold"),
    [((0.2, 0.3), (0.6, 0.7), 0.5), ((0.6, 0.7), (0.8, 0.9), 0.75), ((0.1,), (0.2,), 0.15)],
)
def test_threshold_lies_between_the_classes(poor: Sequence[float], good: Sequence[float], threshold: float) -> None:
    slices = [np.full(3, p) for p in (*poor, *good)]
    labels = np.array([False] * len(poor) + [True] * len(good))
    assert best_threshold(slices, labels) == pytest.approx(threshold)


def test_calibration_lowers_the_error_of_kept_out_scans() -> None:
    cohort = scans(400)
    kept_out, methods = cross_validate(cohort, 0.5, 0)
    quality = scan_answers(kept_out, "quality")
    assert quality.probabilities is not None
    before = np.array([scan.result.p_quality for scan in cohort])
    errors = [float(np.mean((p - quality.labels) ** 2)) for p in (before, quality.probabilities)]
    assert errors[1] < errors[0] - 0.02
    assert sum(methods["quality"].values()) == FOLDS


def test_no_scan_is_judged_by_its_own_label() -> None:
    """Turning the labels of one patient changes nothing in the answers about this patient."""
    cohort = scans()
    patient = cohort[10].case.patient
    turned = [
        replace(scan, label=POOR if scan.label == DIAGNOSTIC else DIAGNOSTIC) if scan.case.patient == patient else scan
        for scan in cohort
    ]

    # The same folds: they depend on the labels, so both draws use those of the cohort as it is.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lgeqa.evaluation.calibration._folds", lambda data, _seed: _by_patient(data))
        first, second = (scan_answers(cross_validate(data, 0.5, 0)[0], "quality") for data in (cohort, turned))
    own = np.array([scan.case.patient == patient for scan in cohort])
    assert first.probabilities is not None
    assert second.probabilities is not None
    assert np.array_equal(first.probabilities[own], second.probabilities[own])
    assert np.array_equal(first.calls[own], second.calls[own])
    assert not np.array_equal(first.probabilities[~own], second.probabilities[~own])


def _by_patient(data: Labelled) -> list[np.ndarray]:
    return [np.flatnonzero(data.patients % FOLDS == fold) for fold in range(FOLDS)]


def test_patients_are_never_on_both_sides() -> None:
    from lgeqa.evaluation.calibration import _folds

    data = Labelled.of(scans(), "quality")
    tests = list(_folds(data, 0))
    assert sorted(place for test in tests for place in test) == list(range(60))
    for test in tests:
        rest = np.setdiff1d(np.arange(60), test)
        assert not set(data.patients[test]) & set(data.patients[rest])


def test_scans_without_a_label_on_a_scale_are_left_out_there() -> None:
    cohort = [
        replace(scan, label=(float("nan"), *scan.label[1:])) if number % 3 == 0 else scan
        for number, scan in enumerate(scans())
    ]
    kept_out, _ = cross_validate(cohort, 0.5, 0)
    assert {name: len(scan_answers(kept_out, name).labels) for name in SCALE_NAMES} == dict.fromkeys(
        SCALE_NAMES, 60
    ) | {"myocardium_nulling": 40}


def test_kept_out_answers_hold_doubts() -> None:
    cohort = scans(400)
    noisy = replace(cohort[0], result=cohort[0].result.model_copy(update={"findings": (REVIEW,)}))
    kept_out, _ = cross_validate([noisy, *cohort[1:]], 0.5, 0)

    answers = answers_kept_out(kept_out)

    assert answers.diagnostic == tuple(scan.label == DIAGNOSTIC for scan in cohort)
    assert answers.probabilities == tuple(scan.result.p_quality for scan in kept_out)
    assert (answers.may_accept[0], answers.may_repeat[0]) == (False, False)
    assert not any(accept and repeat for accept, repeat in zip(answers.may_accept, answers.may_repeat, strict=True))
    for scan, accept in zip(kept_out[1:], answers.may_accept[1:], strict=True):
        assert (scan.result.decision == "accept") == (accept and (scan.result.p_quality or 0) >= DEFAULT.accept_from)


def test_calibrated_record_holds_calibrated_slices() -> None:
    [before] = scans(1)
    levels = ReferenceLevels(air=0, blood=9, p_quality_if_lower=0.2, p_quality_if_higher=0.9)
    maps = {"quality": LogisticMap(slope=0.5, offset=-1.0)}

    after = _calibrated(before.result.model_copy(update={"reference": levels}), maps)

    expected = maps["quality"].apply(np.array([scores.p_quality for scores in before.result.slices]))
    assert [scores.p_quality for scores in after.slices] == pytest.approx(expected.tolist(), abs=1e-6)
    assert after.p_quality == pytest.approx(expected.mean(), abs=1e-6)
    assert after.p_sharpness == before.result.p_sharpness
    assert after.reference is not None
    assert after.reference.p_quality_if_lower == pytest.approx(float(maps["quality"].apply(np.array(0.2))))


def test_mean_of_calibrated_slices_is_not_the_calibrated_mean() -> None:
    before = judged("p0", POOR, [0.2, 0.9, 0.95]).result
    levels = ReferenceLevels(air=0, blood=9, p_quality_if_lower=0.2, p_quality_if_higher=0.9)
    maps = {"sharpness": LogisticMap(slope=0.5, offset=-1.0)}

    after = _calibrated(before.model_copy(update={"reference": levels}), maps)

    expected = maps["sharpness"].apply(np.array([0.2, 0.9, 0.95])).mean()
    assert after.p_sharpness == pytest.approx(expected, abs=1e-6)
    assert after.reference == levels  # the map of another scale leaves quality as it is


def test_kept_out_scans_are_judged_by_the_threshold_of_their_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgeqa.evaluation.calibration.best_threshold", lambda *_: 0.77)
    kept_out, _ = cross_validate(scans(), 0.5, 0)
    assert {scan.result.threshold for scan in kept_out} == {0.77}


def test_kept_out_answers_hold_the_patients() -> None:
    kept_out, _ = cross_validate(scans(), 0.5, 0)
    patients = answers_kept_out(kept_out).patients
    assert len(patients) == 60
    assert len(set(patients)) == 30


def test_results_depend_on_the_seed_alone() -> None:
    assert fit_calibration(scans(), 0.5, 3) == fit_calibration(scans(), 0.5, 3)


def test_too_few_scans_are_refused() -> None:
    few = [judged(f"p{number}", DIAGNOSTIC if number < 9 else POOR, 0.5) for number in range(30)]
    with pytest.raises(CohortError, match=r"30 scans of 30 patients .* 9 of them diagnostic .* at least 10 of each"):
        check_enough(Labelled.of(few, "quality"))
    alike = [judged(f"p{number % 9}", DIAGNOSTIC if number % 2 else POOR, 0.5) for number in range(30)]
    with pytest.raises(CohortError, match=r"30 scans of 9 patients .* and 10 patients. Score more scans"):
        check_enough(Labelled.of(alike, "quality"))


def test_weighed_scans_are_calibrated_by_their_own_probability() -> None:
    """Maps and threshold are those of scans of one slice, whatever the other slices say."""
    single = [
        replace(scan, result=scan.result.model_copy(update={"slices": scan.result.slices[:1]})) for scan in scans()
    ]
    weighed = []
    for scan in single:
        [only] = scan.result.slices
        slices = tuple(only.model_copy(update={"p_quality": p, "weight": 0.5}) for p in (0.1, 0.9))
        result = scan.result.model_copy(update={"slices": slices, "p_quality": only.p_quality})
        weighed.append(replace(scan, result=result))
    expected, found = fit_calibration(single, 0.5, 0), fit_calibration(weighed, 0.5, 0)
    assert found.maps["quality"] == expected.maps["quality"]
    assert found.threshold == expected.threshold
    kept_out, _ = cross_validate(weighed, 0.5, 0)
    alone, _ = cross_validate(single, 0.5, 0)
    assert [scan.result.p_quality for scan in kept_out] == pytest.approx([scan.result.p_quality for scan in alone])
    assert [scan.result.verdict for scan in kept_out] == [
        "diagnostic" if (scan.result.p_quality or 0) >= (scan.result.threshold or 0) else "non-diagnostic"
        for scan in kept_out
    ]
