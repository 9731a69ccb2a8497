"""An array and its grid to an image of SimpleITK, and an image to a file."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK
from SimpleITK import Image

from lgeqa.records import Grid

_sitk: Any = SimpleITK  # comes without types


def to_image(voxels: npt.NDArray[Any], grid: Grid) -> Image:
    """An array (k, j, i) as an image on a grid."""
    image = _sitk.GetImageFromArray(np.ascontiguousarray(voxels))
    image.SetSpacing(grid.spacing_mm)
    image.SetOrigin(grid.origin_mm)
    image.SetDirection(grid.direction)
    made: Image = image
    return made


def write_image(image: Image, path: Path) -> None:
    """Write an image, compressed; raises OSError whatever is in the way, as the writing of other files does."""
    try:
        _sitk.WriteImage(image, str(path), useCompression=True)
    except RuntimeError:  # SimpleITK knows no other kind, and its words name its own source files
        raise OSError("SimpleITK could not write it; the disk may be full") from None
