"""Limits on the headers, files and volumes that are read, all in one place."""

from dataclasses import dataclass

#: Longest header, and largest gap between a header and the voxels, in bytes.
MAX_HEADER_BYTES = 1 << 20
#: Longest field of a text header, and longest number in a field, in characters.
MAX_FIELD, MAX_NUMBER = 1000, 32
#: Largest number of axes of a volume, including axes of components and time.
MAX_AXES = 8
#: Largest number of bytes after the voxels, since writers pad to whole blocks.
MAX_PADDING_BYTES = 4096
#: Compressed data may expand to `MAX_RATIO` times their size plus `FREE_BYTES`. Real scans compress to a third of their
#: size, masks of a few megabytes to 1/300.
MAX_RATIO, FREE_BYTES = 200, 64 << 20
#: Largest DICOM file, both as stored and inflated. A frame of 4096 x 4096 pixels takes 32 MB.
MAX_DICOM_BYTES = 256 << 20
#: Longest header of a DICOM file, and largest number of sequence items in it. Enhanced files take 2 to 10 kB and 10 to
#: 40 items a frame.
MAX_DICOM_HEADER_BYTES, MAX_DICOM_ITEMS = 16 << 20, 200_000
#: Largest distance of a voxel from the origin of the patient coordinates, along any axis.
MAX_POSITION_MM = 1e6


@dataclass(frozen=True)
class Limits:
    """Limits on a scan, checked before its voxels are read if possible.

    Attributes:
        min_slices: Smallest number of axial slices. A left atrium spans about 20 at 2.5 mm.
        max_voxels: Largest number of voxels. 200 million take 0.8 GB as float32.
        min_spacing_mm: Smallest voxel spacing. A smaller one means that the header is wrong.
        max_spacing_mm: Largest voxel spacing. A larger one means that the header is wrong.
        max_tilt_degrees: Largest angle between an axis of the stack and the patient axis that it follows.
    """

    min_slices: int = 5
    max_voxels: int = 200_000_000
    min_spacing_mm: float = 0.1
    max_spacing_mm: float = 20.0
    max_tilt_degrees: float = 30.0


#: Limits that are used by default.
DEFAULT_LIMITS = Limits()
