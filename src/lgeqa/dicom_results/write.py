"""Files of the DICOM objects of one scan."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom import Dataset

from lgeqa.atomic_io import telling, write_through
from lgeqa.dicom_results.deidentified import mark_deidentified
from lgeqa.dicom_results.encapsulated_pdf import make_pdf
from lgeqa.dicom_results.heat_map import make_heat_map
from lgeqa.dicom_results.identity import Identity, Kind
from lgeqa.dicom_results.segmentation import make_segmentation
from lgeqa.dicom_results.source_series import read_source_series
from lgeqa.dicom_results.structured_report import make_report
from lgeqa.inference.pipeline import Assessment
from lgeqa.io.dicom_header import quiet
from lgeqa.io.source import Source
from lgeqa.preprocessing import QualityPreparation
from lgeqa.reporting.pictures import draw_pictures
from lgeqa.secret_key import SecretKey


def write_dicom_results(
    assessment: Assessment,
    source: Source,
    preparation: QualityPreparation,
    folder: Path,
    key: SecretKey | None = None,
) -> None:
    """Write the result of a scan as DICOM objects of its study: `heat_map`, `seg`, `pdf` and, last, `sr.dcm`.

    The segmentation is left out for a mask of the user, and the heat map without a verdict or if the bundle does not
    explain.

    Args:
        assessment: Assessment of the scan.
        source: Files of the scan.
        preparation: Preparation of the slices for the quality network.
        folder: Folder of the scan, created if needed.
        key: Key by which the objects are de-identified. None for objects with the attributes of the patient.

    Raises:
        ReadError: The scan is not a DICOM series, or its headers do not allow a result in its study.
        OutputError: A file cannot be written.
    """
    with _silent():
        objects = _make_objects(assessment, source, preparation, key)
        with telling(folder):
            folder.mkdir(parents=True, exist_ok=True)
        for kind, dataset in objects.items():
            if key:
                mark_deidentified(dataset)
            write_through(folder / f"{kind}.dcm", dataset.save_as)


@contextmanager
def _silent() -> Iterator[None]:
    """Suppress the messages of pydicom and highdicom, which quote names and UIDs."""
    logger = logging.getLogger("highdicom")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with quiet():
            yield
    finally:
        logger.setLevel(before)


def _make_objects(
    assessment: Assessment, source: Source, preparation: QualityPreparation, key: SecretKey | None
) -> dict[Kind, Dataset]:
    """Return the objects in the order of writing."""
    series = read_source_series(source, assessment.scan, key)
    identity = Identity.of(assessment, series)
    objects: dict[Kind, Dataset] = {}
    if assessment.maps is not None:
        objects["heat_map"] = make_heat_map(assessment, assessment.maps, series, identity, preparation)
    segmentation = None
    if assessment.atrium.any() and assessment.result.mask_source == "detected":
        segmentation = objects["seg"] = make_segmentation(assessment, series, identity)
    pictures = draw_pictures(assessment, preparation) if assessment.atrium.any() else None
    objects["pdf"] = make_pdf(assessment.result, pictures, series, identity)
    objects["sr"] = make_report(assessment.result, series, identity, segmentation)
    for dataset in objects.values():
        series.restore_frame_numbers(dataset)
    return objects
