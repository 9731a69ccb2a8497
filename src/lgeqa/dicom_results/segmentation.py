"""Segmentation of the left atrium on the images of the scan."""

from highdicom import AlgorithmIdentificationSequence, PixelMeasuresSequence
from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentationTypeValues, SegmentDescription
from pydicom.sr.codedict import codes

from lgeqa.dicom_results.identity import RESEARCH, Identity
from lgeqa.dicom_results.source_series import SourceSeries
from lgeqa.inference.pipeline import Assessment
from lgeqa.io import to_file_grid

#: Number of the only segment.
ATRIUM_SEGMENT = 1


def make_segmentation(assessment: Assessment, series: SourceSeries, identity: Identity) -> Segmentation:
    """Return the atrium mask as a binary segmentation, with a frame for each image that holds the atrium.

    Args:
        assessment: Assessment of a scan on which the detector found an atrium.
        series: Images of the scan.
        identity: Identity of the objects of the scan.
    """
    algorithm = AlgorithmIdentificationSequence(
        "lgeqa",
        codes.cid7162.ArtificialIntelligence,
        identity.version,
        parameters={"bundle_sha256": identity.bundle_sha256},
    )
    atrium = SegmentDescription(
        ATRIUM_SEGMENT,
        "Left atrium",
        codes.cid7150.AnatomicalStructure,
        codes.SCT.LeftAtrium,
        SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm,
        tracking_uid=identity.uid("seg", "atrium"),
        tracking_id="Left atrium",
    )
    columns_mm, rows_mm, between_mm = assessment.scan.grid.spacing_mm
    return Segmentation(
        list(series.images),
        to_file_grid(assessment.atrium, assessment.scan),
        SegmentationTypeValues.BINARY,
        [atrium],
        pixel_measures=PixelMeasuresSequence((rows_mm, columns_mm), series.thickness_mm, between_mm),
        content_label="LEFT_ATRIUM",
        content_description=RESEARCH,
        **identity.attributes("seg"),
    )
