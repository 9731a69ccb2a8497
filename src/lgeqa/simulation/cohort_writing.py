"""Writing of simulated cohorts: scans in the layout of the paper's authors, their recipes and tables of scores.

<out>/<scan id>/data.nrrd, shrinkwrap.nrrd, recipe.json
<out>/<scan id>/measures.json   image quality measures before distractors, from which the scores are computed
<out>/labels.json       the authors' format; the label is the score before reader noise
<out>/scores.csv        one row for each scan and reader: `measured` holds the measured scores, `truth` their whole
                        parts, as experts write scores, and `reader-1` and so on the ratings of simulated readers
"""

import json
import os
import shutil
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from socket import gethostname
from typing import Any, Final

import numpy as np
from pydantic import ValidationError

from lgeqa.atomic_io import not_written, write_whole
from lgeqa.cluster import OnCluster
from lgeqa.cohort.case import MEASURED, PSEUDO_READERS, TRUTH
from lgeqa.cohort.paper_layout import IMAGE, LABELS, MASK, label_entry
from lgeqa.config import reason_of
from lgeqa.errors import CohortError, OutputError, ScanError
from lgeqa.io.limits import DEFAULT_LIMITS
from lgeqa.io.volume import read_volume
from lgeqa.io.volume_writer import write_nrrd
from lgeqa.measures import measured_reader
from lgeqa.records import BoolArray, Grid, Measures
from lgeqa.scales import SCALE_NAMES
from lgeqa.simulation.recipe import ScanRecipe
from lgeqa.simulation.simulated_readers import draw_reading
from lgeqa.simulation.synthesis import SimulatedScan, make_scan
from lgeqa.table_text import csv_text
from lgeqa.workers import Limits, WorkerDied, work_through

RECIPE: Final = "recipe.json"
MEASURES: Final = "measures.json"
#: A scan takes a few seconds, so a worker that takes an hour hangs.
_LIMITS: Final = Limits(seconds=3600)


@dataclass(frozen=True)
class Written:
    """A scan that is written to its folder.

    Attributes:
        recipe: Recipe of the scan.
        measures: Image quality measures before distractors.
        kept: Whether the scan existed already.
        spacing_mm: Voxel spacing along the file's axes (column, row, slice).
        first: Lowest slice with the atrium.
        last: Highest slice with the atrium.
    """

    recipe: ScanRecipe
    measures: Measures
    kept: bool
    spacing_mm: tuple[float, float, float]
    first: int
    last: int

    def scores(self) -> dict[str, Mapping[str, float]]:
        """Return the scores of each reader by name, or an empty dictionary if the scan cannot be scored."""
        measured = measured_reader().reading(self.measures.values)
        if measured is None:
            return {}
        rng = np.random.default_rng(self.recipe.reading_seed)
        truth = {scale: int(score) for scale, score in measured.items()}
        readings = {f"reader-{number + 1}": draw_reading(rng, truth) for number in range(self.recipe.readers)}
        return {MEASURED: measured, TRUTH: truth, **readings}


def write_cohort(
    recipes: Sequence[ScanRecipe],
    out: Path,
    folder: Path | None = None,
    jobs: int = 1,
    cluster: OnCluster | None = None,
) -> Generator[Written]:
    """Make the scans that are missing in `out`, yield each when it is done, and finally write the tables.

    Args:
        recipes: Recipes of all scans of the cohort.
        out: Folder of the cohort, created if it is missing.
        folder: Folder to which the paths of real scans are relative.
        jobs: Number of scans made in parallel, each in its own process if more than one.
        cluster: Cluster on which scans are made. None for this machine.

    Yields:
        Each scan of the cohort, whether it is new or existed already.

    Raises:
        OutputError: `out` cannot be written, or holds a scan with the same name and another recipe.
        CohortError: A real scan is missing or changed.
        ScanError: A real scan cannot be read, or its mask is not on blood.
    """
    make_folder(out)
    done: list[Written] = []
    write = partial(write_scan, out=out, folder=folder)
    in_process = ((recipe, write(recipe)) for recipe in recipes)
    through = cluster or work_through
    apart = cluster or jobs > 1
    with closing(through(recipes, write, jobs, _LIMITS) if apart else in_process) as results:
        for recipe, written in results:
            if isinstance(written, WorkerDied):
                raise OutputError(
                    f"{out / recipe.scan_id}: the process that made it was ended ({written}), most often for want of "
                    "memory. The same command continues where it stopped; take fewer --jobs."
                )
            done.append(written)
            yield written
    write_tables(sorted(done, key=lambda written: written.recipe.scan_id), out)


def make_folder(out: Path) -> None:
    """Create the folder of a cohort if it is missing.

    Raises:
        OutputError: The folder cannot be created.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out}: cannot be made ({error.strerror}). Name another folder.") from None


def write_scan(recipe: ScanRecipe, out: Path, folder: Path | None = None) -> Written:
    """Make one scan and write its complete folder below `out`, unless it exists already.

    Args:
        recipe: Recipe of the scan.
        out: Folder of the cohort.
        folder: Folder to which the paths of real scans are relative.

    Raises:
        OutputError: `out` cannot be written, or holds a scan with the same name and another recipe.
        CohortError: The real scan is missing or changed.
        ScanError: The real scan cannot be read, or its mask is not on blood.
    """
    place = out / recipe.scan_id
    if (place / RECIPE).is_file():
        if read_recipe(place / RECIPE) != recipe:
            raise OutputError(
                f"{place}: holds a scan of this name, made with other settings or versions. Name another folder."
            )
        return _written(recipe, _read_measures(place / MEASURES), *_read_mask(place / MASK), existed=True)
    scan = make_scan(recipe, folder)
    part = out / f".{recipe.scan_id}.{gethostname()}-{os.getpid()}.part"
    try:
        _write_part(recipe, scan, part)
        part.rename(place)
    except OSError as error:
        if not (place / RECIPE).is_file():  # else a worker that was given up for lost has made it meanwhile
            raise not_written(place, error) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return _written(recipe, scan.measures, scan.atrium, scan.grid, existed=False)


def read_recipe(path: Path) -> ScanRecipe:
    """Read a scan's recipe.

    Raises:
        CohortError: The file is missing or is not a recipe of this version.
    """
    try:
        return ScanRecipe.model_validate_json(path.read_bytes())
    except OSError as error:
        raise CohortError(f"{path}: cannot be read ({error.strerror}). Name the recipe.json of a scan.") from None
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) or "the whole"
        raise CohortError(f"{path}: is not a recipe of a scan ({where}: {reason_of(error.errors()[0])}).") from None


def write_tables(scans: Sequence[Written], out: Path) -> None:
    """Write `scores.csv` and `labels.json`.

    A scan without scores has a row without a reader in `scores.csv` and no entry in `labels.json`.
    """
    scored = {scan.recipe.scan_id: scan.scores() for scan in scans}
    rows: list[tuple[str, ...]] = []
    for scan in scans:
        scan_id = scan.recipe.scan_id
        files = (scan_id, scan.recipe.patient, f"{scan_id}/{IMAGE}", f"{scan_id}/{MASK}")
        for reader, scores in scored[scan_id].items():
            rows.append((*files, reader, *(f"{scores[name]:g}" for name in SCALE_NAMES)))
        if not scored[scan_id]:
            rows.append((*files, "", *("" for _ in SCALE_NAMES)))
    write_whole(out / "scores.csv", csv_text(("scan", "patient", "image", "mask", "reader", *SCALE_NAMES), rows))
    labels = {scan.recipe.scan_id: _label(scan, scored[scan.recipe.scan_id]) for scan in scans}
    known = {scan_id: label for scan_id, label in labels.items() if label}
    write_whole(out / LABELS, json.dumps(known, indent=2) + "\n")


def _write_part(recipe: ScanRecipe, scan: SimulatedScan, part: Path) -> None:
    part.mkdir()
    for voxels, name in ((scan.voxels, IMAGE), (scan.atrium.astype(np.uint8), MASK)):
        write_nrrd(part / name, voxels, scan.grid)
    for record, name in ((recipe, RECIPE), (scan.measures, MEASURES)):
        (part / name).write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _read_measures(path: Path) -> Measures:
    """Read the measures of a scan that was made earlier.

    Raises:
        OutputError: The file is missing or incomplete.
    """
    try:
        return Measures.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        raise OutputError(f"{path}: cannot be read. Remove {path.parent} to make this scan again.") from None


def _read_mask(path: Path) -> tuple[BoolArray, Grid]:
    """Read the mask of a scan that was made earlier.

    Raises:
        OutputError: The file is missing or damaged.
    """
    try:
        stack = read_volume(path, DEFAULT_LIMITS)
    except (OSError, ScanError):
        raise OutputError(f"{path}: cannot be read. Remove {path.parent} to make this scan again.") from None
    return stack.voxels > 0, stack.grid


def _written(recipe: ScanRecipe, measures: Measures, mask: BoolArray, grid: Grid, *, existed: bool) -> Written:
    slices = np.flatnonzero(mask.any(axis=(1, 2)))
    return Written(recipe, measures, existed, grid.spacing_mm, int(slices[0]), int(slices[-1]))


def _label(scan: Written, scores: dict[str, Mapping[str, float]]) -> dict[str, Any] | None:
    """Return one scan in the authors' format, or None if it has no scores.

    The last two keys are as this project reads them.
    """
    if not scores:
        return None
    readers = {reader: rating for reader, rating in scores.items() if reader not in PSEUDO_READERS}
    return {
        **label_entry(scores[TRUTH], readers),
        "spacings": list(scan.spacing_mm),
        "segmented_region_indices": [scan.first, scan.last],
    }
