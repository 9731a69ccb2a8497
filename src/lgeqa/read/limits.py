"""What a volume must be like to be read and judged: the one place for these numbers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds on a scan, checked before its voxels are read where that is possible.

    Attributes:
        min_slices: fewest axial slices; a left atrium spans about 20 at 2.5 mm.
        max_voxels: most voxels; 200 million take 0.8 GB as float32.
        min_spacing_mm, max_spacing_mm: a voxel spacing outside this range is a wrong header.
        max_tilt_degrees: largest angle between an axis of the stack and the patient's axis it follows.
    """

    min_slices: int = 5
    max_voxels: int = 200_000_000
    min_spacing_mm: float = 0.1
    max_spacing_mm: float = 20.0
    max_tilt_degrees: float = 30.0


#: The bounds used unless a caller says otherwise.
DEFAULT_LIMITS = Limits()
