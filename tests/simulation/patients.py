"""Real patients' scans, as far as the simulator can tell."""

from pathlib import Path

import numpy as np

from lgeqa.records import BoolArray, FloatArray
from tests.factories.heart import SPACING_MM, GeometricHeart, atrium
from tests.images import write_volume

#: Pixels (row, column) of a field of view so tight that there is no aorta in it.
_TIGHT = slice(58, 128), slice(70, 140)


def write_patient(folder: Path, heart: GeometricHeart, *, axes: str = "LPS") -> Path:
    """Write a heart in whole grey levels, with its mask; return the folder."""
    return _write(folder, np.rint(heart.voxels()), atrium(), axes)


def write_unscorable_patient(folder: Path) -> Path:
    """Write a heart in a field of view without the aorta, whose wall a score needs; return the folder."""
    return _write(folder, np.rint(GeometricHeart(noise=3).voxels()[:, *_TIGHT]), atrium()[:, *_TIGHT], "LPS")


def _write(folder: Path, voxels: FloatArray, mask: BoolArray, axes: str) -> Path:
    write_volume(folder / "data.nrrd", voxels.astype(np.uint8), spacing_mm=SPACING_MM, axes=axes)
    write_volume(folder / "shrinkwrap.nrrd", mask.astype(np.uint8), spacing_mm=SPACING_MM, axes=axes)
    return folder
