from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset

from lgeqa.cohort import Case, content_of, source_of, sources_of
from lgeqa.errors import ReadError
from lgeqa.io import discover
from lgeqa.training.case_reading import read_case
from tests.images import volume, write_dicom_series, write_volume


def case(folder: Path, scan_id: str = "one") -> Case:
    image, mask = (write_volume(folder / scan_id / f"{name}.mhd", volume()) for name in ("data", "shrinkwrap"))
    return Case(scan_id, "p", image, mask)


@pytest.mark.parametrize("name", ["data.raw", "shrinkwrap.raw", "data.mhd"])
def test_content_is_that_of_each_file(name: str, tmp_path: Path) -> None:
    made = case(tmp_path)
    before = content_of(made)
    path = made.image.with_name(name)
    path.write_bytes(path.read_bytes().replace(b"2.5", b"2.4") if path.suffix == ".mhd" else bytes(path.stat().st_size))
    assert content_of(made) != before


def test_content_does_not_hang_on_the_place(tmp_path: Path) -> None:
    made = case(tmp_path / "a")
    before = content_of(made)
    (tmp_path / "a").rename(tmp_path / "b")
    moved = tmp_path / "b" / "one"
    assert content_of(Case("one", "p", moved / "data.mhd", moved / "shrinkwrap.mhd")) == before
    assert content_of(replace(made, image=moved / "data.mhd", mask=None)) != before


def test_missing_and_foreign_files_are_reported(tmp_path: Path) -> None:
    made = case(tmp_path)
    with pytest.raises(ReadError, match=r"gone\.nrrd: cannot be read"):
        content_of(replace(made, image=tmp_path / "gone.nrrd"))
    (tmp_path / "scan.dcm").write_bytes(b"text")
    with pytest.raises(ReadError, match=r"scan\.dcm: is not an image; give NRRD, NIfTI, MetaImage or DICOM images"):
        content_of(replace(made, image=tmp_path / "scan.dcm"))


@pytest.fixture
def two_series(tmp_path: Path) -> Path:
    """A folder with two DICOM series, of number 3 with the UID 1.2.3, and of number 4."""

    def number(dataset: Dataset, _: int) -> None:
        dataset.SeriesNumber = 3 if dataset.SeriesInstanceUID == "1.2.3" else 4

    for seed, uid in enumerate(("1.2.3", "1.2.4")):
        name = f"{seed}-{{:02}}".format
        write_dicom_series(tmp_path / "both", volume(seed=seed), series_uid=uid, edit=number, name=name)
    return tmp_path / "both"


def test_a_dicom_folder_is_a_scan(tmp_path: Path) -> None:
    files = write_dicom_series(tmp_path / "dicom", volume())
    mask = write_volume(tmp_path / "mask.nrrd", (volume() > 0).astype(np.uint8))
    made = Case("one", "p", tmp_path / "dicom", mask)
    source = source_of(made)
    assert (source.scan_id, source.kind, source.files, source.mask_path) == ("one", "dicom", tuple(files), mask)
    scan, _ = read_case(made)
    np.testing.assert_array_equal(scan.voxels, volume())
    before = content_of(made)
    files[2].write_bytes(files[2].read_bytes() + b"more")
    assert content_of(made) != before


def test_a_folder_with_a_volume_is_a_scan(tmp_path: Path) -> None:
    write_volume(tmp_path / "one" / "image.nrrd", volume())
    assert source_of(Case("x", "p", tmp_path / "one", None)).location == tmp_path / "one" / "image.nrrd"


def test_several_series_must_be_told_apart(two_series: Path) -> None:
    made = Case("one", "p", two_series, None)
    names = [source.scan_id for source in discover([two_series])]
    with pytest.raises(ReadError) as error:
        content_of(made)
    assert str(error.value) == (
        f"{two_series}: holds 2 scans ({', '.join(names)}). Write the number or the SeriesInstanceUID of one of them, "
        "or its name as given here, in the column series of the table."
    )
    first, second = ({names[0], names[0].removeprefix("both_"), "3", "1.2.3"}, {names[1], f"x_{names[1]}", "4"})
    for series, number in [*((name, 0) for name in first), *((name, 1) for name in second)]:
        assert {file.name[0] for file in source_of(replace(made, series=series)).files} == {str(number)}
    assert content_of(replace(made, series="3")) != content_of(replace(made, series="4"))
    with pytest.raises(ReadError, match=r"both: holds 2 scans \(both_s3-\w+, both_s4-\w+\), of which 0 are series '5'"):
        content_of(replace(made, series="5"))


def test_equal_names_of_two_cohorts_are_distinguished(tmp_path: Path) -> None:
    cases = [case(tmp_path / name) for name in ("site-a", "site-b")]
    assert [source.scan_id for source in sources_of(cases)] == ["site-a_one", "site-b_one"]
    assert [source.mask_path for source in sources_of(cases)] == [one.mask for one in cases]
