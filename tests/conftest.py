"""Real scans, where there are some on this machine; one thread for each process of tests; the order of files."""

import os
from pathlib import Path

import pytest

# Several tests run at a time: more threads would wait for each other. NumPy and PyTorch read it when they are loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")


#: Seconds that a slow test may take, with what it shares with others, on a machine that is busy with other work.
_PATIENCE_S = 1500


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that open pages, give slow ones their time, and put files that take long before the others."""
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.timeout(_PATIENCE_S))
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
    long = {item.path for item in items if any(map(item.get_closest_marker, ("slow", "browser")))}
    items.sort(key=lambda item: item.path not in long)


@pytest.fixture(scope="session")
def real_folder() -> Path:
    """The folder of real scans in the authors' layout; skips the test where there is none."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("LGEQA_DATA", beside)) / "lge"
    if not folder.is_dir():
        pytest.skip(f"no real scans: {folder} is not there (set LGEQA_DATA)")
    return folder
