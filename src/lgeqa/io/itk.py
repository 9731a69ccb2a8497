"""Conversion of arrays to SimpleITK images, and writing of images."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK
from SimpleITK import Image

from lgeqa.records import Grid

_sitk: Any = SimpleITK  # comes without types


def to_image(voxels: npt.NDArray[Any], grid: Grid) -> Image:
    """Return an array (k, j, i) as an image on a grid."""
    image = _sitk.GetImageFromArray(np.ascontiguousarray(voxels))
    image.SetSpacing(grid.spacing_mm)
    image.SetOrigin(grid.origin_mm)
    image.SetDirection(grid.direction)
    result: Image = image
    return result


def write_image(image: Image, path: Path) -> None:
    """Write a compressed image.

    Raises:
        OSError: The image cannot be written, whatever the reason.
    """
    try:
        _sitk.WriteImage(image, str(path), useCompression=True)
    except RuntimeError:  # the only type SimpleITK raises; its message names its own source files
        raise OSError("SimpleITK could not write it; the disk may be full") from None
