"""Making of a scan from its recipe."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lgeqa.errors import CohortError, ScanError
from lgeqa.io import Source, discover, read_mask, read_scan, voxels_sha256
from lgeqa.io.geometry import axial_grid, axial_order, slice_positions
from lgeqa.measures import Heart, compute_measures
from lgeqa.records import BoolArray, FloatArray, Grid, Measures, Scan
from lgeqa.simulation.acquisition import acquire
from lgeqa.simulation.artefacts import apply_artefacts
from lgeqa.simulation.composite import composite
from lgeqa.simulation.distractors import Volume, apply_distractors
from lgeqa.simulation.phantom import build_phantom
from lgeqa.simulation.recipe import FromPhantom, FromScan, RealScan, ScanRecipe, Thorax

_IDENTITY: Final = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class SimulatedScan:
    """A simulated scan (slice, row, column), axial LPS, and the grid of its file.

    Attributes:
        voxels: Grey levels, integers unless the real scan has fractions or the recipe has distractors.
        atrium: Blood pool of the left atrium.
        grid: Grid with the file axes (column, row, slice).
        measures: Image quality measures before distractors.
    """

    voxels: npt.NDArray[Any]
    atrium: BoolArray
    grid: Grid
    measures: Measures


@dataclass(frozen=True)
class _Base:
    """A scan before artefacts, (slice, row, column), axial LPS.

    Attributes:
        voxels: Grey levels.
        atrium: Blood pool of the left atrium.
        grid: Grid with the file axes (column, row, slice).
        has_whole_levels: Whether grey levels are stored as whole numbers.
    """

    voxels: FloatArray
    atrium: BoolArray
    grid: Grid
    has_whole_levels: bool

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Voxel spacing (slice, row, column)."""
        return self.grid.spacing_mm[2], self.grid.spacing_mm[1], self.grid.spacing_mm[0]


def find_real_scans(folder: Path) -> list[RealScan]:
    """Return all scans below a folder that have a mask beside them, in the authors' layout.

    Raises:
        CohortError: The folder holds no scan with a mask.
    """
    scans = [
        RealScan(
            scan_id=source.scan_id,
            image=_below(source.location, folder),
            mask=_below(source.mask_path, folder),
            image_sha256=_sha256(source.location),
            mask_sha256=_sha256(source.mask_path),
            voxels_sha256=_voxels_sha256(source),
        )
        for source in discover([folder])
        if source.kind == "volume" and source.mask_path
    ]
    if not scans:
        raise CohortError(
            f"{folder}: holds no scan with a mask. Give a folder of <scan id>/data.nrrd, shrinkwrap.nrrd."
        )
    return scans


def make_scan(recipe: ScanRecipe, folder: Path | None = None) -> SimulatedScan:
    """Make the scan of a recipe from a phantom or the real scan that it names, and measure it.

    Args:
        recipe: Recipe of the scan.
        folder: Folder to which the paths of a real scan are relative. None for phantoms.

    Raises:
        CohortError: The real scan is missing or differs from the scan of the recipe.
        ScanError: The real scan cannot be read, or its mask is not on blood.
    """
    if isinstance(recipe.source, FromPhantom):
        base = _from_phantom(recipe.source)
    else:
        base = _from_scan(recipe.source, recipe.scan_id, folder)
    atrium, grid, spacing_mm = base.atrium, base.grid, base.spacing_mm
    voxels = apply_artefacts(base.voxels, atrium, spacing_mm, recipe.artefacts) if recipe.artefacts else base.voxels
    levels = _whole(voxels) if base.has_whole_levels else voxels
    measures = _measured(levels.astype(np.float32), atrium, grid)
    if recipe.distractors:
        changed = apply_distractors(Volume(levels.astype(np.float32), atrium, spacing_mm), recipe.distractors)
        levels, atrium, grid = changed.voxels, changed.atrium, _changed_grid(grid, changed)
    return SimulatedScan(levels, atrium, grid, measures)


def _from_phantom(source: FromPhantom) -> _Base:
    """Build and image a phantom."""
    phantom = build_phantom(source.phantom)
    spacing_mm = source.phantom.spacing_mm
    origin_mm = [first * step for first, step in zip(source.phantom.first, spacing_mm, strict=True)]
    grid = _grid(phantom.atrium.shape, spacing_mm, origin_mm)
    return _Base(acquire(phantom, source.acquisition), phantom.atrium, grid, has_whole_levels=True)


def _from_scan(source: FromScan, scan_id: str, folder: Path | None) -> _Base:
    """Read a real scan and set it into its thorax, if the recipe has one."""
    image, mask = _verified(source.scan, scan_id, folder)
    scan = read_scan(Source(source.scan.scan_id, "volume", image, (image,), mask))
    has_whole_levels = bool((scan.voxels == np.rint(scan.voxels)).all())
    crop = _Base(scan.voxels, read_mask(mask, scan), axial_grid(scan.grid, axial_order(scan.grid)), has_whole_levels)
    return _in_thorax(crop, source.thorax) if source.thorax else crop


def _in_thorax(crop: _Base, thorax: Thorax) -> _Base:
    """Set a real scan into a phantom with a centred field of view, and keep the height of its slices."""
    phantom = build_phantom(thorax.phantom)
    full = composite(crop.voxels, crop.atrium, crop.spacing_mm, phantom, thorax.placing)
    rows, columns = (size * step for size, step in zip(full.atrium.shape[1:], full.spacing_mm[1:], strict=True))
    grid = _grid(full.atrium.shape, full.spacing_mm, (slice_positions(crop.grid)[0], -rows / 2, -columns / 2))
    return _Base(full.voxels, full.atrium, grid, crop.has_whole_levels)


def _measured(voxels: FloatArray, atrium: BoolArray, grid: Grid) -> Measures:
    """Compute all measures of a scan with its own mask, without values for each slice."""
    spacing_mm = (grid.spacing_mm[2], grid.spacing_mm[1], grid.spacing_mm[0])
    indices = tuple(range(len(voxels)))
    scan = Scan("", voxels, spacing_mm, slice_positions(grid), indices, grid, Path(), "")
    return compute_measures(scan, Heart(voxels, atrium, spacing_mm)).model_copy(update={"slices": ()})


def _whole(voxels: FloatArray) -> npt.NDArray[np.int16 | np.int32]:
    """Round to whole grey levels, in 16 bits if they fit."""
    levels = np.rint(voxels)
    return levels.astype(np.int16 if np.abs(levels).max() <= np.iinfo(np.int16).max else np.int32)


def _changed_grid(grid: Grid, volume: Volume) -> Grid:
    """Return the grid of a volume that a distractor cropped, padded or resampled."""
    column, row, slice_ = np.array(grid.direction).reshape(3, 3).T
    z, y, x = volume.first_mm
    origin_mm = np.array(grid.origin_mm) + x * column + y * row + z * slice_
    slices, rows, columns = volume.voxels.shape
    return replace(
        grid,
        size=(columns, rows, slices),
        spacing_mm=volume.spacing_mm[::-1],
        origin_mm=(float(origin_mm[0]), float(origin_mm[1]), float(origin_mm[2])),
    )


def _verified(scan: RealScan, scan_id: str, folder: Path | None) -> tuple[Path, Path]:
    if folder is None:
        raise CohortError(f"{scan_id}: is made from the real scan {scan.image}. Name the folder that it is in.")
    paths = folder / scan.image, folder / scan.mask
    for path, sha256 in zip(paths, (scan.image_sha256, scan.mask_sha256), strict=True):
        if not path.is_file():
            raise CohortError(f"{path}: is not there, but {scan_id} is made from it. Name the folder that holds it.")
        if _sha256(path) != sha256:
            raise CohortError(f"{path}: is not the file that {scan_id} was made from (SHA-256 {sha256[:12]}...).")
    return paths


def _grid(shape: Sequence[int], spacing_mm: Sequence[float], origin_mm: Sequence[float]) -> Grid:
    """Return the file grid of an axial LPS array from arguments in the order (slice, row, column)."""
    slices, rows, columns = shape
    dz, dy, dx = spacing_mm
    z, y, x = origin_mm
    return Grid((columns, rows, slices), (dx, dy, dz), (x, y, z), _IDENTITY)


def _below(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _voxels_sha256(source: Source) -> str:
    try:
        return voxels_sha256(read_scan(source))
    except ScanError:  # making a scan from it will report the error
        return ""
