"""A hash of everything that a record depends on: while it is unchanged, the record of an earlier run stays valid."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lgeqa.config import Settings
from lgeqa.errors import ReadError
from lgeqa.inference.decision import DECIDING
from lgeqa.records import BundleStamp
from lgeqa.versions import versions

if TYPE_CHECKING:
    from lgeqa.io import Source

#: Suffixes of volumes that may consist of a header only, which names the file of the voxels.
_MAY_BE_DETACHED = (".nrrd", ".nhdr", ".mha", ".mhd")


def fingerprint(source: "Source", bundle: BundleStamp, settings: Settings) -> str:
    """Return the SHA-256 of a scan's files and mask (path, size, time of change), bundle, settings and lgeqa version.

    Settings that only the decision depends on are left out, since a kept record is decided again. The data file that a
    detached header names, and the JSON file beside a NIfTI file, are included. No voxels are read, so a run over
    thousands of scans quickly finds out what is left to do. The result is empty if the files cannot be accessed.
    """
    paths = source.files if source.mask_path is None else (*source.files, source.mask_path)
    try:
        files = [_look(file) for path in paths for file in _read_from(path)]
    except OSError:
        return ""
    facts = {
        "location": repr(source.location.absolute()),
        "files": files,
        "bundle": bundle.sha256,
        "settings": settings.model_dump(mode="json", exclude=set(DECIDING)),
        "lgeqa": versions()["lgeqa"],
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def content_hashes(source: "Source", *, with_mask: bool) -> dict[str, str]:
    """Return the hashes of a scan's files, and of its mask if wanted, as a record has them, by name of its fields.

    All bytes are read, and no voxels are decoded. The JSON file beside a NIfTI file is not included.

    Raises:
        ReadError: The header of a volume cannot be read.
        OSError: A file cannot be opened.
    """
    from lgeqa.io.stored_volume import hash_files
    from lgeqa.io.volume import volume_files

    files = volume_files(source.location) if source.kind == "volume" else source.files
    hashes = {"input_sha256": hash_files(files)}
    if with_mask:
        hashes["mask_sha256"] = hash_files(volume_files(source.mask_path)) if source.mask_path else ""
    return hashes


def _read_from(path: Path) -> Sequence[Path]:
    """Return a file, its JSON sidecar, and the file of its voxels, if it is a detached header that can be read."""
    if path.suffix.lower() not in _MAY_BE_DETACHED:
        from lgeqa.io.json_sidecar import json_sidecar

        sidecar = json_sidecar(path)
        return [path, sidecar] if sidecar else [path]
    from lgeqa.io.limits import MAX_HEADER_BYTES
    from lgeqa.io.volume import volume_files

    try:
        return volume_files(path) if path.stat().st_size <= MAX_HEADER_BYTES else [path]
    except ReadError:  # the scan's record will report it
        return [path]


def _look(path: Path) -> tuple[str, int, int]:
    status = path.stat()
    return repr(path.name), status.st_size, status.st_mtime_ns
