"""DICOM series: what is read, and what is refused and how."""

import re
import warnings
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import MPEG2MPML, JPEGLSLossless, generate_uid
from scipy.spatial.transform import Rotation

from lgeqa.errors import NotAssessableError, ReadError, ScanError
from lgeqa.io import Limits, discover, read_scan
from lgeqa.records import Scan
from tests.images import SPACING_MM, volume, write_dicom_series
from tests.io.conftest import ordinary_user

Edit = Callable[[Dataset, int], None]


def read_one(folder: Path, limits: Limits = Limits()) -> Scan:  # noqa: B008 - frozen
    (source,) = discover([folder])
    return read_scan(source, limits=limits)


def refused(folder: Path, kind: type[ScanError], message: str, limits: Limits = Limits()) -> None:  # noqa: B008 - frozen
    """The series is refused with this kind of error, and with a short message that tells nothing of the patient."""
    with pytest.raises(kind, match=message) as caught:
        read_one(folder, limits)
    assert type(caught.value) is kind
    text = str(caught.value)
    assert text.startswith(str(folder))
    assert "secret" not in text.lower()
    assert "19991231" not in text
    assert "1.2.826" not in text
    assert len(text) < len(str(folder)) + 260


def put(**elements: Any) -> Edit:
    """Set elements in every file."""

    def edit(dataset: Dataset, index: int) -> None:
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)

    return edit


def put_in(chosen: int, **elements: Any) -> Edit:
    """Set elements in the file with this index alone."""

    def edit(dataset: Dataset, index: int) -> None:
        if index == chosen:
            put(**elements)(dataset, index)

    return edit


def drop(keyword: str) -> Edit:
    def edit(dataset: Dataset, index: int) -> None:
        delattr(dataset, keyword)

    return edit


def move(shift_mm: Callable[[int], float], axis: int = 2) -> Edit:
    """Move each image along x, y or z."""

    def edit(dataset: Dataset, index: int) -> None:
        dataset.ImagePositionPatient[axis] += shift_mm(index)

    return edit


# --- values


def test_order_comes_from_positions_not_from_names_or_numbers(tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume(), name=lambda index: f"{(index * 5) % 6}.dcm")
    np.testing.assert_array_equal(read_one(tmp_path).voxels, volume())


def test_rescale_of_each_file_is_applied(tmp_path: Path) -> None:
    def edit(dataset: Dataset, index: int) -> None:
        dataset.RescaleSlope, dataset.RescaleIntercept = 0.5 + index, -3 * index

    write_dicom_series(tmp_path, volume(), edit=edit)
    expected = [slab * (0.5 + index) - 3 * index for index, slab in enumerate(volume())]
    np.testing.assert_array_equal(read_one(tmp_path).voxels, expected)


@pytest.mark.parametrize(("signed", "bits", "high"), [(0, 12, 4095), (0, 16, 65535), (1, 16, -1)])
def test_monochrome1_is_mirrored_before_rescale(signed: int, bits: int, high: int, tmp_path: Path) -> None:
    edit = put(
        PhotometricInterpretation="MONOCHROME1",
        PixelRepresentation=signed,
        BitsStored=bits,
        HighBit=bits - 1,
        RescaleSlope=2,
        RescaleIntercept=1,
    )
    write_dicom_series(tmp_path, volume(), edit=edit)
    np.testing.assert_array_equal(read_one(tmp_path).voxels, (high - volume().astype(float)) * 2 + 1)


def test_hash_is_that_of_the_files_in_order_of_names(tmp_path: Path) -> None:
    paths = write_dicom_series(tmp_path, volume(), name=lambda index: f"{(index * 5) % 6}.dcm")
    joined = b"".join(path.read_bytes() for path in sorted(paths))
    assert read_one(tmp_path).sha256 == sha256(joined).hexdigest()


def test_slightly_uneven_positions_are_rounding(tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume(), edit=move(lambda index: 0.04 * (index % 2)))
    scan = read_one(tmp_path)
    assert scan.spacing_mm[0] == pytest.approx(SPACING_MM[0], abs=0.01)
    assert scan.warnings == ()


def test_jitter_of_positions_is_reported(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    shifts = rng.uniform(-0.08, 0.08, 44)
    write_dicom_series(tmp_path, volume((44, 9, 8)), edit=move(lambda index: shifts[index]))
    scan = read_one(tmp_path)
    np.testing.assert_array_equal(scan.voxels, volume((44, 9, 8)))
    assert scan.spacing_mm[0] == pytest.approx(SPACING_MM[0], abs=0.01)
    [told] = scan.warnings
    assert re.fullmatch(
        r"The images lie up to 0\.0\d mm off an even spacing of 2\.50 mm; they were taken as even\.", told
    )


def test_small_turns_between_images_are_evened_and_reported(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)

    def edit(dataset: Dataset, index: int) -> None:
        turn = Rotation.from_rotvec(rng.uniform(-0.002, 0.002, 3)).as_matrix()
        dataset.ImageOrientationPatient = [round(float(value), 7) for value in turn[:, :2].T.ravel()]

    write_dicom_series(tmp_path, volume((44, 9, 8)), edit=edit)
    scan = read_one(tmp_path)
    np.testing.assert_array_equal(scan.voxels, volume((44, 9, 8)))
    direction = np.array(scan.grid.direction).reshape(3, 3)
    np.testing.assert_allclose(direction @ direction.T, np.eye(3), atol=1e-9)
    assert np.abs(direction - np.eye(3)).max() < 0.001
    [told] = scan.warnings
    assert re.fullmatch(r"The directions of the images differ by up to 0\.00\d\d; their median was taken\.", told)


def test_spacing_comes_from_positions(tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume(), edit=put(SliceThickness=9, SpacingBetweenSlices=7))
    assert read_one(tmp_path).spacing_mm == pytest.approx(SPACING_MM)


def test_copies_are_left_out(tmp_path: Path) -> None:
    paths = write_dicom_series(tmp_path / "a", volume())
    (tmp_path / "b").mkdir()
    for path in paths[:4]:
        (tmp_path / "b" / path.name).write_bytes(path.read_bytes())
    scan = read_one(tmp_path)
    np.testing.assert_array_equal(scan.voxels, volume())
    assert scan.warnings == ("4 DICOM files are copies of others and were left out.",)


def test_copies_that_another_programme_wrote(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for path in write_dicom_series(tmp_path / "a", volume()):
        dataset = dcmread(path)
        dataset.add_new(0x00090010, "LO", "SOMEBODY")
        dataset.add_new(0x00091001, "LO", "more")
        dataset.save_as(tmp_path / "b" / path.name)
    scan = read_one(tmp_path)
    np.testing.assert_array_equal(scan.voxels, volume())
    assert scan.warnings == ("6 DICOM files are copies of others and were left out.",)


def test_other_pixels_of_the_same_identity_are_no_copies(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for path in write_dicom_series(tmp_path / "a", volume()):
        dataset = dcmread(path)
        dataset.PixelData = bytes(len(dataset.PixelData))
        dataset.save_as(tmp_path / "b" / path.name)
    refused(tmp_path, ReadError, "12 images at 6 positions")


def test_compressed_series(tmp_path: Path) -> None:
    from pydicom.uid import RLELossless

    for path in write_dicom_series(tmp_path, volume()):
        dataset = dcmread(path)
        dataset.compress(RLELossless)
        dataset.save_as(path)
    np.testing.assert_array_equal(read_one(tmp_path).voxels, volume())


def test_no_modality_is_taken_as_mr(tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume(), edit=put(Modality=""))
    assert read_one(tmp_path).warnings == ("The DICOM files do not name their modality; it was taken as MR.",)


@pytest.mark.parametrize(("implicit", "little"), [(True, True), (False, True), (False, False)])
def test_files_without_preamble(implicit: bool, little: bool, tmp_path: Path) -> None:
    for path in write_dicom_series(tmp_path, volume()):
        dataset = Dataset(dcmread(path))
        if not little:
            dataset.PixelData = np.frombuffer(dataset.PixelData, "<i2").astype(">i2").tobytes()
        dataset.save_as(path, implicit_vr=implicit, little_endian=little, enforce_file_format=False)
        assert path.read_bytes()[128:132] != b"DICM"
    np.testing.assert_array_equal(read_one(tmp_path).voxels, volume())


def test_odd_values_in_the_header_warn_nobody(tmp_path: Path) -> None:
    # pydicom would warn, and quote the values
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        edit = put(PatientBirthDate="secret", StudyTime="secret", SpecificCharacterSet="secret")
        write_dicom_series(tmp_path, volume(), edit=edit)
    np.testing.assert_array_equal(read_one(tmp_path).voxels, volume())


def test_nothing_of_the_patient_gets_into_the_scan(tmp_path: Path) -> None:
    write_dicom_series(tmp_path / "study", volume())
    scan = read_one(tmp_path / "study")
    told = f"{scan.scan_id} {scan.source} {scan.warnings} {scan.grid}".lower()
    assert scan.scan_id == "study"
    assert not any(word in told for word in ("secret", "19991231", "1.2.826"))


# --- the stack


@pytest.mark.parametrize("count", [1, 4])
def test_few_images(count: int, tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume((count, 9, 8)))
    refused(tmp_path, NotAssessableError, f"has {count} of the at least 5 images")


@pytest.mark.parametrize(("lost", "count"), [([2], 1), ([2, 3], 2)])
def test_missing_slices(lost: list[int], count: int, tmp_path: Path) -> None:
    paths = write_dicom_series(tmp_path, volume((9, 9, 8)))
    for index in lost:
        paths[index].unlink()
    gap = 2.5 * (count + 1)
    refused(tmp_path, ReadError, rf"{count} or more slices are missing \(a gap of {gap:.2f} mm among gaps of 2.50 mm\)")


def test_uneven_gaps(tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume(), edit=move(lambda index: 1.0 * (index > 3)))
    refused(tmp_path, ReadError, r"unevenly spaced \(a gap of 3.50 mm among gaps of 2.50 mm\)")


def test_time_points(tmp_path: Path) -> None:
    series = generate_uid()
    write_dicom_series(tmp_path / "a", volume(), series_uid=series)
    write_dicom_series(tmp_path / "b", volume(seed=1), series_uid=series)
    refused(tmp_path, ReadError, "12 images at 6 positions, so it holds several time points")


@pytest.mark.parametrize(
    ("keyword", "words"),
    [("AcquisitionNumber", "acquisitions"), ("EchoTime", "echoes"), ("TriggerTime", "heart phases")],
)
@pytest.mark.parametrize("shift_mm", [0, 1.25])
def test_two_stacks_of_one_series_are_distinguished(shift_mm: float, keyword: str, words: str, tmp_path: Path) -> None:
    series = generate_uid()
    write_dicom_series(tmp_path / "a", volume(), series_uid=series, edit=put(**{keyword: 1}))
    moved = (-31.5, 12.25, -70 + shift_mm)
    write_dicom_series(tmp_path / "b", volume(seed=1), series_uid=series, edit=put(**{keyword: 2}), origin_mm=moved)
    refused(tmp_path, ReadError, rf"the series holds 2 {words} \({keyword} 1: 6 images, 2: 6 images\)")


def test_interleaved_acquisitions_of_one_stack_are_one(tmp_path: Path) -> None:
    def edit(dataset: Dataset, index: int) -> None:
        dataset.AcquisitionNumber, dataset.SliceThickness = 1 + index % 2, 2.5

    write_dicom_series(tmp_path, volume((12, 9, 8)), edit=edit)
    np.testing.assert_array_equal(read_one(tmp_path).voxels, volume((12, 9, 8)))


def test_slabs_one_above_the_other_are_one_stack(tmp_path: Path) -> None:
    def edit(dataset: Dataset, index: int) -> None:
        dataset.AcquisitionNumber = 1 + index // 6

    write_dicom_series(tmp_path, volume((12, 9, 8)), edit=edit)
    np.testing.assert_array_equal(read_one(tmp_path).voxels, volume((12, 9, 8)))


def test_trigger_time_of_each_slice_is_no_heart_phase(tmp_path: Path) -> None:
    def edit(dataset: Dataset, index: int) -> None:
        dataset.TriggerTime = 600 + 3 * index

    write_dicom_series(tmp_path, volume(), edit=edit)
    np.testing.assert_array_equal(read_one(tmp_path).voxels, volume())


def test_all_images_at_one_position(tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume(), edit=put(ImagePositionPatient=[0, 0, 0]))
    refused(tmp_path, ReadError, "6 images at 1 positions")


def test_images_shifted_sideways(tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume(), edit=move(lambda index: 1.0 * index, axis=0))
    refused(tmp_path, ReadError, "shifted sideways by up to 5.0 mm")


@pytest.mark.parametrize(
    ("degrees", "message"),
    [
        (2, r"differ in ImageOrientationPatient: \(1, 0, 0, 0, 1, 0\) and \(1, 0, 0, 0, 0.99939"),
        (90, "slices are missing"),
    ],
)
def test_an_image_of_another_orientation(degrees: float, message: str, tmp_path: Path) -> None:
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turned = [1, 0, 0, 0, round(cosine, 6), round(sine, 6)]
    write_dicom_series(tmp_path, volume((9, 9, 8)), edit=put_in(3, ImageOrientationPatient=turned))
    source = max(discover([tmp_path]), key=lambda found: len(found.files))
    with pytest.raises(ReadError, match=message):
        read_scan(source)


def test_pixel_spacings_differ(tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume(), edit=put_in(3, PixelSpacing=[0.7, 0.9]))
    refused(tmp_path, ReadError, r"differ in PixelSpacing: \(0.7, 0.625\) and \(0.7, 0.9\)")


def test_sizes_differ(tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume((9, 9, 8)), edit=put_in(3, Rows=8))
    stack, other = (found.files for found in discover([tmp_path]))
    assert (len(stack), len(other)) == (8, 1)


@pytest.mark.parametrize("orientation", [[0, 0, 0, 0, 1, 0], [1, 0, 0, 1, 0, 0], [2, 0, 0, 0, 1, 0]])
def test_orientation_that_is_none(orientation: list[int], tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume(), edit=put(ImageOrientationPatient=orientation))
    shown = ", ".join(map(str, orientation))
    refused(tmp_path, ReadError, rf"ImageOrientationPatient \({shown}\) is not a pair of unit vectors")


def test_orientation_with_shear(tmp_path: Path) -> None:
    # the normal has length 1 all the same
    write_dicom_series(tmp_path, volume(), edit=put(ImageOrientationPatient=[1, 0, 0, 0.5, 1, 0]))
    refused(tmp_path, ReadError, "not at right angles")


def test_absurd_pixel_spacing(tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume(), edit=put(PixelSpacing=[0, 0.7]))
    refused(tmp_path, ReadError, r"spacing \(0, 0.7\) mm is outside 0.1 to 20 mm")


def test_sagittal_series(tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume((9, 9, 9)), axes="PSL", spacing_mm=(0.7, 0.7, 2.5))
    refused(tmp_path, NotAssessableError, "is a sagittal stack")


def test_too_many_voxels(tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume(), edit=put(Rows=65535, Columns=65535))
    refused(tmp_path, ReadError, "announces 65535 x 65535 x 6 voxels")


def test_bound_on_voxels_is_a_setting(tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume())
    refused(tmp_path, ReadError, "8 x 9 x 6 voxels; lgeqa reads up to 431", Limits(max_voxels=431))


# --- other kinds


@pytest.mark.parametrize("modality", ["CT", "OT"])
def test_other_modality(modality: str, tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume(), edit=put(Modality=modality))
    refused(tmp_path, NotAssessableError, f"modality of the DICOM series is '{modality}', not MR")


def test_frames_without_functional_groups(tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume((1, 9, 8)), edit=put(NumberOfFrames=30))
    refused(tmp_path, ReadError, r"is a multi-frame DICOM image \(30 frames\) without functional groups")


def test_colour(tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume(), edit=put(SamplesPerPixel=3, PhotometricInterpretation="RGB"))
    refused(tmp_path, ReadError, r"colour image \(3 samples a pixel\)")


@pytest.mark.parametrize(
    ("keyword", "count"),
    [("ImagePositionPatient", 3), ("ImageOrientationPatient", 6), ("PixelSpacing", 2), ("Rows", 1), ("Columns", 1)],
)
def test_element_is_missing(keyword: str, count: int, tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume(), edit=drop(keyword))
    refused(tmp_path, ReadError, f"its {keyword} is missing; expected {count} numbers")


@pytest.mark.parametrize(("value", "shown"), [([1, 2], r"\(1, 2\)"), ([], "missing")])
def test_position_of_other_length(value: list[float], shown: str, tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume(), edit=put_in(2, ImagePositionPatient=value))
    refused(tmp_path, ReadError, f"its ImagePositionPatient is {shown}; expected 3 numbers")


def test_position_that_is_no_number(tmp_path: Path) -> None:
    def edit(dataset: Dataset, index: int) -> None:
        # as text, which the standard asks for, NaN is refused by pydicom
        dataset.add_new("ImagePositionPatient", "FD", [float("nan"), 8, 9])

    write_dicom_series(tmp_path, volume(), edit=edit)
    refused(tmp_path, ReadError, r"its ImagePositionPatient is \(nan, 8, 9\); expected 3 numbers")


def test_position_that_is_text(tmp_path: Path) -> None:
    path = write_dicom_series(tmp_path, volume(), edit=put_in(2, ImagePositionPatient=[7777, 8888, 9999]))[2]
    path.write_bytes(path.read_bytes().replace(b"7777", b"left"))
    refused(tmp_path, ReadError, "its ImagePositionPatient holds no numbers; expected 3")


def put_text(keyword: str, vr: str, text: str) -> Edit:
    """Give an element a representation that is not its own."""

    def edit(dataset: Dataset, index: int) -> None:
        dataset.add_new(keyword, vr, text)

    return edit


@pytest.mark.parametrize("vr", ["UT", "LO", "ST"])
@pytest.mark.parametrize("text", ["0.7\\0.625", "0,7\\0,625", " 0,70 \\ 0,625 "])
def test_spacing_of_another_kind_or_with_commas(text: str, vr: str, tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume(), edit=put_text("PixelSpacing", vr, text))
    assert read_one(tmp_path).spacing_mm == pytest.approx(SPACING_MM)


def test_rescale_with_commas(tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume(), edit=put_text("RescaleSlope", "LO", "0,5"))
    np.testing.assert_array_equal(read_one(tmp_path).voxels, volume() * 0.5)


def test_rescale_slope_of_0_leaves_the_stored_values(tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume(), edit=put(RescaleSlope=0, RescaleIntercept=0))
    scan = read_one(tmp_path)
    np.testing.assert_array_equal(scan.voxels, volume())
    assert scan.warnings == ("RescaleSlope is 0, which leaves no image; the stored values were taken as they are.",)


@pytest.mark.parametrize("keyword", ["RescaleSlope", "RescaleIntercept"])
@pytest.mark.parametrize("text", ["none", "nan", "1\\2", "1e300"])
def test_rescale_that_is_no_number(text: str, keyword: str, tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume(), edit=put_text(keyword, "LO", text))
    refused(tmp_path, ReadError, f"its {keyword} is not a number")


# --- components of the complex signal

PHASE: list[dict[str, Any]] = [
    {"ImageType": ["ORIGINAL", "PRIMARY", "P", "ND"]},
    {"ImageType": ["ORIGINAL", "PRIMARY", "PHASE MAP", "P", "IR"]},
    {"ImageType": ["DERIVED", "PRIMARY", "OTHER"], "ComplexImageComponent": "PHASE"},
]


@pytest.mark.parametrize("elements", PHASE)
def test_phase_images_are_no_scan(elements: dict[str, Any], tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume(), edit=put(**elements))
    refused(tmp_path, NotAssessableError, "its images are phase images by their header")


def test_phase_images_of_ge(tmp_path: Path) -> None:
    def edit(dataset: Dataset, index: int) -> None:
        dataset.add_new(0x00430010, "LO", "GEMS_PARM_01")
        dataset.add_new(0x0043102F, "SS", 1)

    write_dicom_series(tmp_path, volume(), edit=edit)
    refused(tmp_path, NotAssessableError, "its images are phase images by their header")


@pytest.mark.parametrize("elements", PHASE)
def test_some_images_are_phase(elements: dict[str, Any], tmp_path: Path) -> None:
    def edit(dataset: Dataset, index: int) -> None:
        put(**(elements if index in {2, 5, 7} else {"ImageType": ["ORIGINAL", "PRIMARY", "M"]}))(dataset, index)

    write_dicom_series(tmp_path, volume((9, 9, 8)), edit=edit)
    refused(tmp_path, ReadError, "3 of its 9 images are phase images by their header")


@pytest.mark.parametrize("magnitude", [["ORIGINAL", "PRIMARY", "M", "ND"], ["ORIGINAL", "PRIMARY", "OTHER"]])
def test_magnitude_is_taken_where_there_is_phase_too(magnitude: list[str], tmp_path: Path) -> None:
    series = generate_uid()
    write_dicom_series(tmp_path / "a", volume(), series_uid=series, edit=put(ImageType=magnitude))
    write_dicom_series(tmp_path / "b", volume(seed=1), series_uid=series, edit=put(**PHASE[0]))
    scan = read_one(tmp_path)
    np.testing.assert_array_equal(scan.voxels, volume())
    assert scan.warnings == ("6 phase images were left out of the DICOM series.",)


def test_real_images_are_read_and_reported(tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume(), edit=put(ImageType=["ORIGINAL", "PRIMARY", "R", "PSIR"]))
    [told] = read_one(tmp_path).warnings
    assert told.startswith("The images are real images of a complex signal (PSIR)")


# --- pixels


def test_no_pixel_data(tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume(), edit=drop("PixelData"))
    refused(tmp_path, ReadError, "has no pixel data")


def test_cut_file(tmp_path: Path) -> None:
    path = write_dicom_series(tmp_path, volume())[3]
    path.write_bytes(path.read_bytes()[:-50])
    refused(tmp_path, ReadError, f"{path.name}: its pixel data are damaged or shorter than the header announces")


def test_damaged_compression(tmp_path: Path) -> None:
    def edit(dataset: Dataset, index: int) -> None:
        dataset.file_meta.TransferSyntaxUID = JPEGLSLossless
        dataset.PixelData = encapsulate([b"no such thing as JPEG-LS "])
        dataset["PixelData"].VR = "OB"

    write_dicom_series(tmp_path, volume(), edit=edit)
    refused(tmp_path, ReadError, "its pixel data are damaged")


def test_compression_that_no_decoder_knows(tmp_path: Path) -> None:
    def edit(dataset: Dataset, index: int) -> None:
        dataset.file_meta.TransferSyntaxUID = MPEG2MPML
        dataset.PixelData = encapsulate([b"no such thing as MPEG "])
        dataset["PixelData"].VR = "OB"

    write_dicom_series(tmp_path, volume(), edit=edit)
    refused(tmp_path, ReadError, r"compression \(MPEG2.*\) cannot be decoded\. Save the series uncompressed")


def test_decoders_are_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import RLELossless

    for path in write_dicom_series(tmp_path, volume()):
        dataset = dcmread(path)
        dataset.compress(RLELossless)
        dataset.save_as(path)
    monkeypatch.setattr(get_decoder(RLELossless), "_available", {})
    refused(tmp_path, ReadError, r'compression \(RLE Lossless\) cannot be decoded.*pip install "lgeqa\[dicom\]"')


def test_pixels_of_another_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_dicom_series(tmp_path, volume())
    monkeypatch.setattr(Dataset, "pixel_array", np.zeros((9, 7)))
    refused(tmp_path, ReadError, "its pixels decode to 9 x 7, not 9 x 8")


def test_file_that_lost_its_permission(open_folder: Path) -> None:
    path = write_dicom_series(open_folder, volume())[2]
    (source,) = discover([open_folder])
    path.chmod(0)
    with ordinary_user(), pytest.raises(ReadError, match=r"IM0002: cannot be read \(permission denied\)"):
        read_scan(source)


def test_file_that_goes_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_dicom_series(tmp_path, volume())[2]
    (source,) = discover([tmp_path])
    monkeypatch.setattr("lgeqa.io.dicom_stack.check_grid", lambda *_: path.unlink())
    with pytest.raises(ReadError, match=r"IM0002: cannot be read \(no such file or directory\)"):
        read_scan(source)


def test_constant_series(tmp_path: Path) -> None:
    write_dicom_series(tmp_path, np.full((6, 9, 8), 5, np.int16))
    refused(tmp_path, NotAssessableError, "all its voxels are 5")
