"""DICOM results of a real scan, with the header of a real MR image, by the bundle in the package."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from highdicom.sr import MeasurementReport, srread
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from lgeqa.dicom_results import write_dicom_results
from lgeqa.inference.bundle import open_bundle
from lgeqa.inference.pipeline import AssessSettings, assess_source
from lgeqa.io import discover, read_scan
from lgeqa.records import Scan

pytestmark = pytest.mark.slow


def write_like(header: str, folder: Path, scan: Scan) -> None:
    """Write a scan as a series whose images have a header of pydicom's test files and its transfer syntax."""
    template = Path(str(get_testdata_file(header)))
    little = "bigendian" not in header
    for index, pixels in enumerate(scan.voxels):
        image = dcmread(template)
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        image.Rows, image.Columns = pixels.shape
        image.PixelSpacing = list(scan.spacing_mm[1:])
        image.SliceThickness = scan.spacing_mm[0]
        image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        image.ImagePositionPatient = [0, 0, scan.slice_positions_mm[index]]
        image.InstanceNumber = index + 1
        image.PixelData = pixels.astype("<i2" if little else ">i2").tobytes()
        image.save_as(folder / f"{index:03d}")


@pytest.mark.parametrize("header", ["MR_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm"])
def test_real_scan_with_a_real_header(header: str, real_folder: Path, tmp_path: Path) -> None:
    [volume] = discover([real_folder / "lge-002" / "data.nrrd"])
    (tmp_path / "series").mkdir()
    write_like(header, tmp_path / "series", read_scan(volume))
    [source] = discover([tmp_path / "series"])
    bundle = open_bundle()
    assessment = assess_source(source, bundle, AssessSettings.of({}))
    write_dicom_results(assessment, source, bundle.manifest.quality.preparation, tmp_path / "results")

    result = assessment.result
    report = srread(tmp_path / "results" / "sr.dcm").content
    assert isinstance(report, MeasurementReport)
    [atrium] = report.get_volumetric_roi_measurement_groups()
    [volume_ml] = atrium.get_measurements(codes.SCT.Volume)
    assert result.measures is not None
    assert volume_ml.value == pytest.approx(result.measures.values["atrium_volume_ml"])
    assert dcmread(tmp_path / "results" / "seg.dcm").pixel_array.sum() == np.count_nonzero(assessment.atrium)
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed (Debian package dicom3tools)")
    for path in (tmp_path / "results").iterdir():
        found = subprocess.run(["dciodvfy", "-new", path], capture_output=True, text=True, check=False)
        # Warnings on copied values are about the header of the scan.
        assert [line for line in (found.stdout + found.stderr).splitlines() if line.startswith("Error")] == [], (
            path.name
        )
