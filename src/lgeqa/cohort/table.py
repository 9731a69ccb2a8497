"""A cohort: scans on disk, whose they are, and every reader's scores."""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lgeqa.attributes import HIGHEST_SCORE, LOWEST_SCORE, NAMES, SCALES
from lgeqa.errors import CohortError

#: One reader's scores, in the order of `attributes.NAMES`.
Scores = tuple[float, float, float, float]
#: The reader name under which a simulated cohort keeps the scores before reader noise.
TRUTH = "truth"
#: The reader name of the agreed label in the authors' `labels.json`.
LABEL = "label"


@dataclass(frozen=True)
class Case:
    """One scan of a cohort.

    Attributes:
        scan_id: unique in the cohort.
        patient: splits never part scans of one patient.
        image: the scan's file.
        mask: the blood-pool mask on the same grid, where there is one.
        scores: reader name to scores; empty for an unscored scan.
    """

    scan_id: str
    patient: str
    image: Path
    mask: Path | None
    scores: dict[str, Scores] = field(default_factory=dict)


def read_cohort(root: Path) -> list[Case]:
    """Read a cohort folder: `scores.csv`, else the authors' layout with or without `labels.json`.

    Args:
        root: a folder that holds `scores.csv`, or folders `<scan id>/data.nrrd` with `shrinkwrap.nrrd`.

    Returns:
        Cases in the order of their scan ids. In the authors' layout each scan is its own patient.

    Raises:
        CohortError: there is no cohort, a table lacks a column, or a score is off the scale.
    """
    if not root.is_dir():
        raise CohortError(f"{root}: is not a folder. Name the folder of a cohort.")
    table = root / "scores.csv"
    cases = _from_table(table) if table.is_file() else _from_folders(root)
    if not cases:
        raise CohortError(f"{root}: holds neither scores.csv nor a folder <scan id>/data.nrrd.")
    return sorted(cases, key=lambda case: case.scan_id)


def _from_table(table: Path) -> list[Case]:
    with table.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    needed = {"scan", "patient", "image", "mask", "reader", *NAMES}
    if rows and (missing := sorted(needed - set(rows[0]))):
        raise CohortError(f"{table}: lacks the column(s) {', '.join(missing)}.")
    cases: dict[str, Case] = {}
    for number, row in enumerate(rows, start=2):
        case = Case(
            row["scan"],
            row["patient"],
            table.parent / row["image"],
            table.parent / row["mask"] if row["mask"] else None,
        )
        known = cases.setdefault(case.scan_id, case)
        if (known.patient, known.image, known.mask) != (case.patient, case.image, case.mask):
            raise CohortError(f"{table}, line {number}: scan {case.scan_id} stands with two patients, images or masks.")
        if row["reader"]:
            known.scores[row["reader"]] = _scores([row[name] for name in NAMES], f"{table}, line {number}")
    return list(cases.values())


def _from_folders(root: Path) -> list[Case]:
    labels = root / "labels.json"
    known: dict[str, Any] = json.loads(labels.read_text(encoding="utf-8")) if labels.is_file() else {}
    cases = []
    for image in sorted(root.glob("*/data.nrrd")):
        mask = image.with_name("shrinkwrap.nrrd")
        scan_id = image.parent.name
        scores = _from_authors(known.get(scan_id, {}), f"{labels}, {scan_id}")
        cases.append(Case(scan_id, scan_id, image, mask if mask.is_file() else None, scores))
    return cases


def _from_authors(entry: dict[str, Any], where: str) -> dict[str, Scores]:
    """Scores of the authors' JSON; `"label": 0` means unlabelled."""
    readers = dict(entry.get("labeler") or {})
    if entry.get("label"):
        readers[LABEL] = entry["label"]
    found = {}
    for reader, values in readers.items():
        keys = [next((key for key in scale.file_keys if key in values), None) for scale in SCALES]
        if None in keys:
            raise CohortError(f"{where}: reader {reader} has no score of {NAMES[keys.index(None)]}.")
        found[reader] = _scores([values[key] for key in keys], f"{where}, reader {reader}")
    return found


def _scores(values: Sequence[Any], where: str) -> Scores:
    numbers = []
    for name, value in zip(NAMES, values, strict=True):
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise CohortError(f"{where}: {name} is {value!r}, not a number.") from None
        if not LOWEST_SCORE <= number <= HIGHEST_SCORE:
            raise CohortError(f"{where}: {name} is {value}; scores run from {LOWEST_SCORE} to {HIGHEST_SCORE}.")
        numbers.append(number)
    return (numbers[0], numbers[1], numbers[2], numbers[3])
