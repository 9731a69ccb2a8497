"""Which scans are found in files and folder trees, and under which names."""

import os
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    BasicTextSRStorage,
    ExplicitVRLittleEndian,
    GrayscaleSoftcopyPresentationStateStorage,
    MediaStorageDirectoryStorage,
    SegmentationStorage,
    generate_uid,
)

from lgeqa.errors import ReadError
from lgeqa.io import Source, discover, read_scan
from lgeqa.io.dicom_header import series_of
from lgeqa.io.scan_ids import Name, unique_names
from tests.images import volume, write_dicom_series, write_volume
from tests.io.conftest import ordinary_user


def ids(*paths: Path) -> list[str]:
    return [source.scan_id for source in discover(paths)]


def only(*paths: Path) -> Source:
    (source,) = discover(paths)
    return source


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"not looked at")
    return path


def assert_unusable(source: Source, path: Path, fault: str) -> None:
    assert source.kind == "unusable"
    assert source.location == path
    assert source.files == ()
    assert source.fault.startswith(f"{path}: ")
    with pytest.raises(ReadError, match=fault) as caught:
        read_scan(source)
    assert str(caught.value) == source.fault


# --- volumes


@pytest.mark.parametrize("name", ["a.nrrd", "a.nhdr", "a.nii", "a.nii.gz", "a.mha", "a.mhd", "a.NRRD", "a.Nii.GZ"])
def test_volumes_are_recognised_by_suffix(name: str, tmp_path: Path) -> None:
    path = touch(tmp_path / name)
    assert only(tmp_path) == Source("a", "volume", path, (path,))
    assert only(path) == Source("a", "volume", path, (path,))


def test_order_and_names_below_the_folder(tmp_path: Path) -> None:
    for name in ["b.nrrd", "a.nii", "z/2.mha", "z/10.mha", "c/d/e.nrrd"]:
        touch(tmp_path / name)
    assert ids(tmp_path) == ["a", "b", "c_d_e", "z_10", "z_2"]
    assert ids(tmp_path / "z", tmp_path / "b.nrrd") == ["10", "2", "b"]


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    for name in [".hidden/a.nrrd", "._b.nrrd", "c.nrrd"]:
        touch(tmp_path / name)
    assert ids(tmp_path) == ["c"]


def test_hidden_folder_is_read_if_it_is_given(tmp_path: Path) -> None:
    touch(tmp_path / ".hidden/a.nrrd")
    assert ids(tmp_path / ".hidden") == ["a"]


def test_relative_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = touch(tmp_path / "x/a.nrrd")
    monkeypatch.chdir(tmp_path / "x")
    assert only(Path()) == only(Path("a.nrrd")) == only(Path("../x/a.nrrd"))
    assert only(Path()).location == path


def test_sources_go_to_other_processes(tmp_path: Path) -> None:
    source = only(touch(tmp_path / "a.nrrd"))
    assert pickle.loads(pickle.dumps(source)) == source


# --- the authors' layout


def test_authors_layout(tmp_path: Path) -> None:
    for scan in ("lge-002", "lge-001"):
        touch(tmp_path / scan / "data.nrrd")
        touch(tmp_path / scan / "shrinkwrap.nrrd")
    first, second = discover([tmp_path])
    folder = tmp_path / "lge-001"
    assert first == Source(
        "lge-001", "volume", folder / "data.nrrd", (folder / "data.nrrd",), folder / "shrinkwrap.nrrd"
    )
    assert second.scan_id == "lge-002"


@pytest.mark.parametrize("given", [".", "data.nrrd"])
def test_authors_layout_of_one_scan(given: str, tmp_path: Path) -> None:
    touch(tmp_path / "lge-001/data.nrrd")
    mask = touch(tmp_path / "lge-001/Shrinkwrap.NRRD")
    source = only(tmp_path / "lge-001" / given)
    assert source.scan_id == "lge-001"
    assert source.mask_path == mask


def test_mask_named_together_with_its_scan(tmp_path: Path) -> None:
    data, mask = touch(tmp_path / "p/data.nrrd"), touch(tmp_path / "p/shrinkwrap.nrrd")
    assert ids(mask, data) == ["p"]


def test_scan_without_mask(tmp_path: Path) -> None:
    assert only(touch(tmp_path / "p/data.nrrd")).mask_path is None


def test_mask_without_scan(tmp_path: Path) -> None:
    mask = touch(tmp_path / "p/shrinkwrap.nrrd")
    assert_unusable(only(tmp_path), mask, "is the mask of a scan and no scan")
    touch(tmp_path / "p/data.nrrd")
    assert_unusable(only(mask), mask, "is the mask of a scan and no scan")


def test_mask_in_a_folder_that_cannot_be_listed(open_folder: Path) -> None:
    path = touch(open_folder / "p/data.nrrd")
    touch(open_folder / "p/shrinkwrap.nrrd")
    path.parent.chmod(0o311)
    with ordinary_user():
        assert only(path).mask_path is None


# --- DICOM


def test_one_series(tmp_path: Path) -> None:
    paths = write_dicom_series(tmp_path / "patient" / "lge", volume())
    series = series_of(paths[0])
    assert series
    source = Source("patient_lge", "dicom", tmp_path / "patient" / "lge", tuple(paths), series=series.name)
    assert only(tmp_path) == source
    assert only(tmp_path / "patient" / "lge").scan_id == "lge"
    assert only(*paths).scan_id == "lge"


def test_series_in_one_folder(tmp_path: Path) -> None:
    for number in range(3):
        write_dicom_series(tmp_path / "study", volume(seed=number), name=lambda i, n=number: f"{i}-{n}")  # type: ignore[misc]
    sources = discover([tmp_path])
    assert all(re.fullmatch(r"study_s0-[0-9a-f]{6}", source.scan_id) for source in sources)
    assert [source.files[0].name for source in sources] == ["0-0", "0-1", "0-2"]
    assert {len(source.files) for source in sources} == {6}


def test_series_in_several_folders(tmp_path: Path) -> None:
    paths = write_dicom_series(tmp_path / "study", volume())
    for index, path in enumerate(paths):
        part = tmp_path / "study" / f"part{index % 2}"
        part.mkdir(exist_ok=True)
        path.rename(part / path.name)
    source = only(tmp_path)
    assert source.scan_id == "study"
    assert source.location == tmp_path / "study"
    assert [path.name for path in source.files] == [f"IM{index:04d}" for index in range(6)]


def test_series_over_several_paths(tmp_path: Path) -> None:
    series = generate_uid()
    for part in "ab":
        write_dicom_series(tmp_path / "study" / part, volume((3, 9, 8)), series_uid=series)
    source = only(tmp_path / "study" / "a", tmp_path / "study" / "b")
    assert len(source.files) == 6
    assert source.scan_id == "study"


def write_series(folder: Path, prefix: str = "IM", *, n: int = 6, **elements: Any) -> None:
    """A series of one UID, `1.2.3`, with further elements."""

    def edit(dataset: Dataset, index: int) -> None:
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)

    write_dicom_series(
        folder, volume((n, 9, 8)), series_uid="1.2.3", edit=edit, name=lambda index: f"{prefix}{index:04}"
    )


@pytest.mark.parametrize("keyword", ["PatientID", "StudyInstanceUID", "SeriesNumber", "FrameOfReferenceUID"])
def test_one_uid_in_two_series_is_distinguished(keyword: str, tmp_path: Path) -> None:
    for name, value in (("a", "1"), ("b", "2")):
        elements: dict[str, Any] = {keyword: value}
        write_series(tmp_path / name, **elements)
    assert ids(tmp_path) == ["a", "b"]


def test_a_uid_for_each_image_is_one_series(tmp_path: Path) -> None:
    write_dicom_series(
        tmp_path / "study", volume(), edit=lambda dataset, _: setattr(dataset, "SeriesInstanceUID", generate_uid())
    )
    scan = read_scan(only(tmp_path))
    assert scan.voxels.shape == (6, 9, 8)
    assert scan.warnings == ("Each DICOM file has a SeriesInstanceUID of its own; they were taken as one series.",)


def test_images_without_class_are_a_series(tmp_path: Path) -> None:
    for path in write_dicom_series(tmp_path / "study", volume()):
        dataset = dcmread(path)
        del dataset.SOPClassUID
        del dataset.file_meta.MediaStorageSOPClassUID
        dataset.save_as(path, enforce_file_format=False)
    assert read_scan(only(tmp_path)).voxels.shape == (6, 9, 8)


def test_scouts_of_a_series_are_distinguished_from_its_stack(tmp_path: Path) -> None:
    write_series(tmp_path / "study")
    for number, orientation in enumerate(([0, 1, 0, 0, 0, -1], [1, 0, 0, 0, 0, -1])):
        write_series(tmp_path / "study", f"SC{number}", n=1, ImageOrientationPatient=orientation)
    stack, scouts = discover([tmp_path])
    assert read_scan(stack).voxels.shape == (6, 9, 8)
    assert len(scouts.files) == 2


def test_name_of_a_series_stays_when_another_is_added(tmp_path: Path) -> None:
    for number in (3, 7):
        write_series(tmp_path / "study", f"{number}-", SeriesNumber=number)
    before = ids(tmp_path)
    write_dicom_series(tmp_path / "study", volume(), name=lambda index: f"0-{index}")
    assert [name[:8] for name in before] == ["study_s3", "study_s7"]
    assert before == ids(tmp_path)[1:]


def test_record_of_a_series_names_it_and_its_first_file(tmp_path: Path) -> None:
    write_series(tmp_path / "study", SeriesNumber=12)
    assert read_scan(only(tmp_path)).series == "number 12, 6 images, first file IM0000"


def test_masks_of_an_earlier_run_are_left_out(tmp_path: Path) -> None:
    for name in ("a.nrrd", "results/masks/a.nrrd", "results/b.nrrd", "other/masks/c.nrrd"):
        write_volume(tmp_path / name, volume())
    for name in ("results.csv", "measures.json"):
        (tmp_path / "results" / name).touch()
    assert ids(tmp_path) == ["a", "other_masks_c", "results_b"]


def test_images_without_series_belong_to_their_folder(tmp_path: Path) -> None:
    for name in "ab":
        write_dicom_series(tmp_path / name, volume(), edit=lambda dataset, _: delattr(dataset, "SeriesInstanceUID"))
    assert ids(tmp_path) == ["a", "b"]


@pytest.mark.parametrize("name", ["{}", "{}.dcm", "{}.IMA", "1.2.{}", "{}.txt"])
def test_dicom_is_recognised_by_content(name: str, tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume(), name=name.format)
    assert len(only(tmp_path).files) == 6


def test_junk_does_no_harm(tmp_path: Path) -> None:
    write_dicom_series(tmp_path / "s", volume())
    junk = {
        ".DS_Store": b"\x00\x00\x00\x01Bud1",
        "Thumbs.db": b"\xd0\xcf\x11\xe0",
        "notes.txt": b"some notes",
        "report.pdf": b"%PDF-1.4",
        "empty": b"",
        "small": b"\x08",
        "like-dicom.raw": b"\x08\x00\x08\x00" + bytes(range(256)) * 8,
        "zeros.raw": b"\x02\x00\x00\x00" + bytes(5000),
        "ones.raw": b"\x00\x08\x00\x08" + b"\xff" * 5000,
    }
    for name, content in junk.items():
        (tmp_path / "s" / name).write_bytes(content)
    os.mkfifo(tmp_path / "s" / "pipe")
    (tmp_path / "s" / "dangling").symlink_to(tmp_path / "nowhere")
    source = only(tmp_path)
    assert source.kind == "dicom"
    assert len(source.files) == 6


def test_dicomdir_is_no_image(tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume())
    dicomdir = Dataset()
    dicomdir.file_meta = FileMetaDataset()
    dicomdir.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dicomdir.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    dicomdir.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dicomdir.FileSetID = "EXPORT"
    dicomdir.save_as(tmp_path / "DICOMDIR", enforce_file_format=True)
    assert (tmp_path / "DICOMDIR").read_bytes()[128:132] == b"DICM"
    assert len(only(tmp_path).files) == 6


@pytest.mark.parametrize(
    "sop_class", [BasicTextSRStorage, GrayscaleSoftcopyPresentationStateStorage, SegmentationStorage]
)
def test_objects_that_are_no_images_are_ignored(sop_class: str, tmp_path: Path) -> None:
    series = generate_uid()
    write_dicom_series(tmp_path, volume(), series_uid=series)
    write_dicom_series(
        tmp_path / "other",
        volume((1, 9, 8)),
        series_uid=series,
        edit=lambda dataset, _: setattr(dataset, "SOPClassUID", sop_class),
    )
    assert len(only(tmp_path).files) == 6


@pytest.mark.parametrize(("has_rows", "found"), [(True, 6), (False, 0)])
def test_private_classes_are_images_if_they_have_rows(has_rows: bool, found: int, tmp_path: Path) -> None:
    def edit(dataset: Dataset, index: int) -> None:
        dataset.SOPClassUID = "1.3.12.2.1107.5.9.1"
        if not has_rows:
            del dataset.Rows

    write_dicom_series(tmp_path, volume(), edit=edit)
    assert len(only(tmp_path).files) == found


def test_damaged_dicom_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "IM1"
    path.write_bytes(bytes(128) + b"DICM" + b"\x02\x00\x00\x00UL\x04\x00\xff\xff\xff\x00" + b"\x08\x00\x05\x00CS\x00")
    source = only(tmp_path)
    assert_unusable(source, path, "is a damaged DICOM file")
    assert source.scan_id == "IM1"


# --- paths that cannot be used


def test_missing_path_is_one_entry(tmp_path: Path) -> None:
    missing = tmp_path / "none.nrrd"
    touch(tmp_path / "a.nrrd")
    first, second = discover([missing, tmp_path / "a.nrrd"])
    assert_unusable(first, missing, r"cannot be opened \(no such file or directory\)")
    assert second.kind == "volume"


def test_file_that_is_no_image(tmp_path: Path) -> None:
    path = touch(tmp_path / "notes.txt")
    assert_unusable(only(path), path, "is not an image; give NRRD, NIfTI, MetaImage or DICOM images")


@pytest.mark.timeout(100)
@pytest.mark.parametrize("name", ["pipe", "pipe.nrrd"])
def test_pipe_is_not_opened(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    assert_unusable(only(tmp_path / name), tmp_path / name, "is not a regular file, so it was not opened; give NRRD")


@pytest.mark.timeout(100)
@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/proc/self/environ", "/proc/kcore", "/proc/1/mem"])
def test_device_is_not_opened(path: str) -> None:
    if Path(path).exists():
        assert_unusable(only(Path(path)), Path(path), "is not a regular file, so it was not opened; give NRRD")


def test_folder_with_nothing_in_it(tmp_path: Path) -> None:
    touch(tmp_path / "notes.txt")
    assert_unusable(only(tmp_path), tmp_path, "no scan was found in it")


def test_folder_without_permission(open_folder: Path) -> None:
    touch(open_folder / "a/x.nrrd").parent.chmod(0)
    touch(open_folder / "b/x.nrrd")
    with ordinary_user():
        volume_, closed = sorted(discover([open_folder]), key=lambda source: source.kind, reverse=True)
        assert volume_.scan_id == "b_x"
        assert_unusable(closed, open_folder / "a", r"the folder cannot be opened \(permission denied\)")
        assert_unusable(only(open_folder / "a"), open_folder / "a", "the folder cannot be opened")
        inside = open_folder / "a" / "x.nrrd"
        assert_unusable(only(inside), inside, r"cannot be opened \(permission denied\)")


def test_files_without_permission(open_folder: Path) -> None:
    for path in write_dicom_series(open_folder / "s", volume()):
        path.chmod(0)
    touch(open_folder / "a.nrrd")
    with ordinary_user():
        first, second = discover([open_folder])
    assert first.scan_id == "a"
    assert_unusable(second, open_folder / "s", r"such as IM0000 \(permission denied\)")


def test_name_that_is_not_utf8(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/a\xff.nrrd"
    Path(os.fsdecode(raw)).touch()
    touch(tmp_path / "b.nrrd")
    first, second = discover([tmp_path])
    assert second.scan_id == "b"
    assert_unusable(first, tmp_path / "a\N{REPLACEMENT CHARACTER}.nrrd", "is not valid UTF-8")


# --- reached twice


def test_same_file_twice(tmp_path: Path) -> None:
    path = touch(tmp_path / "x/a.nrrd")
    assert ids(path, path) == ["a"]
    assert ids(path, tmp_path) == ["a"]
    assert ids(tmp_path, path) == ["x_a"]
    assert ids(tmp_path, tmp_path) == ["x_a"]
    assert ids(tmp_path / "x", tmp_path) == ["a"]
    assert ids(tmp_path, tmp_path / "x") == ["x_a"]


def test_same_series_twice(tmp_path: Path) -> None:
    paths = write_dicom_series(tmp_path / "s", volume())
    assert len(only(tmp_path, *paths).files) == 6
    assert len(only(*paths, tmp_path).files) == 6


def test_links_are_followed_once(tmp_path: Path) -> None:
    touch(tmp_path / "real/a.nrrd")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/loop").symlink_to(tmp_path / "tree")
    (tmp_path / "tree/linked").symlink_to(tmp_path / "real")
    (tmp_path / "tree/linked-too").symlink_to(tmp_path / "real")
    (tmp_path / "tree/a-again.nrrd").symlink_to(tmp_path / "real/a.nrrd")
    assert ids(tmp_path / "tree") == ["a-again"]
    assert ids(tmp_path / "tree/linked") == ["a"]


def test_link_to_itself(tmp_path: Path) -> None:
    (tmp_path / "a.nrrd").symlink_to(tmp_path / "a.nrrd")
    assert_unusable(only(tmp_path / "a.nrrd"), tmp_path / "a.nrrd", "too many levels of symbolic links")


def test_skipped_folders(tmp_path: Path) -> None:
    touch(tmp_path / "a.nrrd")
    touch(tmp_path / "out/masks/b.nrrd")
    assert [source.scan_id for source in discover([tmp_path], skip=[tmp_path / "out" / "masks"])] == ["a"]
    assert discover([tmp_path / "out" / "masks"], skip=[tmp_path / "out" / "masks"]) == []


# --- names


def test_same_names_get_their_folders(tmp_path: Path) -> None:
    for folder in ("s1", "s2"):
        touch(tmp_path / folder / "a.nrrd")
    assert ids(tmp_path / "s1", tmp_path / "s2") == ["s1_a", "s2_a"]


def test_names_differ_where_case_does_not_count(tmp_path: Path) -> None:
    for name in ("a.nrrd", "A.nii"):
        touch(tmp_path / name)
    assert ids(tmp_path) == ["A-1", "a-2"]


def test_names_that_sanitising_makes_the_same(tmp_path: Path) -> None:
    for name in ("a b.nrrd", "a+b.nrrd", "a_b.nrrd", "a_b-1.nrrd"):
        touch(tmp_path / name)
    assert ids(tmp_path) == ["a_b-2", "a_b-3", "a_b-1", "a_b-4"]


@pytest.mark.timeout(100)
def test_many_scans_of_one_name() -> None:
    names = [Name(("a b" if number % 2 else "a_b",), 1) for number in range(20_000)]
    made = unique_names(names)
    assert made[:2] == ["a_b-1", "a_b-2"]
    assert len(set(made)) == len(names)


def test_path_below_the_root_of_everything() -> None:
    assert only(Path("/none-such.nrrd")).scan_id == "none-such"
