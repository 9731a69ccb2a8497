import math
from dataclasses import replace

import numpy as np
import pytest

from lgeqa.bootstrap import Bootstrap
from lgeqa.cohort import Scores
from lgeqa.evaluation.baselines import all_diagnostic, compare, from_true_attributes, reader_answers
from lgeqa.evaluation.predictions import scan_answers, slice_answers
from tests.evaluation.judged import DIAGNOSTIC, POOR, cohort, judged

#: Sharp and enhanced but not nulled; diagnostic and not.
PATTERN_GOOD: Scores = (1, 3, 3, 3)
PATTERN_POOR: Scores = (2.5, 5, 4, 2)


def test_calling_all_diagnostic() -> None:
    answers = all_diagnostic([judged("a", POOR, 0.1), judged("b", DIAGNOSTIC, 0.1)])
    assert answers.calls.tolist() == [True, True]
    assert answers.labels.tolist() == [False, True]


def test_majority_of_other_patients_with_equal_attributes() -> None:
    scans = [
        judged("a", PATTERN_GOOD),
        judged("a", PATTERN_POOR),
        judged("b", PATTERN_GOOD),
        judged("c", PATTERN_POOR),
        judged("c", PATTERN_POOR),
        judged("d", DIAGNOSTIC),
    ]
    answers = from_true_attributes(scans)
    # a: one of three in b and c; b: one of four in a and c; c: two of three in a and b; d: two of five of all others
    assert answers.probabilities == pytest.approx([1 / 3, 1 / 3, 1 / 4, 2 / 3, 2 / 3, 2 / 5])
    assert answers.calls.tolist() == [False, False, False, True, True, False]
    assert answers.ranks is None


def test_the_rule_separates_the_eight_patterns() -> None:
    """Quality is the parity of the attributes: each pattern alone tells it, and no two attributes do."""
    patterns = [(a, b, c) for a in (2.0, 3.0) for b in (2.0, 3.0) for c in (2.0, 3.0)]
    scans = [judged(patient, (*pattern, 4.0 if sum(pattern) % 2 else 1.0)) for patient in "pq" for pattern in patterns]
    answers = from_true_attributes(scans)
    np.testing.assert_array_equal(answers.calls, answers.labels)


def test_a_single_patient_leaves_nobody_to_learn_from() -> None:
    assert from_true_attributes([judged("a", POOR), judged("a", DIAGNOSTIC)]).probabilities == pytest.approx([0.5, 0.5])


def test_a_reader_gives_calls_and_ranks() -> None:
    scans = [judged("a", POOR, readers={"r": (1, 1, 1, 2.5)}), judged("b", DIAGNOSTIC, readers={"r": (1, 1, 1, 3)})]
    answers = reader_answers(scans, "r")
    assert answers.ranks == pytest.approx([2.5, 3])
    assert answers.calls.tolist() == [False, True]
    assert answers.labels.tolist() == [False, True]
    assert answers.probabilities is None


def test_who_is_held_against_whom() -> None:
    rows = compare(cohort(), "truth", Bootstrap(100))
    part = "scored by reader-2"
    assert [(row.who, row.against, row.on, row.n_scans) for row in rows] == [
        ("model", "truth", "all", 24),
        ("calling all diagnostic", "truth", "all", 24),
        ("majority rule on the true attributes", "truth", "all", 24),
        ("reader-1", "truth", "all", 24),
        ("reader-2", "truth", part, 8),
        ("model", "truth", part, 8),
        ("model", "reader-1", "all", 24),
        ("reader-2", "reader-1", part, 8),
        ("model", "reader-1", part, 8),
        ("truth", "reader-1", "all", 24),
        ("model", "reader-2", part, 8),
        ("reader-1", "reader-2", part, 8),
        ("truth", "reader-2", part, 8),
    ]
    assert rows[4].n_patients == 8
    assert rows[4].figures["brier"].undefined == "a reader gives no probabilities"
    assert rows[2].figures["auroc"].undefined == "shares that leave a patient out give no order"


def test_the_measured_reader_is_compared_and_nobody_with_it() -> None:
    rng = np.random.default_rng(1)
    for scan in (scans := cohort()):
        scan.case.scores["measured"] = (1, 1, 1, float(rng.uniform(1, 5)))

    rows = compare(scans, "truth", Bootstrap(100))

    assert [(row.against, row.on, row.n_scans) for row in rows if row.who == "measured reader"] == [
        ("truth", "all", 24),
        ("reader-1", "all", 24),
        ("reader-2", "scored by reader-2", 8),
    ]
    assert "measured" not in {row.against for row in rows} | {row.who for row in rows}
    assert {row.against for row in compare(scans, "measured", Bootstrap(100))} > {"measured", "truth"}


def test_readers_against_each_other_take_the_right_labels() -> None:
    """Precision of one against the other is recall of the other against the one."""
    rows = {(row.who, row.against): row.figures for row in compare(cohort(), "truth", Bootstrap(100))}
    assert rows["reader-1", "truth"]["precision"].value == rows["truth", "reader-1"]["recall"].value
    assert rows["reader-1", "reader-2"]["precision"].value == rows["reader-2", "reader-1"]["recall"].value
    assert rows["reader-1", "truth"]["precision"].value != rows["reader-1", "truth"]["recall"].value


def test_scales_without_a_label_are_left_out() -> None:
    """The labels of two scans lack an attribute, and a reader did not score the quality of three scans."""
    scans = cohort()
    for place in (0, 1):
        label = (math.nan, *scans[place].label[1:])
        scans[place] = replace(scans[place], label=label)
    for scan in scans[:3]:
        scan.case.scores["reader-1"] = (*scan.case.scores["reader-1"][:3], math.nan)
    rows = {(row.who, row.against, row.on): row.n_scans for row in compare(scans, "truth", Bootstrap(100))}
    on = "labelled on all scales"
    assert rows["majority rule on the true attributes", "truth", on] == rows["model", "truth", on] == 22
    assert rows["reader-1", "truth", "scored by reader-1"] == rows["model", "truth", "scored by reader-1"] == 21
    assert len(scan_answers(scans, "myocardium_nulling").labels) == 22
    assert len(slice_answers(scans, "myocardium_nulling").labels) == 5 * 22
    assert slice_answers(scans, "myocardium_nulling").patients.max() == 10


def test_without_attributes_the_rule_on_them_is_left_out() -> None:
    scans = [replace(scan, label=(math.nan,) * 3 + scan.label[3:]) for scan in cohort()]
    assert "majority rule on the true attributes" not in {row.who for row in compare(scans, "truth", Bootstrap(100))}
