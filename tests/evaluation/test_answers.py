import numpy as np
import pytest

from lgeqa.bootstrap import Bootstrap
from lgeqa.evaluation.metrics import METRICS
from lgeqa.evaluation.predictions import LabelledResult, measured, patients_of, scan_answers, slice_answers
from lgeqa.inference.vote import scan_call
from tests.evaluation.judged import DIAGNOSTIC, POOR, case, cohort, judged, record


@pytest.mark.parametrize(
    ("sharpness", "diagnostic"),
    [((0.9, 0.9, 0.1), True), ((0.4, 0.4, 0.9), False), ((0.9, 0.2), True), ((0.6, 0.3), False), ((0.5, 0.5), True)],
)
def test_an_attribute_is_called_by_the_mode_and_the_tie_rule(sharpness: tuple[float, ...], diagnostic: bool) -> None:
    result = record([(0.0, p, 0.0, 0.0) for p in sharpness])
    assert scan_call(result, "sharpness") is diagnostic
    assert scan_call(result, "enhancement") is False


def test_quality_is_called_as_the_record_says() -> None:
    result = record([(0, 0, 0, 0.65)], threshold=0.7)
    assert scan_call(result, "quality") is False
    assert scan_call(result.model_copy(update={"verdict": "diagnostic"}), "quality") is True


def test_the_bundles_threshold_is_for_quality_alone() -> None:
    rows = [(0.55, 0.65, 0.75, 0.65), (0.7, 0.7, 0.7, 0.7)]
    scans = [LabelledResult(case("a", "a", {}), record(rows, threshold=0.7), DIAGNOSTIC)]
    assert slice_answers(scans, "quality").calls.tolist() == [False, True]  # .7 is .69999999 in the network's precision
    assert slice_answers(scans, "myocardium_nulling").calls.tolist() == [True, True]


def test_scans_in_arrays() -> None:
    scans = [judged("b", POOR, [0.2, 0.4]), judged("a", DIAGNOSTIC, [0.9, 0.7, 0.8]), judged("b", DIAGNOSTIC, 0.3)]
    answers = scan_answers(scans, "quality")
    assert answers.labels.tolist() == [False, True, True]
    assert answers.patients.tolist() == [1, 0, 1]
    assert answers.calls.tolist() == [False, True, False]
    assert answers.probabilities == pytest.approx([0.3, 0.8, 0.3])
    assert answers.ranks is answers.probabilities


def test_a_slice_has_the_label_and_the_patient_of_its_scan() -> None:
    scans = [judged("b", POOR, [0.2, 0.6]), judged("a", DIAGNOSTIC, [0.9, 0.1, 0.8])]
    answers = slice_answers(scans, "sharpness")
    assert answers.labels.tolist() == [False, False, True, True, True]
    assert answers.patients.tolist() == [1, 1, 0, 0, 0]
    assert answers.calls.tolist() == [False, True, True, False, True]
    assert answers.probabilities == pytest.approx([0.2, 0.6, 0.9, 0.1, 0.8])
    assert answers.unit == "slice"


def test_a_label_of_two_and_a_half_is_non_diagnostic() -> None:
    assert scan_answers([judged("a", (2.5, 3.0, 2.99, 3.5))], "myocardium_nulling").labels.tolist() == [False]
    assert scan_answers([judged("a", (2.5, 3.0, 2.99, 3.5))], "sharpness").labels.tolist() == [True]


def test_all_measures_are_given_in_order_with_intervals() -> None:
    scans = cohort()
    figures = measured(slice_answers(scans, "quality"), Bootstrap(200))
    answers = slice_answers(scans, "quality")
    assert list(figures) == [metric.name for metric in METRICS]
    for metric in METRICS:
        given = answers.calls if metric.takes == "calls" else answers.probabilities
        assert given is not None
        figure = figures[metric.name]
        assert figure.value == pytest.approx(metric(answers.labels, given))
        assert figure.low is not None
        assert figure.high is not None
        assert figure.value is not None
        assert figure.low < figure.value < figure.high


def test_undefined_figures_name_the_unit() -> None:
    figures = measured(slice_answers([judged("a", DIAGNOSTIC), judged("b", DIAGNOSTIC)], "quality"), Bootstrap(100))
    assert figures["specificity"].value is None
    assert figures["specificity"].undefined == "no slice is non-diagnostic"
    assert figures["recall"].value == 1


def test_no_scans_are_no_arrays_of_something_else() -> None:
    none = slice_answers([], "quality")
    assert [len(none.labels), len(none.patients), len(none.calls)] == [0, 0, 0]
    assert none.probabilities is not None
    assert len(none.probabilities) == 0
    assert patients_of([]).dtype == np.int64
