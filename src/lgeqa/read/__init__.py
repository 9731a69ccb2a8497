"""Discovery and reading of scans (NRRD, NIfTI, MetaImage and classic DICOM series) in axial LPS order."""

from lgeqa.read.discover import discover
from lgeqa.read.limits import Limits
from lgeqa.read.scan import read_mask, read_scan, to_file_grid
from lgeqa.read.source import Source

__all__ = ["Limits", "Source", "discover", "read_mask", "read_scan", "to_file_grid"]
