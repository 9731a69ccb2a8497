"""A scan that was discovered but not read yet."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Source:
    """Location of one scan, or the reason why a path cannot be used.

    Attributes:
        scan_id: Identifier that is unique in a run, valid as a file name and made only of file and folder names.
        kind: Volume in one file, DICOM series, or path that cannot be used.
        location: Volume file, folder that contains the whole series, or unusable path.
        files: Volume file, or files of the series in the order of their names. Empty if unusable.
        mask_path: Mask of the left atrium next to the volume.
        fault: Message that explains why the path cannot be used. `read_scan` raises it.
        series: Name of the DICOM series, `s<number>-<start of the digest of its UID>`. Empty for a volume, and in a
            source that a database keeps.
    """

    scan_id: str
    kind: Literal["volume", "dicom", "unusable"]
    location: Path
    files: tuple[Path, ...] = ()
    mask_path: Path | None = None
    fault: str = ""
    series: str = ""
