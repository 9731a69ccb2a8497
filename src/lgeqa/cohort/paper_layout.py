"""Cohorts in the layout of the method's authors.

<root>/<scan id>/data.nrrd          the scan
<root>/<scan id>/shrinkwrap.nrrd    its blood-pool mask
<root>/labels.json                  the agreed label and every reader's scores, optional
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from lgeqa.cohort.case import LABEL, Case, Note, Scores, checked_scores, is_missing, noting
from lgeqa.cohort.json_io import read_object
from lgeqa.errors import CohortError
from lgeqa.io.discover import DATA_STEM, MASK_STEM
from lgeqa.scales import SCALES

IMAGE: Final = f"{DATA_STEM}.nrrd"
MASK: Final = f"{MASK_STEM}.nrrd"
LABELS: Final = "labels.json"


def cases_of_folders(root: Path, note: Note) -> list[Case]:
    """Return the scans below `root`, each as a separate patient.

    Entries of `labels.json` without a scan are left out.

    Args:
        root: Folder of the cohort.
        note: Handler of the errors of `labels.json` and of each entry that cannot be used.
    """
    known: dict[str, Any] = {}
    with noting(note):
        known = _labels(root)
    cases = []
    for image in sorted(root.glob(f"*/{IMAGE}")):
        scan_id, mask = image.parent.name, image.with_name(MASK)
        scores = _scores(known.get(scan_id, {}), f"{root / LABELS}, {scan_id}", note)
        cases.append(Case(scan_id, scan_id, image, mask if mask.is_file() else None, scores))
    return cases


def absent_images(root: Path) -> list[Path]:
    """Return the paths of missing scans that have an entry in `labels.json` or a mask.

    Raises:
        CohortError: `labels.json` cannot be read.
    """
    named = {*_labels(root), *(mask.parent.name for mask in root.glob(f"*/{MASK}"))}
    return [root / name / IMAGE for name in sorted(named) if not (root / name / IMAGE).exists()]


def label_entry(label: Mapping[str, float] | None, readers: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """Return the entry of one scan in `labels.json`.

    Args:
        label: Agreed scores by scale. None if the scan is unlabelled.
        readers: Scores by scale, by name of the reader.
    """
    return {
        "label": _values(label) if label else 0,
        "labeler": {reader: _values(scores) for reader, scores in readers.items()},
    }


def _values(scores: Mapping[str, float]) -> dict[str, float]:
    """Return scores under the authors' names of the scales."""
    return {scale.file_keys[0]: float(scores[scale.name]) for scale in SCALES}


def _labels(root: Path) -> dict[str, Any]:
    return read_object(root / LABELS, "table of labels") if (root / LABELS).exists() else {}


def _scores(entry: Any, where: str, note: Note) -> dict[str, Scores]:
    """Return the scores of one scan by reader, where `"label": 0` means unlabelled."""
    by_reader = {}
    with noting(note):
        for reader, values in _readings(entry, where):
            with noting(note):
                scores = _reading(values, f"{where}, reader {reader}")
                if scores:
                    by_reader[reader] = scores
    return by_reader


def _readings(entry: Any, where: str) -> Iterator[tuple[str, Any]]:
    readers = entry.get("labeler") or {} if isinstance(entry, dict) else entry
    if not isinstance(readers, dict):
        raise CohortError(f"{where}: {readers!r} is not a JSON object of readers. Correct the entry.")
    if LABEL in readers:
        raise CohortError(
            f"{where}: a reader has the name {LABEL!r}, which means the agreed scores. Rename the reader."
        )
    yield from readers.items()
    yield LABEL, entry.get("label")


def _reading(values: Any, where: str) -> Scores | None:
    """Return one reader's scores, or None if there are none."""
    if not values:
        return None
    if not isinstance(values, dict):
        raise CohortError(f"{where}: {values!r} is not a JSON object of scores. Correct the entry.")
    ordered = [next((values[key] for key in scale.file_keys if key in values), None) for scale in SCALES]
    return None if all(map(is_missing, ordered)) else checked_scores(ordered, where)
