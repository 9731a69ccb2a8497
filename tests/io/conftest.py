"""Every test of reading also tests that nothing is printed: no ITK warning, no C++ error."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _silent(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    yield
    printed = capfd.readouterr()
    assert printed.out == ""
    assert printed.err == ""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that an ordinary user may enter, unlike tmp_path, which belongs to whoever runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="lgeqa-"))
    folder.chmod(0o755)
    yield folder
    for entry in folder.rglob("*"):
        if not entry.is_symlink():
            entry.chmod(0o755)
    shutil.rmtree(folder)


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Without root's right to read everything, so that permissions count."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
