"""Evaluate trained detectors on real scans of held-out patients.

    python benchmarks/detector.py --scans ../shared/data/lge --folds WORK/folds [--run detector] [--jobs 2]

WORK/folds is the output of training/folds.py, with a finished run of the detector in each fold. Each fold's detector
only sees its own held-out patients: as acquired, with heavy artefacts, in a phantom's thorax, and both. The reference
masks are those of the scans. The page goes to standard output.
"""

import argparse
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from lgeqa.bootstrap import Bootstrap, Numbers, cell, with_interval
from lgeqa.cohort import Case, read_cohort, read_split
from lgeqa.evaluation.detection import SliceCounts, count_slices, dice
from lgeqa.inference.atrium import find_atrium
from lgeqa.inference.bundle import open_bundle
from lgeqa.records import BoolArray, Scan
from lgeqa.simulation.artefacts import apply_artefacts
from lgeqa.simulation.composite import composite, draw_composite
from lgeqa.simulation.phantom import Phantom, build_phantom, draw_phantom
from lgeqa.training.case_reading import read_case
from lgeqa.training.detector import draw_heavy_artefacts

#: Number of thoraxes that scans are set into.
THORAXES = 6
#: Result of one detector on each variant of a scan: overlap, and numbers of right and wrong slices.
Found = dict[str, tuple[float, SliceCounts]]


def main() -> None:
    """Evaluate the detectors of all folds and print a line for each variant."""
    parser = argparse.ArgumentParser(description="Judge detectors by real scans of kept-out patients.")
    parser.add_argument("--scans", required=True, type=Path)
    parser.add_argument("--folds", required=True, type=Path)
    parser.add_argument("--run", default="detector")
    parser.add_argument("--seed", default=0, type=int)
    parser.add_argument("--jobs", default=1, type=int)
    options = parser.parse_args()
    cases = [case for case in read_cohort(options.scans) if case.mask]
    splits = {fold: read_split(fold / "split.json") for fold in sorted(options.folds.glob("fold-*"))}
    work = [(fold, case) for fold, split in splits.items() for case in cases if split.get(case.patient) == "test"]
    judge = partial(_judge, run=options.run, seed=options.seed)
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        results = list(pool.map(judge, *zip(*work, strict=True)))
    print(f"{len(results)} scans, each judged by the detector of the fold that kept its patient out.\n")
    for line in _page(results):
        print(line)


def _page(results: Sequence[Found]) -> Iterator[str]:
    """Yield a line for each variant, with intervals over patients."""
    yield "| scans | mean Dice (95 % interval) | lowest Dice | slice F1 |\n|---|---|---|---|"
    for variant in results[0]:
        overlaps = np.array([result[variant][0] for result in results])
        f1 = sum((result[variant][1] for result in results), SliceCounts()).f1
        mean = with_interval(partial(_mean, overlaps), np.arange(len(results)), Bootstrap())
        yield f"| {variant} | {cell(mean)} | {overlaps.min():.3f} | {f1:.3f} |"


def _mean(values: Numbers, times: Numbers) -> Numbers:
    """Return the mean of values in each draw, weighted by how often each counts in it."""
    means: Numbers = times @ values / times.sum(axis=1)
    return means


def _judge(fold: Path, case: Case, run: str, seed: int) -> Found:
    """Return how well a fold's detector finds the atrium of one held-out scan, in each variant."""
    bundle = open_bundle(fold / run / "bundle")
    rng = np.random.default_rng([seed, int(case.scan_id.encode().hex(), 16)])
    result = {}
    for variant, scan, atrium in _variants(case, rng):
        mask = find_atrium(scan, bundle).mask
        result[variant] = dice(mask, atrium), count_slices(mask, atrium)
    return result


def _variants(case: Case, rng: np.random.Generator) -> Iterator[tuple[str, Scan, BoolArray]]:
    """Yield the scan as acquired, with heavy artefacts, in a phantom's thorax, and both."""
    scan, atrium = read_case(case)
    yield "as acquired", scan, atrium
    heavy = draw_heavy_artefacts(rng)
    yield "heavy artefacts", replace(scan, voxels=apply_artefacts(scan.voxels, atrium, scan.spacing_mm, heavy)), atrium
    full = composite(scan.voxels, atrium, scan.spacing_mm, _thorax(int(rng.integers(THORAXES))), draw_composite(rng))
    yield "full field", replace(scan, voxels=full.voxels, spacing_mm=full.spacing_mm), full.atrium
    worse = apply_artefacts(full.voxels, full.atrium, full.spacing_mm, heavy)
    yield "full field, heavy artefacts", replace(scan, voxels=worse, spacing_mm=full.spacing_mm), full.atrium


@cache
def _thorax(number: int) -> Phantom:
    """Build one of the thoraxes that scans are set into, which takes seconds."""
    return build_phantom(draw_phantom(np.random.default_rng(number)))


if __name__ == "__main__":
    main()
