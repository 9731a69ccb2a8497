"""Reading the JSON files of a cohort: its labels and its splits."""

import json
from pathlib import Path
from typing import Any

from lgeqa.errors import CohortError


def read_object(path: Path, what: str) -> dict[str, Any]:
    """Read a file that holds one JSON object; `what` it is, is for messages.

    Raises:
        CohortError: the file cannot be read, is no JSON in UTF-8 or no object, or gives a name twice, of which JSON
            readers would take the last in silence.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_unique)
        if not isinstance(found, dict):
            raise ValueError(f"it holds a {type(found).__name__}, not an object")
    except (OSError, ValueError) as fault:
        raise CohortError(f"{path}: is no readable {what} ({fault}). Correct the file, or make it anew.") from None
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name!r} stands twice")
        found[name] = value
    return found
