"""Reading of the JSON files of a cohort: its labels and its splits."""

import json
from pathlib import Path
from typing import Any

from lgeqa.errors import CohortError


def read_object(path: Path, what: str) -> dict[str, Any]:
    """Read a file that holds one JSON object, which messages call `what`.

    Raises:
        CohortError: The file cannot be read, is not JSON in UTF-8, holds no object, or has a name twice. Of two equal
            names, JSON readers would silently take the last.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_unique)
        if not isinstance(content, dict):
            raise ValueError(f"it holds a {type(content).__name__}, not an object")
    except (OSError, ValueError) as error:
        raise CohortError(f"{path}: is not a readable {what} ({error}). Correct the file, or make it again.") from None
    return content


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in values:
            raise ValueError(f"{name!r} is there twice")
        values[name] = value
    return values
