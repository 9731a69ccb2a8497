"""Volume as the readers return it, in the order of its file."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lgeqa.errors import ReadError
from lgeqa.io.untrusted_files import open_regular
from lgeqa.records import Acquisition, Grid


@dataclass(frozen=True)
class Stack:
    """A volume in its stored order.

    Attributes:
        voxels: Real numbers, (k, j, i).
        grid: Grid of the voxels.
        sha256: Hash of the concatenated bytes of all files.
        warnings: Warnings for readers of the result.
        series: Number, image count and first file of a DICOM series. Empty for a volume.
        acquisition: Settings of the acquisition. None if the files give none of them.
    """

    voxels: npt.NDArray[Any]
    grid: Grid
    sha256: str
    warnings: tuple[str, ...] = ()
    series: str = ""
    acquisition: Acquisition | None = None


def check_finite(voxels: npt.NDArray[Any], where: str) -> None:
    """Refuse voxels that are not finite.

    Raises:
        ReadError: Voxels are NaN or infinite.
    """
    bad = voxels.size - int(np.isfinite(voxels).sum())
    if bad:
        raise ReadError(f"{where}: {bad} of its voxels are NaN or infinite. Export it again without them.")


def hash_files(paths: Iterable[Path]) -> str:
    """Return the SHA-256 of the concatenated bytes of all files in hexadecimal."""
    digest = hashlib.sha256()
    for path in paths:
        with open_regular(path) as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()
