"""Garbage of pynetdicom, which leaves sockets and files of failed associations to Python to close."""

import gc
from collections.abc import Iterator

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Allow unclosed sockets and files in the tests of this folder."""
    for item in items:
        if item.path.parent.name == "listener":
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"))


@pytest.fixture(scope="package", autouse=True)
def libraries() -> Iterator[None]:
    """Leave the objects of the libraries out of each collection of garbage: to go through them takes over a second."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def collected_garbage(libraries: None) -> Iterator[None]:
    """Collect the garbage of a test before the next one, which may be in another folder."""
    yield
    gc.collect()
