from dataclasses import replace
from pathlib import Path

import pytest

from lgeqa.cohort import Case, content_of, sources_of
from lgeqa.errors import ReadError
from tests.images import volume, write_volume


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
    with pytest.raises(ReadError, match="is not a volume by its name or content"):
        content_of(replace(made, image=tmp_path / "scan.dcm"))


def test_equal_names_of_two_cohorts_are_distinguished(tmp_path: Path) -> None:
    cases = [case(tmp_path / name) for name in ("site-a", "site-b")]
    assert [source.scan_id for source in sources_of(cases)] == ["site-a_one", "site-b_one"]
    assert [source.mask_path for source in sources_of(cases)] == [one.mask for one in cases]
