"""Scans of a worklist that no server assessed, for lists of any length."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from lgeqa.database import Sessions
from lgeqa.io import Source
from lgeqa.io.series_header import SeriesHeader
from lgeqa.web.models import DONE, ScanRow, identity_of
from tests.results import decided, measured


def fill(sessions: Sessions, n: int, *, pictured: bool = False, seed: int = 0) -> None:
    """Add finished scans `scan-0000` and so on, of random probabilities and measures, with pictures if wanted."""
    draws = np.random.default_rng(seed)
    with sessions.begin() as session:
        for number in range(n):
            nulling, sharpness, enhancement, quality, place = draws.uniform(0.05, 0.95, 5).tolist()
            result = decided(
                f"scan-{number:04}",
                probability=quality,
                p_quality=quality,
                p_myocardium_nulling=nulling,
                p_sharpness=sharpness,
                p_enhancement=enhancement,
                measures=measured(place),
            )
            row = _row(result.scan_id, draws, pictured=pictured)
            row.keep(result)
            session.add(row)


def header(patient: int = 0) -> SeriesHeader:
    """Return the header of an LGE series of a patient at one of three sites."""
    return SeriesHeader(
        series="LGE 3D navigator",
        protocol="LA fibrosis",
        inversion_time_ms=280.0 + patient,
        acquired_at="14:05:09",
        field_strength_t=1.5,
        patient=f"{patient:06x}",
        site=f"Site {patient % 3}",
        scanner="Maker Model",
    )


def _row(name: str, draws: np.random.Generator, *, pictured: bool) -> ScanRow:
    path = Path("/scans", f"{name}.nrrd")
    source = Source(name, "volume", path, (path,))
    times = {"added_at": "2026-11-27T10:00:00+00:00", "finished_at": "2026-11-27T10:01:00+00:00"}
    return ScanRow(
        name=name,
        identity=identity_of(source),
        **ScanRow.values_of(source),
        fault="",
        state=DONE,
        thumbnail=_jpeg(draws) if pictured else None,
        **times,
    )


def _jpeg(draws: np.random.Generator) -> bytes:
    file = io.BytesIO()
    Image.fromarray(draws.integers(0, 255, (96, 96), dtype=np.uint8)).save(file, "jpeg")
    return file.getvalue()
