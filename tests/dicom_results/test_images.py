"""The segmentation and the heat map, read back by highdicom and pydicom."""

from pathlib import Path

import numpy as np
import pytest
from highdicom.seg import segread
from highdicom.spatial import PixelToReferenceTransformer
from pydicom import Dataset, dcmread
from pydicom.sr.codedict import codes
from scipy.ndimage import map_coordinates

from lgeqa.dicom_results import write_dicom_results
from lgeqa.inference.attribution import heat_volume
from lgeqa.inference.bundle import Bundle, open_bundle
from lgeqa.inference.pipeline import AssessSettings, assess_scan
from lgeqa.io import to_file_grid
from lgeqa.io.geometry import axial_grid, axial_order
from lgeqa.preprocessing import QualityPreparation
from lgeqa.scales import SCALE_NAMES
from tests.dicom_results.conftest import Write, Written
from tests.toy import toy_bundle


@pytest.fixture(scope="module", params=["RAI", "SLP"])
def either(request: pytest.FixtureRequest, written: Written, write: Write) -> Written:
    """Return results on axial images, and on images of another plane."""
    return written if request.param == "RAI" else write(axes=request.param)


def test_segment_equals_the_mask(either: Written) -> None:
    assessment = either.assessment
    mask = to_file_grid(assessment.atrium, assessment.scan)
    images = [dcmread(path) for path in either.source.files]
    normal = np.cross(images[0].ImageOrientationPatient[:3], images[0].ImageOrientationPatient[3:])
    images.sort(key=lambda image: float(normal @ np.array(image.ImagePositionPatient, float)))
    seg = segread(either.folder / "seg.dcm")
    stored = seg.get_pixels_by_source_instance(
        [image.SOPInstanceUID for image in images], combine_segments=True, ignore_spatial_locations=True
    )
    assert np.array_equal(stored, mask)
    assert either.read("seg").pixel_array.sum() == mask.sum() > 0


def test_segment_is_a_left_atrium_found_by_lgeqa(written: Written) -> None:
    seg = written.read("seg")
    [segment] = seg.SegmentSequence
    assert (seg.SegmentationType, segment.SegmentAlgorithmType) == ("BINARY", "AUTOMATIC")
    assert segment.SegmentedPropertyTypeCodeSequence[0].CodeValue == codes.SCT.LeftAtrium.value == "82471001"
    assert segment.SegmentedPropertyCategoryCodeSequence[0].CodeValue == "91723000"
    [algorithm] = segment.SegmentationAlgorithmIdentificationSequence
    result = written.assessment.result
    assert result.bundle is not None
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("lgeqa", result.versions["lgeqa"])
    assert result.bundle.sha256 in algorithm.AlgorithmParameters


def test_heat_map_holds_the_maps_of_quality(written: Written) -> None:
    maps = written.assessment.maps
    assert maps is not None
    parametric = written.read("heat_map")
    heat = np.frombuffer(parametric.FloatPixelData, np.float32).reshape(maps[:, 0].shape)
    assert np.array_equal(heat[_upwards(parametric)], maps[:, SCALE_NAMES.index("quality")])


def test_heat_map_lies_where_the_attribution_lies(either: Written) -> None:
    assessment, preparation = either.assessment, QualityPreparation()
    scan, maps = assessment.scan, assessment.maps
    assert maps is not None
    quality = maps[:, SCALE_NAMES.index("quality")]
    heat = heat_volume(quality, assessment.atrium, scan.spacing_mm, preparation)
    grid = axial_grid(scan.grid, axial_order(scan.grid))
    steps = np.reshape(grid.direction, (3, 3)) * grid.spacing_mm
    parametric = either.read("heat_map")
    checked = 0
    for index, frame in enumerate(_upwards(parametric)):
        for row, column in np.ndindex(quality.shape[1:]):
            place = _place(parametric, frame, row, column)
            i, j, k = np.linalg.solve(steps, place - grid.origin_mm)
            assert k == pytest.approx(round(k), abs=1e-6)
            if 0 <= j <= heat.shape[1] - 1 and 0 <= i <= heat.shape[2] - 1:
                value = map_coordinates(heat, [[k], [j], [i]], order=1)[0]
                assert value == pytest.approx(float(quality[index, row, column]), abs=0.02 * float(np.ptp(quality)))
                checked += 1
    assert checked >= 4 * len(quality)


def _upwards(parametric: Dataset) -> list[int]:
    """Return the indices of the frames from inferior to superior."""
    frames = parametric.PerFrameFunctionalGroupsSequence
    return sorted(
        range(len(frames)), key=lambda index: float(frames[index].PlanePositionSequence[0].ImagePositionPatient[2])
    )


def _place(parametric: Dataset, frame: int, row: int, column: int) -> np.ndarray:
    """Return the LPS position of the centre of a pixel."""
    [shared] = parametric.SharedFunctionalGroupsSequence
    groups = parametric.PerFrameFunctionalGroupsSequence[frame]
    to_place = PixelToReferenceTransformer(
        groups.PlanePositionSequence[0].ImagePositionPatient,
        shared.PlaneOrientationSequence[0].ImageOrientationPatient,
        shared.PixelMeasuresSequence[0].PixelSpacing,
    )
    place: np.ndarray = to_place(np.array([[column, row]]))[0]
    return place


def test_mask_of_the_user_is_no_segmentation_of_lgeqa(written: Written, bundle: Bundle, tmp_path: Path) -> None:
    scan, atrium = written.assessment.scan, written.assessment.atrium
    assessment = assess_scan(scan, bundle, AssessSettings.of({}), atrium)
    write_dicom_results(assessment, written.source, bundle.manifest.quality.preparation, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"heat_map.dcm", "pdf.dcm", "sr.dcm"}
    assert dcmread(tmp_path / "sr.dcm").SOPInstanceUID != written.read("sr").SOPInstanceUID


def test_bundle_that_does_not_explain_gives_no_heat_map(written: Written, tmp_path: Path) -> None:
    silent = open_bundle(toy_bundle(tmp_path / "bundle"))
    assessment = assess_scan(written.assessment.scan, silent, AssessSettings.of({}))
    write_dicom_results(assessment, written.source, silent.manifest.quality.preparation, tmp_path / "results")
    assert {path.name for path in (tmp_path / "results").iterdir()} == {"pdf.dcm", "seg.dcm", "sr.dcm"}
