"""References to the frames of an enhanced file, which also holds phase images at the same positions."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from highdicom.seg import segread
from pydicom import Dataset
from pydicom.uid import EnhancedMRImageStorage

from lgeqa.dicom_results import write_dicom_results
from lgeqa.inference.bundle import open_bundle
from lgeqa.inference.pipeline import AssessSettings, assess_source
from lgeqa.io import discover, to_file_grid
from tests.dicom_results.conftest import Written, validate
from tests.dicom_results.test_structured_report import containers, groups, name_of
from tests.io.test_enhanced_real import BRAIN, PHILIPS, SIEMENS


def frame_heights(image: Dataset) -> list[float]:
    """Return the height of each frame of an enhanced file."""
    return [float(frame.PlanePositionSequence[0].ImagePositionPatient[2]) for frame in _frames(image)]


def is_magnitude(image: Dataset, number: int) -> bool:
    component: str = _frames(image)[number - 1].MRImageFrameTypeSequence[0].ComplexImageComponent
    return component == "MAGNITUDE"


def _frames(image: Dataset) -> list[Dataset]:
    frames: list[Dataset] = image.PerFrameFunctionalGroupsSequence
    return frames


def frame_references(stored: Dataset) -> Iterator[tuple[Dataset, Dataset]]:
    """Yield each frame of a segmentation or a heat map that refers to a source image, with the reference."""
    for frame in _frames(stored):
        for derivation in frame.get("DerivationImageSequence", ()):
            [reference] = derivation.SourceImageSequence
            yield frame, reference


@pytest.mark.parametrize("kind", ["seg", "heat_map"])
def test_frames_refer_to_the_magnitude_images_in_their_place(kind: str, enhanced: Written) -> None:
    [image] = enhanced.images
    heights, checked = frame_heights(image), 0
    for frame, reference in frame_references(enhanced.read(kind)):
        number = int(reference.ReferencedFrameNumber)
        assert reference.ReferencedSOPInstanceUID == image.SOPInstanceUID
        assert is_magnitude(image, number)
        assert heights[number - 1] == pytest.approx(frame.PlanePositionSequence[0].ImagePositionPatient[2])
        checked += 1
    assert checked == 20


def test_segment_of_an_enhanced_source_equals_the_mask(enhanced: Written) -> None:
    assessment = enhanced.assessment
    mask = to_file_grid(assessment.atrium, assessment.scan)
    [image] = enhanced.images
    numbers = sorted(range(25, 49), key=lambda number: frame_heights(image)[number - 1])
    stored = segread(enhanced.folder / "seg.dcm").get_pixels_by_source_frame(
        image.SOPInstanceUID,
        numbers,
        combine_segments=True,
        ignore_spatial_locations=True,
        assert_missing_frames_are_empty=True,
    )
    assert np.array_equal(stored, mask)
    assert mask.any()


def test_slices_of_the_report_refer_to_their_frames(enhanced: Written) -> None:
    [image] = enhanced.images
    heights, parts = frame_heights(image), groups(enhanced.read("sr"))
    assert len(enhanced.assessment.result.slices) == 20
    for scored in enhanced.assessment.result.slices:
        items = parts[f"Slice {scored.index}"].ContentSequence
        [reference] = [item.ReferencedSOPSequence[0] for item in items if item.ValueType == "IMAGE"]
        assert is_magnitude(image, int(reference.ReferencedFrameNumber))
        assert heights[int(reference.ReferencedFrameNumber) - 1] == pytest.approx(scored.position_mm)


def test_image_library_names_the_file_once(enhanced: Written) -> None:
    [library] = [item for item in containers(enhanced.read("sr")) if name_of(item) == "Image Library Group"]
    [entry] = [item for item in library.ContentSequence if item.ValueType == "IMAGE"]
    assert entry.ReferencedSOPSequence[0].ReferencedSOPClassUID == EnhancedMRImageStorage
    assert "ReferencedFrameNumber" not in entry.ReferencedSOPSequence[0]


@pytest.mark.slow
@pytest.mark.parametrize("path", [PHILIPS, SIEMENS[0], BRAIN])
def test_results_of_real_enhanced_files_are_valid(path: str, enhanced_folder: Path, tmp_path: Path) -> None:
    [source] = discover([enhanced_folder / path])
    bundle = open_bundle()
    assessment = assess_source(source, bundle, AssessSettings.of({"force": True}))  # none is of a heart
    write_dicom_results(assessment, source, bundle.manifest.quality.preparation, tmp_path)
    files = {file.name: validate(file) for file in tmp_path.iterdir()}
    assert {"sr.dcm", "pdf.dcm"} <= set(files)
    assert ("seg.dcm" in files) == assessment.atrium.any()
    assert [line for lines in files.values() for line in lines if line.startswith("Error")] == []
