"""How well the detector finds the atrium on kept-out patients: as acquired, with heavy artefacts, in a full field.

python benchmarks/detector.py --cohort FOLDER --split RUN/split.json [--bundle DIR] [--part test] [--seed 0]
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from lgeqa.bundle import Bundle, open_bundle
from lgeqa.bundle.manifest import Manifest
from lgeqa.cohort import Case, load_split, read_cohort
from lgeqa.detect import SliceRule
from lgeqa.evaluate.detection import SliceCounts, count_slices, dice
from lgeqa.pipeline import find_atrium
from lgeqa.records import BoolArray, Scan
from lgeqa.simulate.artefacts import apply_artefacts
from lgeqa.simulate.composite import composite, draw_composite
from lgeqa.simulate.phantom import build_phantom, draw_phantom
from lgeqa.train.cases import read_case
from lgeqa.train.detector import draw_heavy_artefacts

RULES = {"any pixel (paper)": SliceRule(), "largest component": SliceRule(largest_component=True)}


def variants(case: Case, rng: np.random.Generator) -> Iterator[tuple[str, Scan, BoolArray]]:
    """Give the scan as acquired, with heavy artefacts, in a phantom's thorax, and both."""
    scan, atrium = read_case(case)
    yield "as acquired", scan, atrium
    heavy = draw_heavy_artefacts(rng)
    yield "heavy artefacts", replace(scan, voxels=apply_artefacts(scan.voxels, atrium, scan.spacing_mm, heavy)), atrium
    full = composite(scan.voxels, atrium, scan.spacing_mm, build_phantom(draw_phantom(rng)), draw_composite(rng))
    yield "full field", replace(scan, voxels=full.voxels, spacing_mm=full.spacing_mm), full.atrium
    worse = apply_artefacts(full.voxels, full.atrium, full.spacing_mm, heavy)
    yield "full field, heavy artefacts", replace(scan, voxels=worse, spacing_mm=full.spacing_mm), full.atrium


def with_rule(bundle: Bundle, rule: SliceRule) -> Bundle:
    """The same networks under another slice rule."""
    part = bundle.manifest.detector.model_copy(update={"rule": rule})
    manifest: Manifest = bundle.manifest.model_copy(update={"detector": part})
    other = Bundle(manifest, bundle.stamp, {})
    other.detect = bundle.detect  # type: ignore[method-assign]
    return other


def main() -> None:
    """Print one line a variant and rule."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--cohort", type=Path, required=True)
    options.add_argument("--split", type=Path, required=True)
    options.add_argument("--bundle", type=Path)
    options.add_argument("--part", choices=["test", "validation"], default="test")
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    cases = read_cohort(given.cohort)
    split = load_split(given.split, cases)
    kept_out = [case for case in cases if split[case.patient] == given.part]
    own = open_bundle(given.bundle)
    bundles = {name: with_rule(own, rule) for name, rule in RULES.items()} | {"of the bundle": own}
    rng = np.random.default_rng(given.seed)
    overlaps: dict[tuple[str, str], list[float]] = {}
    counts: dict[tuple[str, str], SliceCounts] = {}
    for case in kept_out:
        for variant, scan, atrium in variants(case, rng):
            for rule, bundle in bundles.items():
                found = find_atrium(scan, bundle).mask
                overlaps.setdefault((variant, rule), []).append(dice(found, atrium))
                counts[variant, rule] = counts.get((variant, rule), SliceCounts()) + count_slices(found, atrium)
    print(f"{len(kept_out)} patients of the part {given.part}")
    print("| scans | slice rule | mean Dice | lowest Dice | slice F1 |\n|---|---|---|---|---|")
    for (variant, rule), found_dice in overlaps.items():
        figures = f"{np.mean(found_dice):.3f} | {min(found_dice):.3f} | {counts[variant, rule].f1:.3f}"
        print(f"| {variant} | {rule} | {figures} |")


if __name__ == "__main__":
    main()
