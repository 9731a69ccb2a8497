from pathlib import Path

import pytest

from lgeqa.cohort import Case, draw_split, load_split, save_split
from lgeqa.errors import CohortError


def cases(patients: int = 40, scans: int = 3) -> list[Case]:
    return [Case(f"{p}-{s}", f"p{p}", Path("i"), Path("m")) for p in range(patients) for s in range(scans)]


def strata(of: list[Case]) -> list[int]:
    return [int(case.patient[1:]) % 4 == 0 for case in of]


def test_patients_are_dealt_whole_and_in_the_asked_shares() -> None:
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


def test_a_saved_split_is_used_again(tmp_path: Path) -> None:
    dealt = draw_split(cases(), strata(cases()), 0.2, 0.1, 0)
    save_split(dealt, tmp_path / "split.json")
    assert load_split(tmp_path / "split.json", cases()) == dealt


def test_a_split_that_misses_a_patient_is_refused(tmp_path: Path) -> None:
    save_split(draw_split(cases(), strata(cases()), 0.2, 0.1, 0), tmp_path / "split.json")
    with pytest.raises(CohortError, match=r"does not deal the patient\(s\) p40"):
        load_split(tmp_path / "split.json", cases(41))


def test_other_parts_are_refused(tmp_path: Path) -> None:
    (tmp_path / "split.json").write_text('{"p0": "holdout"}')
    with pytest.raises(CohortError, match=r"'holdout'; the parts are"):
        load_split(tmp_path / "split.json", cases(1))


def test_an_unreadable_split_is_refused(tmp_path: Path) -> None:
    (tmp_path / "split.json").write_text("{")
    with pytest.raises(CohortError, match=r"split.json: is no readable split"):
        load_split(tmp_path / "split.json", cases(1))


def test_too_few_patients() -> None:
    with pytest.raises(CohortError, match=r"3 patients cannot give a share of 0\.2"):
        draw_split(cases(3), strata(cases(3)), 0.2, 0.1, 0)
