"""Enhanced multi-frame MR: what is read, which frames are taken, and what is refused and how."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, FileDataset, dcmread
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    LegacyConvertedEnhancedMRImageStorage,
    RLELossless,
    generate_uid,
)

from lgeqa.errors import NotAssessableError, ReadError
from lgeqa.io import dicom_file, discover, read_scan
from lgeqa.io.acquisition import read_acquisition, read_series_header
from lgeqa.records import Acquisition
from tests.images import ORIGIN_MM, SPACING_MM, group, volume, write_dicom_series, write_enhanced_mr
from tests.io.test_dicom import read_one, refused
from tests.io.test_untrusted import memory_below
from tests.io.test_untrusted_dicom import IMAGES, jpeg_2000_of

FrameEdit = Callable[[Dataset, int, int], None]


def in_macro(macro: str, **elements: Any) -> FrameEdit:
    """Return an edit that adds a macro to each frame. An element that is a list has one value for each volume."""

    def edit(frame: Dataset, number: int, place: int) -> None:
        values = {key: value[number] if isinstance(value, list) else value for key, value in elements.items()}
        items = getattr(frame, macro, None) or [Dataset()]
        items[0].update(group(**values))
        setattr(frame, macro, items)

    return edit


def rewritten(path: Path, change: Callable[[FileDataset], None]) -> None:
    dataset = dcmread(path)
    change(dataset)
    dataset.save_as(path)


# --- values


@pytest.mark.parametrize("axes", ["LPS", "RAS", "RPI", "LAI"])
def test_same_scan_as_a_classic_series(axes: str, tmp_path: Path) -> None:
    write_dicom_series(tmp_path / "classic", volume(), axes=axes)
    write_enhanced_mr(tmp_path / "enhanced" / "IM0", volume(), axes=axes)
    classic, enhanced = read_one(tmp_path / "classic"), read_one(tmp_path / "enhanced")
    np.testing.assert_array_equal(enhanced.voxels, volume())
    assert enhanced.grid == classic.grid
    assert enhanced.slice_positions_mm == classic.slice_positions_mm
    assert enhanced.spacing_mm == pytest.approx(SPACING_MM)
    assert enhanced.series == "6 images, first file IM0"
    assert enhanced.warnings == ()


def test_frames_in_any_order(tmp_path: Path) -> None:
    def edit(dataset: Dataset) -> None:
        order = [3, 0, 5, 1, 4, 2]
        dataset.PerFrameFunctionalGroupsSequence = [dataset.PerFrameFunctionalGroupsSequence[k] for k in order]
        dataset.PixelData = volume()[order].astype("<i2").tobytes()

    write_enhanced_mr(tmp_path / "IM0", volume(), edit=edit)
    np.testing.assert_array_equal(read_one(tmp_path).voxels, volume())


def test_rescale_of_each_frame(tmp_path: Path) -> None:
    def edit(frame: Dataset, _number: int, place: int) -> None:
        frame.PixelValueTransformationSequence = [group(RescaleSlope=0.5 + place, RescaleIntercept=-3 * place)]

    write_enhanced_mr(tmp_path / "IM0", volume(), edit_frame=edit)
    expected = [slab * (0.5 + place) - 3 * place for place, slab in enumerate(volume())]
    np.testing.assert_array_equal(read_one(tmp_path).voxels, expected)


def test_macro_of_a_frame_precedes_the_shared_one(tmp_path: Path) -> None:
    edit = in_macro("PixelMeasuresSequence", PixelSpacing=[[0.8, 0.9]])
    write_enhanced_mr(tmp_path / "IM0", volume(), edit_frame=edit)
    assert read_one(tmp_path).spacing_mm == pytest.approx((2.5, 0.8, 0.9))


def test_legacy_converted_file(tmp_path: Path) -> None:
    def edit(dataset: Dataset) -> None:
        dataset.SOPClassUID = LegacyConvertedEnhancedMRImageStorage
        unassigned = group(InversionTime=270, EchoTime=1.4)
        dataset.SharedFunctionalGroupsSequence[0].UnassignedSharedConvertedAttributesSequence = [unassigned]

    path = write_enhanced_mr(tmp_path / "IM0", volume(), edit=edit)
    np.testing.assert_array_equal(read_one(tmp_path).voxels, volume())
    assert read_acquisition(path) == Acquisition(inversion_time_ms=270)


def test_one_frame_a_file(tmp_path: Path) -> None:
    series = generate_uid()

    def edit(dataset: Dataset) -> None:
        dataset.SeriesInstanceUID = series

    for index, slab in enumerate(volume()):
        origin = (*ORIGIN_MM[:2], ORIGIN_MM[2] + 2.5 * index)
        write_enhanced_mr(tmp_path / f"IM{index}", slab[None], origin_mm=origin, edit=edit)
    np.testing.assert_array_equal(read_one(tmp_path).voxels, volume())


def test_frames_of_8_bits_and_odd_size(tmp_path: Path) -> None:
    voxels = (volume((6, 9, 7)) % 256).astype(np.int16)

    def edit(dataset: Dataset) -> None:
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
        dataset.PixelData = voxels.astype(np.uint8).tobytes()
        dataset["PixelData"].VR = "OB"

    write_enhanced_mr(tmp_path / "IM0", voxels, edit=edit)
    np.testing.assert_array_equal(read_one(tmp_path).voxels, voxels)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, DeflatedExplicitVRLittleEndian])
def test_compressed_file(syntax: UID, tmp_path: Path) -> None:
    def change(dataset: FileDataset) -> None:
        if syntax == DeflatedExplicitVRLittleEndian:
            dataset.file_meta.TransferSyntaxUID = syntax
        else:
            dataset.compress(syntax)

    rewritten(write_enhanced_mr(tmp_path / "IM0", IMAGES), change)
    np.testing.assert_array_equal(read_one(tmp_path).voxels, IMAGES)


def test_implicit_file_without_preamble(tmp_path: Path) -> None:
    path = write_enhanced_mr(tmp_path / "IM0", volume())
    dataset = Dataset(dcmread(path))
    dataset.save_as(path, implicit_vr=True, little_endian=True, enforce_file_format=False)
    np.testing.assert_array_equal(read_one(tmp_path).voxels, volume())


def test_copies_of_a_file(tmp_path: Path) -> None:
    path = write_enhanced_mr(tmp_path / "IM0", volume())
    (tmp_path / "IM1").write_bytes(path.read_bytes())
    rewritten(path, lambda dataset: dataset.add_new(0x00280006, "US", 0))  # other bytes, same pixels
    scan = read_one(tmp_path)
    np.testing.assert_array_equal(scan.voxels, volume())
    assert scan.warnings == ("1 DICOM files are copies of others and were left out.",)


def test_files_of_several_series_are_several_scans(tmp_path: Path) -> None:
    for index in range(3):
        write_enhanced_mr(tmp_path / f"IM{index}", volume(seed=index))
    sources = discover([tmp_path])
    assert len({source.scan_id for source in sources}) == 3
    voxels = {source.files[0].name: read_scan(source).voxels for source in sources}
    for index in range(3):
        np.testing.assert_array_equal(voxels[f"IM{index}"], volume(seed=index))


def test_nothing_of_the_patient_leaves_an_enhanced_file(tmp_path: Path) -> None:
    write_enhanced_mr(tmp_path / "study" / "IM0", volume())
    scan = read_one(tmp_path / "study")
    text = f"{scan.scan_id} {scan.source} {scan.warnings} {scan.grid} {scan.series} {scan.acquisition}".lower()
    assert not any(word in text for word in ("secret", "19991231", "1.2.826"))


# --- frames that are taken


@pytest.mark.parametrize(
    "edit",
    [
        in_macro("MRImageFrameTypeSequence", ComplexImageComponent=["PHASE", "MAGNITUDE", "REAL"]),
        in_macro("MRImageFrameTypeSequence", FrameType=[["ORIGINAL", "PRIMARY", word, "NONE"] for word in "PMR"]),
    ],
)
def test_magnitude_frames_are_taken(edit: FrameEdit, tmp_path: Path) -> None:
    write_enhanced_mr(tmp_path / "IM0", volume(seed=1), volume(), volume(seed=2), edit_frame=edit)
    scan = read_one(tmp_path)
    np.testing.assert_array_equal(scan.voxels, volume())
    assert scan.warnings == ("12 phase and real images were left out of the DICOM series.",)


def test_component_in_the_private_part_of_philips(tmp_path: Path) -> None:
    def edit(frame: Dataset, number: int, place: int) -> None:
        image_type = ["ORIGINAL", "PRIMARY", *(("PHASE MAP", "P"), ("M_IR", "M"))[number]]
        description = group(ImageType=image_type, InversionTime=310, ImagePositionPatient=[0, 0, 0])
        frame.private_block(0x2005, "Philips MR Imaging DD 005", create=True).add_new(0x0F, "SQ", [description])

    path = write_enhanced_mr(tmp_path / "IM0", volume(seed=1), volume(), edit_frame=edit)
    np.testing.assert_array_equal(read_one(tmp_path).voxels, volume())
    assert read_acquisition(path) == Acquisition(inversion_time_ms=310)


def test_position_in_the_private_part_of_philips_is_not_taken(tmp_path: Path) -> None:
    def edit(frame: Dataset, _number: int, _place: int) -> None:
        description = group(ImagePositionPatient=frame.PlanePositionSequence[0].ImagePositionPatient)
        frame.private_block(0x2005, "Philips MR Imaging DD 005", create=True).add_new(0x0F, "SQ", [description])
        del frame.PlanePositionSequence

    write_enhanced_mr(tmp_path / "IM0", volume(), edit_frame=edit)
    refused(tmp_path, ReadError, "frame 1: its ImagePositionPatient is missing")


def test_phase_frames_alone_are_no_scan(tmp_path: Path) -> None:
    edit = in_macro("MRImageFrameTypeSequence", ComplexImageComponent="PHASE")
    write_enhanced_mr(tmp_path / "IM0", volume(), edit_frame=edit)
    refused(tmp_path, NotAssessableError, "its images are phase images by their header")


def test_real_frames_alone_are_read_and_reported(tmp_path: Path) -> None:
    edit = in_macro("MRImageFrameTypeSequence", ComplexImageComponent="REAL")
    write_enhanced_mr(tmp_path / "IM0", volume(), edit_frame=edit)
    assert "real images of a complex signal (PSIR)" in read_one(tmp_path).warnings[0]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            in_macro("FrameContentSequence", TemporalPositionIndex=[1, 2]),
            r"2 time points \(TemporalPositionId.* 1: 6 im",
        ),
        (in_macro("FrameContentSequence", FrameAcquisitionNumber=[1, 2]), "2 acquisitions"),
        (in_macro("MREchoSequence", EffectiveEchoTime=[1.2, 2.4]), r"2 echoes \(EchoTime 1.2: 6 images, 2.4: 6 images"),
        (in_macro("MRModifierSequence", InversionTimes=[250.0, 300.0]), "2 inversion times"),
        (in_macro("CardiacSynchronizationSequence", NominalCardiacTriggerDelayTime=[0.0, 40.0]), "2 heart phases"),
        (in_macro("MRDiffusionSequence", DiffusionBValue=[0.0, 500.0]), "2 b-values"),
        (
            in_macro(
                "MRImageFrameTypeSequence", FrameType=[["ORIGINAL", "PRIMARY", word] for word in ("SECRET", "FAT")]
            ),
            r"2 image types \(ImageType 6 images, 6 images\)",
        ),
        (in_macro("FrameContentSequence", FrameLabel="x"), "12 images at 6 positions, so it holds several time points"),
    ],
)
def test_several_stacks_in_one_file(edit: FrameEdit, message: str, tmp_path: Path) -> None:
    write_enhanced_mr(tmp_path / "IM0", volume(), volume(seed=1), edit_frame=edit)
    refused(tmp_path, ReadError, message)


def test_time_points_in_several_files(tmp_path: Path) -> None:
    series = generate_uid()
    for number in (1, 2):

        def edit(dataset: Dataset, number: int = number) -> None:
            dataset.SeriesInstanceUID, dataset.AcquisitionNumber = series, number

        write_enhanced_mr(tmp_path / f"IM{number}", volume(seed=number), edit=edit)
    refused(tmp_path, ReadError, r"the series holds 2 acquisitions \(AcquisitionNumber 1: 6 images, 2: 6 images\)")
    [alone] = discover([tmp_path / "IM2"])
    np.testing.assert_array_equal(read_scan(alone).voxels, volume(seed=2))


# --- damage


def test_cut_file(tmp_path: Path) -> None:
    path = write_enhanced_mr(tmp_path / "IM0", volume())
    path.write_bytes(path.read_bytes()[:-200])
    refused(tmp_path, ReadError, "IM0: its pixel data hold 4 of 6 frames. Copy or export it again")


def test_file_cut_within_the_functional_groups(tmp_path: Path) -> None:
    path = write_enhanced_mr(tmp_path / "IM0", volume())
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"\x00\x52\x30\x92") + 300])
    refused(tmp_path, ReadError, "its header announces 6 frames, but describes 3")


def test_file_cut_within_groups_without_length(tmp_path: Path) -> None:
    def edit(dataset: Dataset) -> None:
        dataset["PerFrameFunctionalGroupsSequence"].is_undefined_length = True

    path = write_enhanced_mr(tmp_path / "IM0", volume(), edit=edit)
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"\x00\x52\x30\x92") + 300])
    refused(tmp_path, ReadError, "IM0: is a damaged DICOM file")


@pytest.mark.parametrize("announced", [5, 7, 2_000_000_000])
def test_number_of_frames_that_lies(announced: int, tmp_path: Path) -> None:
    write_enhanced_mr(tmp_path / "IM0", volume(), edit=lambda dataset: setattr(dataset, "NumberOfFrames", announced))
    with memory_below(64):
        refused(tmp_path, ReadError, f"its header announces {announced} frames, but describes 6")


def test_groups_and_number_that_lie_alike(tmp_path: Path) -> None:
    def edit(dataset: Dataset) -> None:
        dataset.PixelData = dataset.PixelData[: -2 * 72]

    write_enhanced_mr(tmp_path / "IM0", volume(), edit=edit)
    refused(tmp_path, ReadError, "its pixel data hold 5 of 6 frames")


def test_compressed_frames_are_missing(tmp_path: Path) -> None:
    def change(dataset: FileDataset) -> None:
        dataset.compress(RLELossless)
        frames = list(generate_frames(dataset.PixelData, number_of_frames=6))
        dataset.PixelData = encapsulate(frames[:4])

    rewritten(write_enhanced_mr(tmp_path / "IM0", IMAGES), change)
    refused(tmp_path, ReadError, "its pixel data hold 4 of 6 frames")


def test_compressed_frame_of_another_size_reaches_no_decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def change(dataset: FileDataset) -> None:
        dataset.compress(JPEG2000Lossless)
        dataset.PixelData = encapsulate([jpeg_2000_of(60_000, 60_000)] * 6)

    rewritten(write_enhanced_mr(tmp_path / "IM0", IMAGES), change)
    monkeypatch.setattr(Dataset, "pixel_array", property(lambda _: pytest.fail("was decoded")))
    refused(tmp_path, ReadError, "its compressed image has 60000 x 60000 pixels and 1 samples, not 40 x 36 and 1")


def test_transfer_syntax_that_is_wrong(tmp_path: Path) -> None:
    def edit(dataset: Dataset) -> None:
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian

    path = write_enhanced_mr(tmp_path / "IM0", volume())
    data = path.read_bytes()
    path.write_bytes(data.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0"))
    refused(tmp_path, ReadError, "its pixel data are damaged")


@pytest.mark.parametrize(
    ("macro", "keyword", "count"),
    [
        ("PlanePositionSequence", "ImagePositionPatient", 3),
        ("PlaneOrientationSequence", "ImageOrientationPatient", 6),
        ("PixelMeasuresSequence", "PixelSpacing", 2),
    ],
)
@pytest.mark.parametrize("is_empty", [True, False])
def test_macro_is_missing(is_empty: bool, macro: str, keyword: str, count: int, tmp_path: Path) -> None:
    def edit(dataset: Dataset) -> None:
        for groups in (*dataset.PerFrameFunctionalGroupsSequence[2:], *dataset.SharedFunctionalGroupsSequence):
            if macro in groups:
                setattr(groups, macro, [])
            if macro in groups and not is_empty:
                delattr(groups, macro)

    write_enhanced_mr(tmp_path / "IM0", volume(), edit=edit)
    refused(tmp_path, ReadError, rf"IM0: frame \d: its {keyword} is missing; expected {count} numbers")


def test_no_shared_groups(tmp_path: Path) -> None:
    write_enhanced_mr(
        tmp_path / "IM0", volume(), edit=lambda dataset: delattr(dataset, "SharedFunctionalGroupsSequence")
    )
    refused(tmp_path, ReadError, "frame 1: its PixelSpacing is missing")


def test_groups_that_are_no_sequence(tmp_path: Path) -> None:
    def edit(dataset: Dataset) -> None:
        dataset.add_new("PerFrameFunctionalGroupsSequence", "LO", "SECRET")

    write_enhanced_mr(tmp_path / "IM0", volume(), edit=edit)
    refused(tmp_path, ReadError, "is a damaged DICOM file|but describes")


def test_mixed_orientations(tmp_path: Path) -> None:
    def edit(frame: Dataset, _number: int, place: int) -> None:
        if place == 3:
            frame.PlaneOrientationSequence = [group(ImageOrientationPatient=[1, 0, 0, 0, 0.6, 0.8])]

    write_enhanced_mr(tmp_path / "IM0", volume(), edit_frame=edit)
    refused(tmp_path, ReadError, "the images of the series differ in ImageOrientationPatient")


@pytest.mark.parametrize(("shift", "message"), [(1.0, "its slices are unevenly spaced"), (2.5, "slices are missing")])
def test_gaps_between_frames(shift: float, message: str, tmp_path: Path) -> None:
    def edit(frame: Dataset, _number: int, place: int) -> None:
        frame.PlanePositionSequence[0].ImagePositionPatient[2] += shift * (place > 2)

    write_enhanced_mr(tmp_path / "IM0", volume(), edit_frame=edit)
    refused(tmp_path, ReadError, message)


def test_other_modality(tmp_path: Path) -> None:
    write_enhanced_mr(tmp_path / "IM0", volume(), edit=lambda dataset: setattr(dataset, "Modality", "CT"))
    refused(tmp_path, NotAssessableError, "the modality of the DICOM series is 'CT', not MR")


def test_header_of_too_many_items(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom_file, "MAX_DICOM_ITEMS", 20)
    write_enhanced_mr(tmp_path / "IM0", volume())
    refused(tmp_path, ReadError, r"its header has \d\d sequence items; lgeqa reads up to 20")


def test_header_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom_file, "MAX_DICOM_HEADER_BYTES", 1 << 20)
    write_enhanced_mr(
        tmp_path / "IM0", volume(), edit=lambda dataset: dataset.add_new(0x52010010, "UT", "x" * (1 << 20))
    )
    refused(tmp_path, ReadError, "its header is longer than the 1 MB that lgeqa reads")


def test_sequence_behind_the_header_is_not_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def edit(dataset: Dataset) -> None:
        dataset.add_new(0x7FE10010, "SQ", [Dataset()] * 50_000)
        dataset[0x7FE10010].is_undefined_length = True

    write_enhanced_mr(tmp_path / "IM0", volume(), edit=edit)
    with memory_below(8):
        np.testing.assert_array_equal(read_one(tmp_path).voxels, volume())


# --- settings of the acquisition


def test_settings_of_an_enhanced_file(tmp_path: Path) -> None:
    def edit(dataset: Dataset) -> None:
        [shared] = dataset.SharedFunctionalGroupsSequence
        shared.MRModifierSequence = [group(InversionTimes=[265.0])]
        shared.CardiacSynchronizationSequence = [group(RRIntervalTimeNominal=850.0)]
        dataset.MagneticFieldStrength, dataset.Manufacturer = "1.5", "Maker"
        dataset.AcquisitionDateTime = "20240102103000.5+0100"
        injection = group(ContrastBolusStartTime="101500.5")
        dataset.ContrastBolusAgentSequence = [group(ContrastAdministrationProfileSequence=[injection])]

    path = write_enhanced_mr(tmp_path / "IM0", volume(), edit=edit)
    assert read_acquisition(path) == Acquisition(
        inversion_time_ms=265,
        heart_rate_bpm=70.6,
        field_strength_t=1.5,
        minutes_since_contrast=15,
        scanner="Maker",
    )


def test_time_of_day_of_an_enhanced_file(tmp_path: Path) -> None:
    def edit(dataset: Dataset) -> None:
        dataset.AcquisitionDateTime = "20240102103001.5+0100"

    assert read_series_header(write_enhanced_mr(tmp_path / "IM0", volume(), edit=edit)).acquired_at == "10:30:01"
