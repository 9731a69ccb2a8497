"""The only place that calls SimpleITK: a file to an array and its grid, and back to an image."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK
from SimpleITK import Image

from lgeqa.errors import ReadError
from lgeqa.read.words import extent, shown
from lgeqa.records import Grid

_sitk: Any = SimpleITK  # comes without types


def load(path: Path, image_io: str) -> tuple[npt.NDArray[Any], Grid]:
    """Read voxels (k, j, i) and grid of a 3-D volume of real numbers; further axes of length 1 are dropped.

    Raises:
        ReadError: the volume is not 3-D, or a voxel holds several numbers.
        RuntimeError: ITK cannot read the file.
    """
    _sitk.ProcessObject.SetGlobalWarningDisplay(False)
    reader = _sitk.ImageFileReader()
    reader.SetImageIO(image_io)
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    components, size = reader.GetNumberOfComponents(), reader.GetSize()
    if components != 1:
        raise ReadError(
            f"{shown(path)}: each voxel holds {components} numbers (colour, vector or complex). "
            "Save the magnitude image alone."
        )
    if len(size) < 3 or any(count > 1 for count in size[3:]):
        raise ReadError(f"{shown(path)}: is {len(size)}-D ({extent(size)}), not 3-D. Save one 3-D volume.")
    reader.SetExtractSize([*size[:3], *(0 for _ in size[3:])])
    image = reader.Execute()
    grid = Grid(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())
    voxels: npt.NDArray[Any] = _sitk.GetArrayFromImage(image)
    return voxels, grid


def to_image(voxels: npt.NDArray[Any], grid: Grid) -> Image:
    """An array (k, j, i) as an image on a grid."""
    image = _sitk.GetImageFromArray(np.ascontiguousarray(voxels))
    image.SetSpacing(grid.spacing_mm)
    image.SetOrigin(grid.origin_mm)
    image.SetDirection(grid.direction)
    made: Image = image
    return made
