"""An assessment that takes no time."""

from collections.abc import Callable
from functools import partial

import numpy as np

from lgeqa.inference.pipeline import Assessment
from lgeqa.io import Source
from lgeqa.records import Grid, Scan, ScanResult

GRID = Grid((4, 5, 6), (1.25, 1.25, 2.5), (0, 0, 0), (1, 0, 0, 0, 1, 0, 0, 0, 1))


def repeat(record: ScanResult) -> Callable[[Source], Assessment]:
    """Return an assessment of which each outcome is the given record under the name of the scan."""
    return partial(_assess, record)


def _assess(record: ScanResult, source: Source) -> Assessment:
    voxels = np.zeros((6, 5, 4), np.float32)
    scan = Scan(source.scan_id, voxels, (2.5, 1.25, 1.25), (0,) * 6, tuple(range(6)), GRID, source.location, "")
    location = {"scan_id": source.scan_id, "source": str(source.location)}
    return Assessment(record.model_copy(update=location), scan, voxels == 0)
