from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from lgeqa import extras
from lgeqa.cohort import read_cohort
from lgeqa.errors import CohortError, MissingExtraError

ROWS: dict[str, list[Any]] = {
    "scan": ["b", "b", "a"],
    "patient": [7, 7, 8],
    "image": ["b.nrrd", "b.nrrd", "a.nrrd"],
    "mask": ["b-mask.nrrd", "b-mask.nrrd", None],
    "reader": ["ann", "bob", None],
    "myocardium_nulling": [1.0, 5.0, None],
    "sharpness": [2.0, 4.0, float("nan")],
    "enhancement": [3.0, 3.5, None],
    "quality": [4.0, 2.0, None],
    "comment": ["", "blurred", ""],
}


def write(path: Path, **changed: list[Any]) -> Path:
    parquet.write_table(pa.table(ROWS | changed), path)
    return path


def test_parquet_is_read_as_csv_is(tmp_path: Path) -> None:
    write(tmp_path / "scores.parquet")
    a, b = read_cohort(tmp_path)
    assert (a.scan_id, a.patient, a.mask, a.scores) == ("a", "8", None, {})
    assert b.scores == {"ann": (1, 2, 3, 4), "bob": (5, 4, 3.5, 2)}
    assert (b.patient, b.image, b.mask) == ("7", tmp_path / "b.nrrd", tmp_path / "b-mask.nrrd")


def test_parquet_file_is_a_cohort_without_its_folder_as_column(tmp_path: Path) -> None:
    (tmp_path / "reader=eve").mkdir()
    cases = read_cohort(write(tmp_path / "reader=eve" / "ours.parquet"))
    assert [list(case.scores) for case in cases] == [[], ["ann", "bob"]]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"quality": [4.0, 9.0, None]}, "row 2: quality is 9.0"),
        ({"patient": [1.0, 1.0, 2.0]}, "row 1: patient is 1.0. Names and paths are text or whole numbers"),
        ({"reader": [b"ann", b"bob", None]}, "row 1: reader is b'ann'"),
        ({"reader": ["ann", "ann", None]}, "row 2: scan 'b' with reader 'ann' is in an earlier row"),
        ({name: [] for name in ROWS}, "has no row that can be used"),
    ],
)
def test_rows_that_cannot_be_used_are_refused(tmp_path: Path, changed: dict[str, list[Any]], message: str) -> None:
    with pytest.raises(CohortError, match=rf"scores\.parquet\S* {message}"):
        read_cohort(write(tmp_path / "scores.parquet", **changed))


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    parquet.write_table(pa.table(ROWS).drop_columns(["mask"]), tmp_path / "scores.parquet")
    with pytest.raises(CohortError, match=r"scores.parquet: lacks the column\(s\) mask. It has scan, patient"):
        read_cohort(tmp_path)


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "scores.parquet").write_text("scan,patient")
    with pytest.raises(CohortError, match=r"scores.parquet: is not a readable Parquet file \(.*magic bytes"):
        read_cohort(tmp_path)


def test_without_pyarrow_the_way_to_it_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "scores.parquet")
    monkeypatch.setattr(extras, "EXTRAS", {"train": ("no_such_module",)})
    with pytest.raises(MissingExtraError, match="reading Parquet needs no_such_module"):
        read_cohort(tmp_path)


def test_a_null_is_a_scale_without_a_score(tmp_path: Path) -> None:
    cases = read_cohort(write(tmp_path / "scores.parquet", quality=[None, 2.0, None]))
    assert repr(cases[1].scores["ann"]).endswith(", nan)")
