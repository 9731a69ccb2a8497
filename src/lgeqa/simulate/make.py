"""From a recipe to the scan."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from lgeqa.errors import CohortError
from lgeqa.read import Source, discover, read_mask, read_scan
from lgeqa.read.geometry import axial_grid, axial_order
from lgeqa.records import BoolArray, FloatArray, Grid
from lgeqa.simulate.composite import composite
from lgeqa.simulate.faults import apply_faults, apply_faults_to_phantom
from lgeqa.simulate.phantom import PhantomRecipe, build_phantom
from lgeqa.simulate.recipe import FromPhantom, FromScan, RealScan, ScanRecipe

#: Grey level that the brightest thousandth of a scan starts from.
BRIGHT_LEVEL: Final = 1000.0

_IDENTITY: Final = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class SimulatedScan:
    """A simulated scan, (slice, row, column), axial LPS, and the grid to write it on.

    Attributes:
        voxels: int16 grey levels.
        atrium: blood pool of the left atrium.
        grid: file axes (column, row, slice).
    """

    voxels: npt.NDArray[np.int16]
    atrium: BoolArray
    grid: Grid


def find_real_scans(folder: Path) -> list[RealScan]:
    """All scans below a folder that have a mask beside them, in the authors' layout.

    Raises:
        CohortError: there is none.
    """
    found = [
        RealScan(
            scan_id=source.scan_id,
            image=_below(source.location, folder),
            mask=_below(source.mask_path, folder),
            image_sha256=_sha256(source.location),
            mask_sha256=_sha256(source.mask_path),
        )
        for source in discover([folder])
        if source.kind == "volume" and source.mask_path
    ]
    if not found:
        raise CohortError(
            f"{folder}: holds no scan with a mask. Give a folder of <scan id>/data.nrrd, shrinkwrap.nrrd."
        )
    return found


def make_scan(recipe: ScanRecipe, folder: Path | None = None) -> SimulatedScan:
    """Make the scan of a recipe; reads the real scan it starts from, and writes nothing.

    Args:
        recipe: of the scan.
        folder: that the paths of a real scan are relative to; None for phantoms.

    Raises:
        CohortError: the real scan is not there, or is not the one of the recipe.
        ScanError: it cannot be read.
    """
    if isinstance(recipe.source, FromPhantom):
        return _from_phantom(recipe.source.phantom, recipe)
    return _from_scan(recipe.source, recipe, folder)


def _from_phantom(source: PhantomRecipe, recipe: ScanRecipe) -> SimulatedScan:
    phantom = build_phantom(source)
    origin_mm = [first * step for first, step in zip(source.first, source.spacing_mm, strict=True)]
    grid = _grid(phantom.atrium.shape, source.spacing_mm, origin_mm)
    return SimulatedScan(grey_levels(apply_faults_to_phantom(phantom, recipe.faults)), phantom.atrium, grid)


def _from_scan(source: FromScan, recipe: ScanRecipe, folder: Path | None) -> SimulatedScan:
    image, mask = _verified(source.scan, recipe.scan_id, folder)
    scan = read_scan(Source(source.scan.scan_id, "volume", image, (image,), mask))
    voxels, atrium, spacing_mm = scan.voxels, read_mask(mask, scan), scan.spacing_mm
    grid = axial_grid(scan.grid, axial_order(scan.grid))
    if source.thorax:
        phantom = build_phantom(source.thorax.phantom)
        full = composite(voxels, atrium, spacing_mm, phantom, source.thorax.placing)
        voxels, atrium, spacing_mm = full.voxels, full.atrium, full.spacing_mm
        rows, columns = (size * step for size, step in zip(atrium.shape[1:], spacing_mm[1:], strict=True))
        grid = _grid(atrium.shape, spacing_mm, (scan.slice_positions_mm[0], -rows / 2, -columns / 2))
    return SimulatedScan(grey_levels(apply_faults(voxels, atrium, spacing_mm, recipe.faults)), atrium, grid)


def grey_levels(voxels: FloatArray) -> npt.NDArray[np.int16]:
    """Whole grey levels, as a scanner stores them, scaled to use some 1000 of them."""
    scaled = voxels * np.float32(BRIGHT_LEVEL / np.percentile(voxels, 99.9))
    levels: npt.NDArray[np.int16] = np.clip(np.rint(scaled), 0, np.iinfo(np.int16).max).astype(np.int16)
    return levels


def _verified(scan: RealScan, scan_id: str, folder: Path | None) -> tuple[Path, Path]:
    if folder is None:
        raise CohortError(f"{scan_id}: is made from the real scan {scan.image}. Name the folder that it lies in.")
    paths = folder / scan.image, folder / scan.mask
    for path, sha256 in zip(paths, (scan.image_sha256, scan.mask_sha256), strict=True):
        if not path.is_file():
            raise CohortError(f"{path}: is not there, but {scan_id} is made from it. Name the folder that holds it.")
        if _sha256(path) != sha256:
            raise CohortError(f"{path}: is not the file that {scan_id} was made from (SHA-256 {sha256[:12]}...).")
    return paths


def _grid(shape: Sequence[int], spacing_mm: Sequence[float], origin_mm: Sequence[float]) -> Grid:
    """The file grid of an axial LPS array; arguments in the order (slice, row, column)."""
    slices, rows, columns = shape
    dz, dy, dx = spacing_mm
    z, y, x = origin_mm
    return Grid((columns, rows, slices), (dx, dy, dz), (x, y, z), _IDENTITY)


def _below(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
