"""What a record rests on, in one hash: if it is unchanged, the record of an earlier run still holds."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lgeqa.config import Settings
from lgeqa.errors import ReadError
from lgeqa.records import BundleStamp
from lgeqa.versions import versions

if TYPE_CHECKING:
    from lgeqa.read import Source

#: Volumes that may be a header alone, which names the file of its voxels.
_MAY_BE_DETACHED = (".nrrd", ".nhdr", ".mha", ".mhd")


def fingerprint(source: "Source", bundle: BundleStamp, settings: Settings) -> str:
    """SHA-256 of the scan's files and mask (path, size, time of change), bundle, settings and version of lgeqa.

    Of a detached header the data file that it names counts too. No voxels are read: a run over thousands of scans finds
    out in a moment what is left to do. Empty if the files cannot be looked at.
    """
    paths = source.files if source.mask_path is None else (*source.files, source.mask_path)
    try:
        files = [_look(path) for given in paths for path in _read_from(given)]
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


def _read_from(path: Path) -> Sequence[Path]:
    """Return a file and the one that holds its voxels, if it is a detached header that can be read."""
    if path.suffix.lower() not in _MAY_BE_DETACHED:
        return [path]
    from lgeqa.read.limits import MAX_HEADER_BYTES
    from lgeqa.read.volume import volume_files

    try:
        return volume_files(path) if path.stat().st_size <= MAX_HEADER_BYTES else [path]
    except ReadError:  # that the scan's record will tell
        return [path]


def _look(path: Path) -> tuple[str, int, int]:
    seen = path.stat()
    return repr(path.name), seen.st_size, seen.st_mtime_ns
