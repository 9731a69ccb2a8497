"""Real scans, where there are some on this machine, and one thread for each process of tests."""

import os
from pathlib import Path

import pytest

# Several tests run at a time, and the threads of one wait for the processors of the others. Read when numpy and torch load.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def real_folder() -> Path:
    """The folder of real scans in the authors' layout; skips the test where there is none."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("LGEQA_DATA", beside)) / "lge"
    if not folder.is_dir():
        pytest.skip(f"no real scans: {folder} is not there (set LGEQA_DATA)")
    return folder
