"""Judged scans to test with: what each slice got, and what each reader said."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lgeqa.cohort import TRUTH, Case, Scores
from lgeqa.evaluation.predictions import LabelledResult
from lgeqa.inference.vote import vote
from lgeqa.records import ScanResult, SliceScores
from lgeqa.scales import SCALE_NAMES
from tests.results import assessed

DIAGNOSTIC: Scores = (4, 4, 4, 4)
POOR: Scores = (1, 1, 1, 1)


def record(slices: Sequence[Sequence[float]], threshold: float = 0.5, scan_id: str = "case") -> ScanResult:
    """A record whose slices have these four probabilities."""
    table = np.array(slices, np.float32)
    decision = vote(table[:, 3], threshold)
    rows = tuple(
        SliceScores(
            index=i,
            position_mm=2.5 * i,
            atrium_area_mm2=900,
            p_myocardium_nulling=row[0],
            p_sharpness=row[1],
            p_enhancement=row[2],
            p_quality=row[3],
        )
        for i, row in enumerate(table)
    )
    means = {f"p_{name}": float(p) for name, p in zip(SCALE_NAMES, table.mean(axis=0, dtype=float), strict=True)}
    return assessed(
        scan_id,
        verdict=decision.verdict,
        probability=decision.probability,
        votes_diagnostic=decision.diagnostic,
        votes_total=decision.total,
        tie=decision.tie,
        slices=rows,
        n_slices=len(rows),
        threshold=threshold,
        **means,
    )


def case(scan_id: str, patient: str, scores: dict[str, Scores]) -> Case:
    return Case(scan_id, patient, Path(f"/cohort/{scan_id}/data.nrrd"), None, scores)


def judged(
    patient: str, label: Scores, quality: float | Sequence[float] = 0.9, readers: dict[str, Scores] | None = None
) -> LabelledResult:
    """A scan of a patient; its slices have the same probability on all scales."""
    slices = [quality] if isinstance(quality, float) else quality
    named = case(f"scan-{patient}", patient, {TRUTH: label} | (readers or {}))
    return LabelledResult(named, record([[p] * 4 for p in slices]), label)


def cohort(seed: int = 0, patients: int = 12) -> list[LabelledResult]:
    """Two scans of each patient with scores of 1 to 5, a model that is often right, and two readers."""
    rng = np.random.default_rng(seed)
    scans = []
    for i in range(2 * patients):
        truth, *readings = (tuple(map(float, row)) for row in rng.integers(1, 6, (3, 4)))
        p = np.clip((truth[3] - 1) / 4 + rng.normal(0, 0.2, 5), 0, 1)
        given = {"reader-1": readings[0]} | ({"reader-2": readings[1]} if i % 3 == 0 else {})
        scans.append(judged(f"p{i // 2}", truth, p.tolist(), given))
    return scans
