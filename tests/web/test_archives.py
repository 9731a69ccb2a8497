import io
import stat
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from lgeqa.errors import TooLargeError, UploadError
from lgeqa.io import discover, read_scan
from lgeqa.web.archives import Intake
from lgeqa.web.settings import ServeSettings
from tests.images import volume, write_volume
from tests.web.serving import files_below, zipped

SETTINGS = ServeSettings.of({"unpacked_mb": 1, "archive_files": 3})


def archive(folder: Path, content: bytes) -> Path:
    inner = folder / "inner"
    inner.mkdir(exist_ok=True)
    path = inner / "study.zip"
    path.write_bytes(content)
    return path


def test_an_archive_becomes_a_folder_of_its_name(tmp_path: Path) -> None:
    path = archive(tmp_path, zipped({"series/1": b"one", "series/2": b"two", "notes.txt": b"x"}))

    Intake(path.parent, SETTINGS).unpack(path)

    assert files_below(tmp_path) == ["inner/study/notes.txt", "inner/study/series/1", "inner/study/series/2"]
    assert (tmp_path / "inner/study/series/2").read_bytes() == b"two"


@pytest.mark.parametrize(
    "name", ["../out.nrrd", "a/../../out.nrrd", "/etc/out.nrrd", "..\\out.nrrd", "C:\\out.nrrd", "\\\\host\\out.nrrd"]
)
def test_path_outside_the_folder_is_refused_and_not_written(tmp_path: Path, name: str) -> None:
    path = archive(tmp_path, zipped({"first.nrrd": b"fine", name: b"bad"}))

    with pytest.raises(UploadError, match="leads out") as told:
        Intake(path.parent, SETTINGS).unpack(path)

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
        Intake(path.parent, SETTINGS).unpack(path)

    assert files_below(tmp_path) == ["inner/study.zip"]


def test_too_many_files_are_refused_before_any_is_written(tmp_path: Path) -> None:
    path = archive(tmp_path, zipped({f"{number}": b"x" for number in range(4)}))

    with pytest.raises(TooLargeError, match=r"holds more than 3 files"):
        Intake(path.parent, SETTINGS).unpack(path)

    assert files_below(tmp_path) == ["inner/study.zip"]


def test_a_bomb_that_says_so_is_refused_before_any_is_written(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("zeros", bytes(2_000_000))
    assert len(content.getvalue()) < 10_000
    path = archive(tmp_path, content.getvalue())

    with pytest.raises(TooLargeError, match="more than 1 MB"):
        Intake(path.parent, SETTINGS).unpack(path)

    assert files_below(tmp_path) == ["inner/study.zip"]


def test_a_bomb_with_a_false_size_is_stopped_at_the_limit(tmp_path: Path) -> None:
    """Python's zipfile reads no more than an archive says of a file, so a lie comes to light as a wrong checksum."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("zeros", bytes(5_000_000))
    lying = content.getvalue().replace(struct.pack("<I", 5_000_000), struct.pack("<I", 100))
    path = archive(tmp_path, lying)

    with pytest.raises(UploadError):
        Intake(path.parent, SETTINGS).unpack(path)

    assert sum(found.stat().st_size for found in tmp_path.rglob("*") if found.is_file()) < 1_100_000


@pytest.mark.parametrize("content", [b"", b"no archive at all", zipped({"a": b"x" * 100})[:-30]])
def test_a_damaged_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UploadError, match=r"study.zip: is a damaged zip"):
        Intake(tmp_path, SETTINGS).unpack(archive(tmp_path, content))


def test_a_damaged_file_in_an_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UploadError, match=r"study.zip: is a damaged zip"):
        Intake(tmp_path, SETTINGS).unpack(archive(tmp_path, zipped({"a": b"content"}).replace(b"content", b"c0ntent")))


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    content = bytearray(zipped({"a": b"secret"}))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1

    with pytest.raises(UploadError, match=r"study.zip: is encrypted"):
        Intake(tmp_path, SETTINGS).unpack(archive(tmp_path, bytes(content)))


def test_names_invalid_on_a_disk_become_valid_and_stay_unique(tmp_path: Path) -> None:
    names = ["a:b.nrrd", "a?b.nrrd", "<b>.nrrd", "\x00", "x" * 300 + ".nii.gz"]

    intake = Intake(tmp_path, ServeSettings())

    paths = [intake.place(name) for name in names]
    for path in paths:
        path.write_bytes(b"")
    second = intake.place("a:b.nrrd")

    assert [path.name for path in paths[:3]] == ["a_b.nrrd", "a_b.nrrd", "b_.nrrd"]
    assert paths[4].name.endswith("x.nii.gz")
    assert second.name == "2_a_b.nrrd"
    assert all(path.parent == tmp_path for path in [*paths, second])


def test_header_and_data_of_one_name_stay_together(tmp_path: Path) -> None:
    intake = Intake(tmp_path, ServeSettings())
    places = []
    for _ in range(2):
        for name in ("my scan.mhd", "my scan.raw"):
            places.append(intake.place(name))
            places[-1].touch()
    assert [str(path.relative_to(tmp_path)) for path in places] == [
        "my_scan.mhd",
        "my_scan.raw",
        "2/my_scan.mhd",
        "2/my_scan.raw",
    ]


def test_header_finds_its_data_whose_name_was_changed(tmp_path: Path) -> None:
    sent = write_volume(tmp_path / "sent" / "my scan!.mhd", volume())
    intake = Intake(tmp_path / "kept", ServeSettings())
    for path in sorted(sent.parent.iterdir()):
        intake.place(path.name).write_bytes(path.read_bytes())
    [source] = discover([tmp_path / "kept"])
    np.testing.assert_array_equal(read_scan(source).voxels, volume())


def test_hidden_files_and_macos_folders_in_archives_are_ignored(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as made:
        for name in ("a.nrrd", "__MACOSX/._a.nrrd", "__MACOSX/a.nrrd", "._a.nrrd", ".trash/a.nrrd", "b/.DS_Store"):
            made.writestr(name, b"x")
    Intake(tmp_path, SETTINGS).unpack(archive(tmp_path, content.getvalue()))
    assert files_below(tmp_path) == ["inner/study/a.nrrd"]


@pytest.mark.parametrize("name", ["", "/", ".", "./"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UploadError, match="leads out"):
        Intake(tmp_path, SETTINGS).place(name)


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packings_that_unpack_a_block_at_once_are_refused(tmp_path: Path, packing: int) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", packing) as made:
        made.writestr("zeros", bytes(500_000))

    with pytest.raises(UploadError, match=r"packed in a way that is not supported"):
        Intake(tmp_path, SETTINGS).unpack(archive(tmp_path, content.getvalue()))

    assert files_below(tmp_path) == ["inner/study.zip"]


def test_too_large_directory_of_an_archive_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive(tmp_path, zipped({f"{number:030}": b"" for number in range(100)}))
    monkeypatch.setattr("lgeqa.web.archives.ZipFile", None)

    with pytest.raises(TooLargeError, match="up to 3 are taken"):
        Intake(tmp_path, SETTINGS).unpack(path)


def test_limits_count_all_archives_of_an_upload(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.zip").write_bytes(zipped({"zeros": bytes(600_000)}))
    with pytest.raises(TooLargeError, match=r"b.zip: is more than 1 MB when it is unpacked, with what else was sent"):
        Intake(tmp_path, SETTINGS).unpack_all()

    (tmp_path / "b.zip").write_bytes(zipped({"1": b"", "2": b"", "3": b""}))
    intake = Intake(tmp_path, SETTINGS)
    intake.place("sent.nrrd")
    with pytest.raises(TooLargeError, match="more than 3 files"):
        intake.unpack_all()


def test_parts_of_an_upload_are_counted(tmp_path: Path) -> None:
    intake = Intake(tmp_path, SETTINGS)
    for number in range(3):
        intake.place(f"{number}.nrrd")

    with pytest.raises(TooLargeError, match="more than 3 files"):
        intake.place("4.nrrd")


def test_numbering_of_equal_names_is_fast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    intake, looks, exists = Intake(tmp_path, ServeSettings()), [], Path.exists

    def look(path: Path) -> bool:
        looks.append(path)
        return exists(path)

    monkeypatch.setattr(Path, "exists", look)
    names = set()
    for _ in range(300):
        path = intake.place("image.dcm")
        path.touch()
        names.add(path.name)

    assert len(names) == 300
    assert len(looks) < 4 * 300
