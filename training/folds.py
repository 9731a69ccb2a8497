"""Prepare trainings that each hold out a fifth of the patients and of the artefact mechanisms, and one on all.

    python training/folds.py -o WORK/folds COHORT...

COHORT is a folder that `lgeqa simulate --from` wrote: unchanged scans, scans with artefacts, composites. Each fold gets
`scans.csv`, the scans for its training; `split.json` with its held-out patients as the test part; and `left-out.json`,
the mechanisms that no scan of the fold has. Each patient and each mechanism is held out once. WORK/folds/all holds
every scan, for the network in the package: it is trained on all patients, and some phantoms are its validation part.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lgeqa.atomic_io import write_whole
from lgeqa.cohort import MEASURED, Case, LabelRule, Split, fold_splits, read_cohort, save_split, strata_of
from lgeqa.cohort.table_io import COLUMNS
from lgeqa.scales import SCALE_NAMES
from lgeqa.simulation.artefacts import MECHANISMS
from lgeqa.simulation.cohort_writing import RECIPE, read_recipe
from lgeqa.table_text import csv_text

RULE = LabelRule(rule="reader", reader=MEASURED)
#: Step between the phantoms that validate the network that is trained on all patients.
VALIDATION_STEP = 5


def main() -> None:
    """Write the folds."""
    parser = argparse.ArgumentParser(description="Prepare trainings that keep out patients and mechanisms.")
    parser.add_argument("cohorts", nargs="+", type=Path, metavar="COHORT")
    parser.add_argument("-o", "--out", required=True, type=Path)
    parser.add_argument("--folds", default=5, type=int)
    parser.add_argument("--validation", default=0.1, type=float)
    parser.add_argument("--seed", default=0, type=int)
    options = parser.parse_args()
    cases = [case for cohort in options.cohorts for case in read_cohort(cohort) if MEASURED in case.scores]
    recipes = [read_recipe(case.image.parent / RECIPE) for case in cases]
    mechanisms = [{artefact.mechanism for artefact in recipe.artefacts} for recipe in recipes]
    real = [case for case, recipe in zip(cases, recipes, strict=True) if recipe.source.kind == "scan"]
    splits = fold_splits(real, strata_of(real, RULE), options.folds, options.validation, options.seed)
    for number, (split, left_out) in enumerate(zip(splits, _left_out(options.folds, options.seed), strict=True)):
        included = [case for case, drawn in zip(cases, mechanisms, strict=True) if not drawn & left_out]
        folder = options.out / f"fold-{number}"
        _write(folder, included, split, left_out)
        print(f"{folder}: {len(included)} of {len(cases)} scans; without {', '.join(sorted(left_out))}")
    everyone: Split = {case.patient: "train" for case in real}
    phantoms = sorted({case.patient for case in cases} - set(everyone))
    checked: Split = dict.fromkeys(phantoms[::VALIDATION_STEP], "validation")
    _write(options.out / "all", cases, everyone | checked, set())


def _left_out(folds: int, seed: int) -> list[set[str]]:
    """Assign the mechanisms of each scale to the folds in turn."""
    left_out: list[set[str]] = [set() for _ in range(folds)]
    rng = np.random.default_rng(seed)
    for scale in SCALE_NAMES:
        names = [mechanism.name for mechanism in MECHANISMS if mechanism.scale == scale]
        for place, name in enumerate(rng.permutation(names).tolist()):
            left_out[place % folds].add(name)
    return left_out


def _write(folder: Path, cases: Sequence[Case], split: Split, left_out: set[str]) -> None:
    """Write the table of scans, the split and the mechanisms of one fold, with unassigned phantoms for training."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        # Scans of different cohorts have the same names.
        (f"{case.image.parents[1].name}-{case.scan_id}", case.patient, case.image.resolve(), mask, reader, *scores)
        for case in cases
        for mask in (case.mask.resolve() if case.mask else "",)
        for reader, scores in case.scores.items()
    ]
    write_whole(folder / "scans.csv", csv_text(COLUMNS, rows))
    phantoms: Split = dict.fromkeys((case.patient for case in cases if case.patient not in split), "train")
    save_split(split | phantoms, folder / "split.json")
    write_whole(folder / "left-out.json", json.dumps(sorted(left_out), indent=1) + "\n")


if __name__ == "__main__":
    main()
