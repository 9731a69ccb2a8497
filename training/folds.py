"""Prepare trainings that keep out a fifth of the patients and a fifth of the artefact mechanisms at a time.

    python training/folds.py -o WORK/folds COHORT...

COHORT is a folder that `lgeqa simulate --from` wrote: untouched scans, scans with artefacts, composites. Each fold gets
`scans.csv`, the scans that may be learnt from; `split.json` with its kept-out patients as the test part; and
`left-out.json`, the mechanisms that no scan of the fold holds. Each patient and each mechanism is kept out once.
"""

import argparse
import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lgeqa.attributes import NAMES
from lgeqa.cohort import MEASURED, Case, LabelRule, Split, fold_splits, read_cohort, save_split, strata_of
from lgeqa.simulate.artefacts import MECHANISMS
from lgeqa.simulate.cohort import RECIPE, read_recipe

COLUMNS = ("scan", "patient", "image", "mask", "reader", *NAMES)
RULE = LabelRule(rule="reader", reader=MEASURED)


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
    held = [_mechanisms_of(case) for case in cases]
    untouched = [case for case, mechanisms in zip(cases, held, strict=True) if not mechanisms and not _is_phantom(case)]
    splits = fold_splits(untouched, strata_of(untouched, RULE), options.folds, options.validation, options.seed)
    for number, (split, left_out) in enumerate(
        zip(splits, _left_out(options.folds, options.seed), strict=True),
    ):
        _write(options.out / f"fold-{number}", cases, held, split, left_out)


def _left_out(folds: int, seed: int) -> list[set[str]]:
    """Deal the mechanisms of each scale to the folds in turn."""
    left_out: list[set[str]] = [set() for _ in range(folds)]
    rng = np.random.default_rng(seed)
    for scale in NAMES:
        names = [mechanism.name for mechanism in MECHANISMS if mechanism.scale == scale]
        for place, name in enumerate(rng.permutation(names).tolist()):
            left_out[place % folds].add(name)
    return left_out


def _write(folder: Path, cases: Sequence[Case], held: Sequence[set[str]], split: Split, left_out: set[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    kept = [case for case, mechanisms in zip(cases, held, strict=True) if not mechanisms & left_out]
    phantoms: Split = dict.fromkeys((case.patient for case in kept if case.patient not in split), "train")
    with (folder / "scans.csv").open("w", newline="", encoding="utf-8") as lines:
        table = csv.writer(lines, lineterminator="\n")
        table.writerow(COLUMNS)
        for case in kept:
            for reader, scores in case.scores.items():
                files = (case.image.resolve(), case.mask.resolve() if case.mask else "")
                name = f"{case.image.parents[1].name}-{case.scan_id}"  # cohorts use the same names
                table.writerow((name, case.patient, *files, reader, *scores))
    save_split(split | phantoms, folder / "split.json")
    (folder / "left-out.json").write_text(json.dumps(sorted(left_out), indent=1) + "\n", encoding="utf-8")
    print(f"{folder}: {len(kept)} of {len(cases)} scans; without {', '.join(sorted(left_out))}")


def _mechanisms_of(case: Case) -> set[str]:
    return {artefact.mechanism for artefact in read_recipe(case.image.parent / RECIPE).artefacts}


def _is_phantom(case: Case) -> bool:
    return read_recipe(case.image.parent / RECIPE).source.kind == "phantom"


if __name__ == "__main__":
    main()
