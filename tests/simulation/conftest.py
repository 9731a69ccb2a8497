"""Some real scans, read."""

from pathlib import Path

import pytest

from lgeqa.io import discover, read_mask, read_scan
from lgeqa.records import BoolArray, Scan


@pytest.fixture(scope="session")
def real_scans(real_folder: Path) -> list[tuple[Scan, BoolArray]]:
    """Some real scans of varied quality, each with its mask."""
    paths = [real_folder / f"lge-{number:03d}" for number in (1, 46)]
    sources = discover(paths)
    scans = [read_scan(source) for source in sources]
    return [
        (scan, read_mask(source.mask_path, scan))
        for source, scan in zip(sources, scans, strict=True)
        if source.mask_path
    ]
