"""Hashes of scans, by which a bundle says what it was trained on without naming patients."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from lgeqa.cohort.case import Case
from lgeqa.cohort.findings import named
from lgeqa.cohort.sources import source_of
from lgeqa.errors import ScanError
from lgeqa.io import read_scan, voxels_sha256
from lgeqa.records import Scan

#: Hexadecimal digits of a hash: among a million scans two have the same with a probability of 3e-8.
DIGITS: Final = 16
#: File of a simulated scan beside its image.
_RECIPE: Final = "recipe.json"

#: Display names of the stages of a bundle.
STAGES: Final = {"detector": "detector", "quality": "quality network"}

#: Hashes of one scan: its own, and for a simulated scan also that of the real scan which it was made from.
ScanHashes = tuple[str, ...]


def scan_hashes(case: Case, scan: Scan) -> ScanHashes:
    """Return the hashes of a scan that was read, the origin's last. A phantom has no origin."""
    return tuple(dict.fromkeys(sha[:DIGITS] for sha in (voxels_sha256(scan), _origin(case)) if sha))


def read_hashes(case: Case) -> ScanHashes:
    """Read a scan and return its hashes, none if it cannot be read."""
    try:
        return scan_hashes(case, read_scan(source_of(case)))
    except ScanError:
        return ()


def origins(hashes: Iterable[ScanHashes]) -> tuple[str, ...]:
    """Return what a manifest lists of the scans of a training: the hash of each real scan or phantom, sorted."""
    return tuple(sorted({scan[-1] for scan in hashes if scan}))


def seen_scans(
    tested: Sequence[Case],
    cohort: Sequence[tuple[Case, ScanHashes]],
    training_scans: Mapping[str, Collection[str]],
) -> dict[str, tuple[str, ...]]:
    """Return the names of the tested scans that each stage of a bundle was trained on, or another scan of the patient.

    Args:
        tested: Scans to test on.
        cohort: Scans with their hashes, through which patients are known.
        training_scans: Hashes of the training scans by stage, as in a manifest.
    """
    seen = {}
    for stage, learnt in training_scans.items():
        patients = {case.patient for case, hashes in cohort if not set(hashes).isdisjoint(learnt)}
        seen[stage] = tuple(case.scan_id for case in tested if case.patient in patients)
    return seen


def used_training_scans(training_scans: Mapping[Any, Collection[str]], *, detected: bool) -> dict[str, Collection[str]]:
    """Return the training scans of the stages in use, of which stage 1 is only one if the atrium is detected."""
    return {stage: scans for stage, scans in training_scans.items() if detected or stage == "quality"}


def seen_message(seen: Mapping[str, Sequence[str]], n_tested: int) -> str:
    """Return which of the tested scans each stage has seen, in a sentence, or an empty text."""
    parts = [
        f"the {STAGES[stage]} was trained on {len(scans)} of the {n_tested} test scans or on other scans of their "
        f"patients ({named(scans)})"
        for stage, scans in seen.items()
        if scans
    ]
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}" if text else ""


def _origin(case: Case) -> str:
    """Return the hash of the real scan that a simulated scan was made from, empty if there is none or it is unknown."""
    try:
        recipe: Any = json.loads(case.image.with_name(_RECIPE).read_text(encoding="utf-8"))
        return str(recipe["source"]["scan"]["voxels_sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
