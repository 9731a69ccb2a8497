"""Real scans, where there are some on this machine."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_folder() -> Path:
    """The folder of real scans in the authors' layout; skips the test where there is none."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("LGEQA_DATA", beside)) / "lge"
    if not folder.is_dir():
        pytest.skip(f"no real scans: {folder} is not there (set LGEQA_DATA)")
    return folder
