"""Garbage of pynetdicom, which leaves sockets and files of failed associations to Python to close."""

import gc
from collections.abc import Iterator

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Allow unclosed sockets and files in the tests of this folder."""
    for item in items:
        if item.path.parent.name == "listener":
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"))


@pytest.fixture(autouse=True)
def collected_garbage() -> Iterator[None]:
    """Collect the garbage of a test before the next one, which may be in another folder."""
    yield
    gc.collect()
