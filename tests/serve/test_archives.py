import io
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from lgeqa.errors import TooLargeError, UploadError
from lgeqa.serve.archives import place_below, unpack
from lgeqa.serve.settings import ServeSettings
from tests.serve.serving import files_below, zipped

SETTINGS = ServeSettings.of({"unpacked_mb": 1, "archive_files": 3})


def archive(folder: Path, content: bytes) -> Path:
    inner = folder / "inner"
    inner.mkdir(exist_ok=True)
    path = inner / "study.zip"
    path.write_bytes(content)
    return path


def test_an_archive_becomes_a_folder_of_its_name(tmp_path: Path) -> None:
    path = archive(tmp_path, zipped({"series/1": b"one", "series/2": b"two", "notes.txt": b"x"}))

    unpack(path, SETTINGS)

    assert files_below(tmp_path) == ["inner/study/notes.txt", "inner/study/series/1", "inner/study/series/2"]
    assert (tmp_path / "inner/study/series/2").read_bytes() == b"two"


@pytest.mark.parametrize(
    "name", ["../out.nrrd", "a/../../out.nrrd", "/etc/out.nrrd", "..\\out.nrrd", "C:\\out.nrrd", "\\\\host\\out.nrrd"]
)
def test_a_path_that_leads_out_is_refused_and_nothing_is_written_there(tmp_path: Path, name: str) -> None:
    path = archive(tmp_path, zipped({"first.nrrd": b"fine", name: b"bad"}))

    with pytest.raises(UploadError, match="leads out") as told:
        unpack(path, SETTINGS)

    assert "out.nrrd" in str(told.value)
    assert [found for found in files_below(tmp_path) if "out" in found] == []
    assert not Path("/etc/out.nrrd").exists()


def test_a_link_is_refused(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as made:
        link = zipfile.ZipInfo("passwords")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(link, "/etc/passwd")
    path = archive(tmp_path, content.getvalue())

    with pytest.raises(UploadError, match="'passwords'"):
        unpack(path, SETTINGS)

    assert files_below(tmp_path) == ["inner/study.zip"]


def test_too_many_files_are_refused_before_any_is_written(tmp_path: Path) -> None:
    path = archive(tmp_path, zipped({f"{number}": b"x" for number in range(4)}))

    with pytest.raises(TooLargeError, match=r"study.zip: holds 4 files; up to 3"):
        unpack(path, SETTINGS)

    assert files_below(tmp_path) == ["inner/study.zip"]


def test_a_bomb_that_says_so_is_refused_before_any_is_written(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("zeros", bytes(2_000_000))
    assert len(content.getvalue()) < 10_000
    path = archive(tmp_path, content.getvalue())

    with pytest.raises(TooLargeError, match="more than 1 MB"):
        unpack(path, SETTINGS)

    assert files_below(tmp_path) == ["inner/study.zip"]


def test_a_bomb_that_lies_is_stopped_at_the_limit(tmp_path: Path) -> None:
    """Python's zipfile reads no more than an archive says of a file, so a lie comes to light as a wrong checksum."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("zeros", bytes(5_000_000))
    lying = content.getvalue().replace(struct.pack("<I", 5_000_000), struct.pack("<I", 100))
    path = archive(tmp_path, lying)

    with pytest.raises(UploadError):
        unpack(path, SETTINGS)

    assert sum(found.stat().st_size for found in tmp_path.rglob("*") if found.is_file()) < 1_100_000


@pytest.mark.parametrize("content", [b"", b"no archive at all", zipped({"a": b"x" * 100})[:-30]])
def test_a_damaged_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UploadError, match=r"study.zip: is a damaged zip"):
        unpack(archive(tmp_path, content), SETTINGS)


def test_a_damaged_file_in_an_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UploadError, match=r"study.zip: is a damaged zip"):
        unpack(archive(tmp_path, zipped({"a": b"content"}).replace(b"content", b"c0ntent")), SETTINGS)


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    content = bytearray(zipped({"a": b"secret"}))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1

    with pytest.raises(UploadError, match=r"study.zip: is encrypted"):
        unpack(archive(tmp_path, bytes(content)), SETTINGS)


def test_names_that_a_disk_cannot_hold_are_changed_and_keep_apart(tmp_path: Path) -> None:
    names = ["a:b.nrrd", "a?b.nrrd", "<b>.nrrd", "\x00", "x" * 300 + ".nii.gz"]

    paths = [place_below(tmp_path, name) for name in names]
    for path in paths:
        path.write_bytes(b"")
    second = place_below(tmp_path, "a:b.nrrd")

    assert [path.name for path in paths[:3]] == ["a_b.nrrd", "a_b.nrrd", "b_.nrrd"]
    assert paths[4].name.endswith("x.nii.gz")
    assert second.name == "2_a_b.nrrd"
    assert all(path.parent == tmp_path for path in [*paths, second])


@pytest.mark.parametrize("name", ["", "/", ".", "./"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UploadError, match="leads out"):
        place_below(tmp_path, name)
