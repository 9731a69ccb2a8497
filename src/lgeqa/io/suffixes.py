"""File names of volumes, and the readers of other formats that installed packages add."""

from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

import numpy.typing as npt

from lgeqa.records import Grid

#: Suffixes of volumes that this package reads, in lower case.
VOLUME_SUFFIXES = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd")
#: Group of the entry points that add a reader. The name of an entry point is the suffix.
READERS_GROUP: Final = "lgeqa.readers"
#: Function that reads a file as voxels (k, j, i) and their grid.
AddedReader = Callable[[Path], tuple[npt.NDArray[Any], Grid]]


def volume_suffix(path: Path) -> str:
    """Return the volume suffix of a file name in lower case, or an empty string if it has none."""
    name = path.name.lower()
    return next((suffix for suffix in (*VOLUME_SUFFIXES, *_added()) if name.endswith(suffix)), "")


def added_reader(path: Path) -> AddedReader | None:
    """Return the reader that an installed package adds for the suffix of a file, or None if there is none."""
    entry = _added().get(volume_suffix(path))
    reader: AddedReader | None = entry.load() if entry else None
    return reader


def stem(path: Path) -> str:
    """Return the file name without its volume suffix."""
    return path.name[: len(path.name) - len(volume_suffix(path))]


@cache
def _added() -> dict[str, Any]:
    """Return the entry points of added readers by suffix, without those for suffixes that this package reads."""
    entries = {entry.name.lower(): entry for entry in entry_points(group=READERS_GROUP)}
    return {suffix: entry for suffix, entry in entries.items() if suffix not in VOLUME_SUFFIXES}
