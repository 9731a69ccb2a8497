from pathlib import Path

import pytest

from lgeqa.cohort import Case, draw_split, fold_splits, patients_of, repeated_splits
from lgeqa.errors import CohortError


def cases(patients: int = 40, scans: int = 3) -> list[Case]:
    return [Case(f"{p}-{s}", f"p{p}", Path("i"), Path("m")) for p in range(patients) for s in range(scans)]


def strata(of: list[Case]) -> list[int]:
    return [int(case.patient[1:]) % 4 == 0 for case in of]


def test_patients_are_split_whole_and_in_the_requested_shares() -> None:
    dealt = draw_split(cases(), strata(cases()), test=0.2, validation=0.1, seed=0)
    parts = list(dealt.values())
    assert len(dealt) == 40
    assert parts.count("test") == 8
    assert 2 <= parts.count("validation") <= 4


def test_strata_are_spread_alike() -> None:
    dealt = draw_split(cases(), strata(cases()), test=0.25, validation=0.1, seed=1)
    tested = [patient for patient, part in dealt.items() if part == "test"]
    assert sum(int(patient[1:]) % 4 == 0 for patient in tested) / len(tested) == pytest.approx(0.25, abs=0.1)


def test_the_same_seed_deals_the_same() -> None:
    one, again, other = (draw_split(cases(), strata(cases()), 0.2, 0.1, seed) for seed in (3, 3, 4))
    assert one == again
    assert one != other


def test_too_few_patients() -> None:
    with pytest.raises(
        CohortError, match=r"3 patients cannot be split into 5 folds, or a share of 1/5: at least 5 are needed"
    ):
        draw_split(cases(3), strata(cases(3)), 0.2, 0.1, 0)


def test_the_draw_of_the_default_bundle_stays_what_it_was() -> None:
    dealt = draw_split(cases(20), strata(cases(20)), 0.2, 0.1, 7)
    assert patients_of(dealt, "test") == {"p0", "p1", "p2", "p18"}
    assert patients_of(dealt, "validation") == {"p15", "p16"}
    assert list(dealt) == sorted(dealt)


@pytest.mark.parametrize("share", [0, -0.1, 0.6])
def test_shares_that_cannot_be_drawn_are_refused(share: float) -> None:
    for shares in ((share, 0.1), (0.1, share)):
        with pytest.raises(CohortError, match=f"share of {share:g} cannot be drawn"):
            draw_split(cases(), strata(cases()), *shares, 0)


def test_a_class_too_rare_to_be_spread_leaves_the_others_spread() -> None:
    of = cases(40, 1)
    rare = [2 if case.patient == "p1" else stratum for case, stratum in zip(of, strata(of), strict=True)]
    for seed in range(5):
        tested = patients_of(draw_split(of, rare, 0.25, 0.1, seed), "test")
        assert sum(int(patient[1:]) % 4 == 0 for patient in tested) in {2, 3}


def test_repeats_share_their_test_part_and_redraw_the_rest() -> None:
    splits = repeated_splits(cases(), strata(cases()), 0.1, 0.1, 5, 3)
    assert splits[0] == draw_split(cases(), strata(cases()), 0.1, 0.1, 3)
    assert len({frozenset(patients_of(split, "test")) for split in splits}) == 1
    assert len({frozenset(patients_of(split, "validation")) for split in splits}) == 5
    for split in splits:
        assert len(split) == 40
        assert len(patients_of(split, "test")) == 4
        assert 2 <= len(patients_of(split, "validation")) <= 5


def test_a_test_part_may_be_given() -> None:
    held = {"p3", "p7", "not here"}
    for split in repeated_splits(cases(), strata(cases()), held, 0.1, 2, 0):
        assert patients_of(split, "test") == {"p3", "p7"}
        assert len(split) == 40


def test_a_test_part_of_another_cohort_is_refused() -> None:
    with pytest.raises(CohortError, match="None of the 2 given test patients is in the cohort"):
        repeated_splits(cases(), strata(cases()), ["q1", "q2"], 0.1, 1, 0)


def test_in_folds_each_patient_is_tested_once() -> None:
    splits = fold_splits(cases(), strata(cases()), 5, 0.1, 2)
    tested = [patient for split in splits for patient in patients_of(split, "test")]
    assert sorted(tested) == sorted({case.patient for case in cases()})
    assert splits[0] == draw_split(cases(), strata(cases()), 0.2, 0.1, 2)
    for split in splits:
        assert len(split) == 40
        assert 2 <= len(patients_of(split, "validation")) <= 5
        assert sum(int(patient[1:]) % 4 == 0 for patient in patients_of(split, "test")) == 2


def test_two_folds_are_enough() -> None:
    one, other = fold_splits(cases(), strata(cases()), 2, 0.2, 0)
    tested = [patients_of(split, "test") for split in (one, other)]
    assert tested[0].isdisjoint(tested[1])
    assert tested[0] | tested[1] == {case.patient for case in cases()}


def test_more_folds_than_patients_are_refused() -> None:
    with pytest.raises(CohortError, match="4 patients cannot be split into 5 folds"):
        fold_splits(cases(4), strata(cases(4)), 5, 0.2, 0)
    with pytest.raises(CohortError, match=r"1 fold\(s\) leave nothing to learn from"):
        fold_splits(cases(4), strata(cases(4)), 1, 0.2, 0)
