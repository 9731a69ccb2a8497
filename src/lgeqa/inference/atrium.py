"""The left atrium of a scan, found by the detector of a bundle (stage 1)."""

from typing import NamedTuple

from lgeqa.inference.bundle import Bundle
from lgeqa.inference.detection import atrium_mask, search_atrium
from lgeqa.records import BoolArray, FloatArray, Scan


class FoundAtrium(NamedTuple):
    """The left atrium of a scan.

    Attributes:
        mask: Blood pool, bool (slice, row, column). It may be empty.
        probabilities: Probability of blood pool at each voxel of the scan. None if the mask was supplied.
    """

    mask: BoolArray
    probabilities: FloatArray | None = None


def find_atrium(scan: Scan, bundle: Bundle) -> FoundAtrium:
    """Find the blood pool of the left atrium on the voxels of the scan (stage 1)."""
    part = bundle.manifest.detector
    probabilities = search_atrium(scan.voxels, scan.spacing_mm, bundle.detect, part.preparation, part.rule)
    return FoundAtrium(atrium_mask(probabilities, scan.voxels, scan.spacing_mm, part.rule), probabilities)
