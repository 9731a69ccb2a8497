"""Paths as the functions of the package take them."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

AnyPath = str | PathLike[str]
Paths = AnyPath | Sequence[AnyPath]


def as_path(path: AnyPath | None) -> Path | None:
    """Return a path, or None if there is none."""
    return None if path is None else Path(path)


def as_paths(paths: Paths) -> list[Path]:
    """Return one path, or several, as a list."""
    return [Path(paths)] if isinstance(paths, str | PathLike) else [Path(path) for path in paths]
