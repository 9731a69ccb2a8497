"""One thread for each process of tests, the order of files, the folder of real scans, and an archive."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.factories.orthanc import Orthanc

# Several tests run at a time, so more threads would wait for each other. NumPy and PyTorch read it at import.
os.environ.setdefault("OMP_NUM_THREADS", "1")

#: Timeout of a slow test, its shared fixtures included, on a machine that is busy with other work.
_SLOW_TIMEOUT_S = 1500


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests that open pages, set the timeout of slow ones, and start with the files that take long."""
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.timeout(_SLOW_TIMEOUT_S))
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
    slow_files = {item.path for item in items if any(map(item.get_closest_marker, ("slow", "browser")))}
    items.sort(key=lambda item: item.path not in slow_files)


@pytest.fixture(scope="session")
def real_folder() -> Path:
    """The folder of real scans in the authors' layout; skips the test where there is none."""
    return _data_folder("lge", "real scans")


@pytest.fixture(scope="session")
def enhanced_folder() -> Path:
    """The folder of real enhanced MR files with reference conversions; skips the test where there is none."""
    return _data_folder("dicom", "real enhanced MR files")


@pytest.fixture
def running_orthanc(tmp_path: Path) -> Iterator["Orthanc"]:
    """Return an empty archive Orthanc; skips the test where it is not installed."""
    from tests.factories.orthanc import orthanc

    with orthanc(tmp_path / "orthanc") as archive:
        yield archive


def _data_folder(name: str, content: str) -> Path:
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("LGEQA_DATA", beside)) / name
    if not folder.is_dir():
        pytest.skip(f"no {content}: {folder} is not there (set LGEQA_DATA)")
    return folder
