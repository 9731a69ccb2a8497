"""Writing simulated cohorts: scans in the authors' layout, their recipes and the tables of scores.

<out>/<scan id>/data.nrrd, shrinkwrap.nrrd, recipe.json
<out>/labels.json       the authors' format; the label is the score before reader noise
<out>/scores.csv        one row for each scan and reader; the reader `truth` holds the scores before reader noise
"""

import csv
import json
import os
import shutil
from collections.abc import Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np
import SimpleITK
from pydantic import ValidationError

from lgeqa.attributes import NAMES, SCALES
from lgeqa.cohort.case import TRUTH
from lgeqa.errors import CohortError, OutputError
from lgeqa.read.itk import to_image
from lgeqa.simulate.make import SimulatedScan, make_scan
from lgeqa.simulate.recipe import ScanRecipe
from lgeqa.simulate.scores import Scores

IMAGE: Final = "data.nrrd"
MASK: Final = "shrinkwrap.nrrd"
RECIPE: Final = "recipe.json"

_sitk: Any = SimpleITK  # comes without types


@dataclass(frozen=True)
class Written:
    """A scan that lies in its folder.

    Attributes:
        recipe: of the scan.
        kept: it was there already.
        spacing_mm: along the file's axes (column, row, slice).
        first, last: lowest and highest slice that holds the atrium.
    """

    recipe: ScanRecipe
    kept: bool
    spacing_mm: tuple[float, float, float]
    first: int
    last: int


def write_cohort(
    recipes: Sequence[ScanRecipe], out: Path, folder: Path | None = None, jobs: int = 1
) -> Generator[Written]:
    """Make the scans that `out` does not hold yet, and give each as it is done; at the end write the tables.

    Args:
        recipes: of all scans of the cohort.
        out: folder of the cohort, made where it is missing.
        folder: that the paths of real scans are relative to.
        jobs: scans to work on at once, each in a process of its own if more than one.

    Raises:
        OutputError: `out` cannot be written, or holds a scan of the same name and another recipe.
        CohortError: a real scan is missing or changed.
        ScanError: a real scan cannot be read.
    """
    make_folder(out)
    done: list[Written] = []
    with ExitStack() as stack:
        if jobs == 1:
            results = (write_scan(recipe, out, folder) for recipe in recipes)
        else:
            pool = stack.enter_context(ProcessPoolExecutor(jobs, mp_context=get_context("spawn")))
            stack.callback(pool.shutdown, cancel_futures=True)
            futures = [pool.submit(write_scan, recipe, out, folder) for recipe in recipes]
            results = (future.result() for future in as_completed(futures))
        for written in results:
            done.append(written)
            yield written
    write_tables(sorted(done, key=lambda written: written.recipe.scan_id), out)


def make_folder(out: Path) -> None:
    """Make the folder of a cohort, if it is missing; raises OutputError."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise OutputError(f"{out}: cannot be made ({fault.strerror}). Name another folder.") from None


def write_scan(recipe: ScanRecipe, out: Path, folder: Path | None = None) -> Written:
    """Make one scan and write its folder below `out`, whole or not at all; keep one that is there already.

    Raises:
        As `write_cohort` does.
    """
    place = out / recipe.scan_id
    if (place / RECIPE).is_file():
        if read_recipe(place / RECIPE) != recipe:
            raise OutputError(
                f"{place}: holds a scan of this name, made with other settings or versions. Name another folder."
            )
        return _written(recipe, _sitk.ReadImage(str(place / MASK)), kept=True)
    scan = make_scan(recipe, folder)
    part = out / f".{recipe.scan_id}.{os.getpid()}.part"
    try:
        mask = _write_part(recipe, scan, part)
        part.rename(place)
    except OSError as fault:
        raise OutputError(f"{place}: cannot be written ({fault.strerror}). Name another folder.") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return _written(recipe, mask, kept=False)


def read_recipe(path: Path) -> ScanRecipe:
    """Read a scan's recipe.

    Raises:
        CohortError: the file is missing or holds no recipe of this version.
    """
    try:
        return ScanRecipe.model_validate_json(path.read_bytes())
    except OSError as fault:
        raise CohortError(f"{path}: cannot be read ({fault.strerror}). Name the recipe.json of a scan.") from None
    except ValidationError as fault:
        where = ".".join(map(str, fault.errors()[0]["loc"])) or "the whole"
        raise CohortError(f"{path}: is no recipe of a scan ({where}: {fault.errors()[0]['msg']}).") from None


def write_tables(scans: Sequence[Written], out: Path) -> None:
    """Write `scores.csv` and `labels.json`."""
    with (out / "scores.csv").open("w", newline="", encoding="utf-8") as lines:
        table = csv.writer(lines, lineterminator="\n")
        table.writerow(("scan", "patient", "image", "mask", "reader", *NAMES))
        for scan in scans:
            of = scan.recipe
            files = (f"{of.scan_id}/{IMAGE}", f"{of.scan_id}/{MASK}")
            for reader, scores in {TRUTH: of.scores, **of.readings}.items():
                table.writerow((of.scan_id, of.patient, *files, reader, *(f"{score:g}" for score in scores.row())))
    labels = {scan.recipe.scan_id: _label(scan) for scan in scans}
    (out / "labels.json").write_text(json.dumps(labels, indent=2) + "\n", encoding="utf-8")


def _write_part(recipe: ScanRecipe, scan: SimulatedScan, part: Path) -> Any:
    part.mkdir()
    mask = to_image(scan.atrium.astype(np.uint8), scan.grid)
    for image, name in ((to_image(scan.voxels, scan.grid), IMAGE), (mask, MASK)):
        _sitk.WriteImage(image, str(part / name), useCompression=True)
    (part / RECIPE).write_text(recipe.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return mask


def _written(recipe: ScanRecipe, mask: Any, *, kept: bool) -> Written:
    slices = np.flatnonzero(_sitk.GetArrayViewFromImage(mask).any(axis=(1, 2)))
    return Written(recipe, kept, mask.GetSpacing(), int(slices[0]), int(slices[-1]))


def _label(scan: Written) -> dict[str, Any]:
    """One scan in the authors' format; the two last keys as this project reads them."""
    return {
        "label": _authors(scan.recipe.scores),
        "labeler": {reader: _authors(scores) for reader, scores in scan.recipe.readings.items()},
        "spacings": list(scan.spacing_mm),
        "segmented_region_indices": [scan.first, scan.last],
    }


def _authors(scores: Scores) -> dict[str, float]:
    return {scale.file_keys[0]: getattr(scores, scale.name) for scale in SCALES}
