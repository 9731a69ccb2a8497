"""Discovery and reading of scans (NRRD, NIfTI, MetaImage and classic DICOM series) in axial LPS order."""

from lgeqa.io.discover import discover
from lgeqa.io.limits import Limits
from lgeqa.io.scan import read_mask, read_scan, to_file_grid, voxels_sha256
from lgeqa.io.source import Source

__all__ = ["Limits", "Source", "discover", "read_mask", "read_scan", "to_file_grid", "voxels_sha256"]
