from pathlib import Path

import pytest

from lgeqa.cohort import Split, draw_split, load_split, read_split, save_new_split, save_split
from lgeqa.errors import CohortError, OutputError
from tests.cohort.test_split import cases, strata

SPLIT: Split = {"p0": "train", "p1": "test"}


def test_a_saved_split_is_used_again(tmp_path: Path) -> None:
    dealt = draw_split(cases(), strata(cases()), 0.2, 0.1, 0)
    save_split(dealt, tmp_path / "split.json")
    assert load_split(tmp_path / "split.json", cases()) == dealt


def test_a_split_that_misses_a_patient_is_refused(tmp_path: Path) -> None:
    save_split(draw_split(cases(), strata(cases()), 0.2, 0.1, 0), tmp_path / "split.json")
    with pytest.raises(CohortError, match=r"has no part for the patient\(s\) p40"):
        load_split(tmp_path / "split.json", cases(41))


def test_other_parts_are_refused(tmp_path: Path) -> None:
    (tmp_path / "split.json").write_text('{"p0": "holdout"}')
    with pytest.raises(CohortError, match=r"split.json: deals 'p0' to 'holdout'; the parts are"):
        load_split(tmp_path / "split.json", cases(1))


def test_an_unreadable_split_is_refused(tmp_path: Path) -> None:
    (tmp_path / "split.json").write_text("{")
    with pytest.raises(CohortError, match=r"split.json: is not a readable split"):
        load_split(tmp_path / "split.json", cases(1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('["p0"]', "it holds a list, not an object"),
        ('{"p0": "train", "p1": "test", "p0": "test"}', "'p0' is there twice"),
        ('{"p0": ["train"]}', r"deals 'p0' to \['train'\]"),
    ],
)
def test_other_shapes_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "split.json").write_text(text)
    with pytest.raises(CohortError, match=message):
        read_split(tmp_path / "split.json")


def test_a_new_split_makes_its_folder(tmp_path: Path) -> None:
    save_new_split(SPLIT, tmp_path / "a/b/split.json")
    assert read_split(tmp_path / "a/b/split.json") == SPLIT


def test_a_split_that_is_there_is_kept_and_another_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "split.json"
    path.write_text('{"p1": "test", "p0": "train"}')
    save_new_split(SPLIT, path)
    assert path.read_text() == '{"p1": "test", "p0": "train"}'
    for other in ('{"p0": "test", "p1": "test"}', "notes"):
        path.write_text(other)
        with pytest.raises(OutputError, match=r"split.json: holds something else already"):
            save_new_split(SPLIT, path)
        assert path.read_text() == other


def test_a_split_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file/split.json: cannot be written \("):
        save_new_split(SPLIT, tmp_path / "file" / "split.json")
