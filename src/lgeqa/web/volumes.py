"""Volumes for the viewer: a scan and its overlays, as gzipped NIfTI files in memory.

All of them share one grid, the scan's own voxels in axial LPS order, so a browser can overlay them without resampling.
"""

import gzip

import numpy as np
import numpy.typing as npt

from lgeqa.io.geometry import axial_grid, axial_order
from lgeqa.io.volume_writer import nifti_bytes
from lgeqa.records import BoolArray, FloatArray, Scan

#: Level of gzip. The bytes usually stay on this machine, so better compression would cost more than it saves.
_LEVEL = 1


def scan_volume(scan: Scan) -> bytes:
    """Return the voxels of `scan` as `.nii.gz`, of int16 if all of them are whole numbers that fit, else of float32."""
    low, high = np.iinfo(np.int16).min, np.iinfo(np.int16).max
    whole = scan.voxels.astype(np.int16) if scan.voxels.min() >= low and scan.voxels.max() <= high else None
    exact = whole is not None and np.array_equal(whole, scan.voxels)
    return _nifti(whole if whole is not None and exact else scan.voxels, scan)


def mask_volume(mask: BoolArray, scan: Scan) -> bytes:
    """Return a mask (slice, row, column) of `scan` as `.nii.gz` of 0 and 1."""
    return _nifti(mask.astype(np.uint8), scan)


def heat_volume(heat: FloatArray, scan: Scan) -> bytes:
    """Return a heat map (slice, row, column) of `scan` as `.nii.gz` of float32."""
    return _nifti(heat.astype(np.float32), scan)


def _nifti(voxels: npt.NDArray[np.generic], scan: Scan) -> bytes:
    grid = axial_grid(scan.grid, axial_order(scan.grid))
    return gzip.compress(nifti_bytes(voxels, grid), _LEVEL, mtime=0)
