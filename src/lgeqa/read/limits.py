"""What a volume must be like to be read and judged: the one place for these numbers."""

from dataclasses import dataclass

#: Longest header in bytes, and the most that may lie between a header and the voxels.
MAX_HEADER_BYTES = 1 << 20
#: Longest field of a text header that is used, and longest number in it, in characters.
MAX_FIELD, MAX_NUMBER = 1000, 32
#: Most axes of a volume, those of components or time included.
MAX_AXES = 8
#: Bytes that may follow the voxels: writers pad to whole blocks.
MAX_PADDING_BYTES = 4096
#: Packed data may unpack to this many times their size, and to `FREE_BYTES` more. Real scans pack to a third of
#: their size, masks to 1/300 of a few megabytes.
MAX_RATIO, FREE_BYTES = 200, 64 << 20
#: Largest DICOM file, as it is and unpacked; a frame of 4096 x 4096 pixels takes 32 MB.
MAX_DICOM_BYTES = 256 << 20
#: Farthest that a voxel may be from the origin of the patient's coordinates, along an axis.
MAX_POSITION_MM = 1e6


@dataclass(frozen=True)
class Limits:
    """Bounds on a scan, checked before its voxels are read where that is possible.

    Attributes:
        min_slices: Fewest axial slices. A left atrium spans about 20 at 2.5 mm.
        max_voxels: Most voxels. 200 million take 0.8 GB as float32.
        min_spacing_mm, max_spacing_mm: Range of voxel spacings; one outside it is a wrong header.
        max_tilt_degrees: Largest angle between an axis of the stack and the patient's axis it follows.
    """

    min_slices: int = 5
    max_voxels: int = 200_000_000
    min_spacing_mm: float = 0.1
    max_spacing_mm: float = 20.0
    max_tilt_degrees: float = 30.0


#: The bounds used unless a caller says otherwise.
DEFAULT_LIMITS = Limits()
