"""What the readers hand over: voxels in the file's own order."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lgeqa.errors import ReadError
from lgeqa.read.files import open_regular
from lgeqa.records import Grid


@dataclass(frozen=True)
class Stack:
    """A volume as stored.

    Attributes:
        voxels: real numbers, (k, j, i).
        grid: the grid that they lie on.
        sha256: hash of the bytes of all files, one after the other.
        warnings: what a reader of the result should know.
        series: number, images and first file of a DICOM series; empty for a volume.
    """

    voxels: npt.NDArray[Any]
    grid: Grid
    sha256: str
    warnings: tuple[str, ...] = ()
    series: str = ""


def check_finite(voxels: npt.NDArray[Any], where: str) -> None:
    """Refuse voxels that are NaN or infinite. Raises ReadError."""
    bad = voxels.size - int(np.isfinite(voxels).sum())
    if bad:
        raise ReadError(f"{where}: {bad} of its voxels are NaN or infinite. Export it again without them.")


def hash_files(paths: Iterable[Path]) -> str:
    """SHA-256 in hexadecimal of the bytes of all files, one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        with open_regular(path) as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()
