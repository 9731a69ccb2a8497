"""What a record rests on, in one hash: if it is unchanged, the record of an earlier run still holds."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from lgeqa.config import Settings
from lgeqa.records import BundleStamp
from lgeqa.versions import versions

if TYPE_CHECKING:
    from lgeqa.read import Source

#: Headers whose voxels lie in another file beside them.
_DETACHED = (".nhdr", ".mhd")


def fingerprint(source: "Source", bundle: BundleStamp, settings: Settings) -> str:
    """SHA-256 of the scan's files and mask (path, size, time of change), bundle, settings and version of lgeqa.

    The files are not read: a run over thousands of scans finds out in a moment what is left to do. Empty if the files
    cannot be looked at.
    """
    mask = () if source.mask_path is None else (source.mask_path,)
    try:
        files = [_look(path) for path in (*_files(source), *mask)]
    except OSError:
        return ""
    facts = {
        "location": repr(source.location.absolute()),
        "files": files,
        "bundle": bundle.sha256,
        "settings": settings.model_dump(mode="json"),
        "lgeqa": versions()["lgeqa"],
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _files(source: "Source") -> Iterable[Path]:
    path = source.location
    if path.suffix.lower() not in _DETACHED:
        return source.files
    return sorted(other for other in path.parent.iterdir() if other.name.startswith(f"{path.stem}."))


def _look(path: Path) -> tuple[str, int, int]:
    seen = path.stat()
    return repr(path.name), seen.st_size, seen.st_mtime_ns
