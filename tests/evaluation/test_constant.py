"""What is said about probabilities that are no better than a constant, and about few scans."""

import numpy as np

from lgeqa.evaluation.constant import constant_caution, few_caution, is_constant, prevalence_caution


def test_narrow_probabilities_are_constant() -> None:
    narrow = np.linspace(0.5, 0.54, 100)
    assert is_constant(narrow)
    assert constant_caution("Quality", narrow) == (
        "Quality: the network says the same of every slice, a probability of .50 to .54."
    )


def test_a_few_odd_slices_do_not_hide_a_constant() -> None:
    assert is_constant(np.concatenate([np.full(96, 0.53), [0.1, 0.9, 0.2, 0.8]]))


def test_spread_probabilities_are_not_constant() -> None:
    spread = np.linspace(0.4, 0.6, 100)
    assert not is_constant(spread)
    assert constant_caution("Quality", spread) == ""


LABELS = np.array([True, True, True, False, False])


def test_probabilities_no_better_than_the_share_are_reported() -> None:
    wrong = np.where(LABELS, 0.2, 0.8)
    assert prevalence_caution("Sharpness", LABELS, wrong, 0.6) == (
        "Sharpness: on 5 scans the Brier score is 0.64, which is no better than the 0.24 of always saying 0.60, the "
        "share of diagnostic scans."
    )
    assert prevalence_caution("Sharpness", LABELS, np.full(5, 0.6), 0.6) != ""


def test_better_probabilities_and_few_scans_are_not_reported() -> None:
    assert prevalence_caution("Sharpness", LABELS, np.where(LABELS, 0.8, 0.2), 0.6) == ""
    assert prevalence_caution("Sharpness", LABELS[:4], np.where(LABELS, 0.2, 0.8)[:4], 0.6) == ""


def test_few_scans_of_a_class_are_reported() -> None:
    counts = {"Quality": (21, 30), "Nulling": (9, 30), "Sharpness": (10, 20), "Enhancement": (0, 0)}
    assert few_caution(counts) == (
        "Fewer than 10 scans of a class, so the figures are rough: Quality (21 of 30 scans diagnostic), "
        "Nulling (9 of 30 scans diagnostic)."
    )
    assert few_caution({"Sharpness": (10, 20)}) == ""
