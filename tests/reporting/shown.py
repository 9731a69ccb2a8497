"""Scans with pictures to test the report with, as no scan of this world made them."""

from pathlib import Path
from typing import Any, cast

import numpy as np

from lgeqa.inference.pipeline import Assessment
from lgeqa.measures import Heart
from lgeqa.preprocessing import QualityPreparation
from lgeqa.records import BoolArray, FloatArray, Grid, Scan, ScanResult, ScoreEstimate, SliceScores
from lgeqa.reporting import ScanPictures, draw_pictures
from lgeqa.scales import SCALE_NAMES
from tests.results import assessed

SPACING_MM = (2.5, 1.25, 1.25)
PREPARATION = QualityPreparation(field_mm=40)


def scan(voxels: FloatArray, spacing_mm: tuple[float, float, float] = SPACING_MM) -> Scan:
    """A volume whose file has its slices the other way round: those from the second on are 20, 19, ... in it."""
    n, rows, columns = voxels.shape
    grid = Grid((columns, rows, n), spacing_mm[::-1], (0, 0, 0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    positions = tuple(spacing_mm[0] * z - 10 for z in range(n))
    return Scan("case", voxels, spacing_mm, positions, tuple(21 - z for z in range(n)), grid, Path("case.nrrd"), "")


def weighed() -> ScanResult:
    """An assessed scan with estimated scores, most of whose slices count little."""
    slices = tuple(
        scores.model_copy(update={"weight": weight})
        for scores, weight in zip(sliced().slices, (0.7, 0.125, 0.125, 0.05), strict=True)
    )
    scores = {name: ScoreEstimate(expected=3.42, low=3, high=4) for name in SCALE_NAMES}
    return sliced(slices=slices, scores=scores, probability=0.31, verdict="non-diagnostic")


def sliced(scan_id: str = "case", qualities: tuple[float, ...] = (0.2, 0.6, 0.9, 0.7), **changes: Any) -> ScanResult:
    """An assessed scan whose slices have these probabilities of quality."""
    slices = tuple(
        SliceScores(
            index=20 - z,
            position_mm=2.5 * z - 10,
            atrium_area_mm2=400 + z,
            p_myocardium_nulling=0.9,
            p_sharpness=0.3,
            p_enhancement=0.6,
            p_quality=quality,
        )
        for z, quality in enumerate(qualities)
    )
    votes = sum(quality >= 0.5 for quality in qualities)
    values = {
        "slices": slices,
        "n_slices": len(slices),
        "votes_diagnostic": votes,
        "votes_total": len(slices),
        "probability": sum(qualities) / len(qualities),
        "versions": {"lgeqa": "0"},
        "finished_at": "2026-01-01T00:00:00+00:00",
        "seconds": {"read": 0.1},
    }
    return assessed(scan_id, **values | changes)


def pictured(n: int = 4, *, maps: bool = True) -> ScanPictures:
    """Pictures of `n` slices of noise with a round atrium; the maps fall from + above to - below."""
    voxels = np.random.default_rng(0).uniform(0, 100, (n + 2, 40, 48)).astype(np.float32)
    y, x = np.ogrid[:40, :48]
    atrium = np.zeros(voxels.shape, bool)
    atrium[1:-1] = (y - 20) ** 2 + (x - 24) ** 2 < 64
    voxels[atrium] += 100
    found = np.broadcast_to(np.linspace(0.5, -1, 4)[:, None], (n, 4, 4, 4)).astype(np.float32) if maps else None
    return drawn(voxels, atrium, found, FakeHeart(voxels.shape))


class FakeHeart:
    """Stands in for the anatomy: an aorta behind the atrium and a pool before it, on all slices but the lowest."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.aorta, self.pools = np.zeros(shape, bool), np.zeros(shape, bool)
        self.aorta[2:, 30:34, 20:24] = True
        self.pools[2:, 8:10, 20:30] = True


def drawn(
    voxels: FloatArray, atrium: BoolArray, maps: FloatArray | None = None, heart: FakeHeart | None = None
) -> ScanPictures:
    return draw_pictures(Assessment(assessed(), scan(voxels), atrium, maps, cast("Heart", heart)), PREPARATION)
