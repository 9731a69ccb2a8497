"""A scan that was found but not read yet."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Source:
    """Where one scan lies, or why a path holds none.

    Attributes:
        scan_id: unique in a run, fit for a file name, made of file and folder names only.
        kind: a volume in one file, a DICOM series, or a path that cannot be used.
        location: the volume file, the folder that holds the whole series, or the unusable path.
        files: the volume file, or the files of the series in the order of their names; empty if unusable.
        mask_path: mask of the left atrium that lies beside the volume.
        fault: for people, why the path cannot be used; `read_scan` raises it.
    """

    scan_id: str
    kind: Literal["volume", "dicom", "unusable"]
    location: Path
    files: tuple[Path, ...] = ()
    mask_path: Path | None = None
    fault: str = ""
