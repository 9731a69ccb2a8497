"""An assessment that does as the scan's name says, and notes what it was asked to do."""

import errno
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from lgeqa.batch import OutputFolder, ScanAssessor
from lgeqa.errors import NotAssessableError, ReadError
from lgeqa.inference.decision import DecisionRule
from lgeqa.inference.pipeline import Assessment, AssessSettings
from lgeqa.io import Source
from lgeqa.io.untrusted_files import opening
from lgeqa.operating_point import DEFAULT
from lgeqa.preprocessing import QualityPreparation
from lgeqa.records import BundleStamp, Grid, Scan
from tests.results import STAMP, decided, measured, unassessed

ERRORS: dict[str, Callable[[], Exception]] = {
    "bad": lambda: ReadError("bad.nrrd: the file is empty."),
    "maskless": lambda: NotAssessableError("no mask beside it"),
    "bug": lambda: KeyError("DOE^JOHN"),
    "disk": lambda: OSError(errno.EIO, "Input/output error", "/home/DOE^JOHN"),
}
GRID = Grid((4, 5, 6), (1.25, 1.25, 2.5), (0, 0, 0), (1, 0, 0, 0, 1, 0, 0, 0, 1))


def source(folder: Path, name: str) -> Source:
    """A scan called `name` with a file of its own."""
    file = folder / f"{name}.nrrd"
    if not file.exists():
        file.write_text(name, encoding="utf-8")
    return Source(name, "volume", file, (file,))


def attempt(
    folder: Path,
    *,
    masks: bool = False,
    pictures: bool = False,
    dicom: bool = False,
    settings: AssessSettings | None = None,
    stamp: BundleStamp = STAMP,
) -> ScanAssessor:
    """An attempt on the fake, which notes its work in `folder / "asked"`."""
    out = OutputFolder(folder / "out", masks=masks, pictures=pictures, dicom=dicom)
    choices = settings or AssessSettings.of({})
    rule = DecisionRule(choices.threshold or 0.5, choices.operating_point or DEFAULT)
    return ScanAssessor(partial(_open_fake, folder / "asked"), stamp, QualityPreparation(), choices, rule, out)


def asked(folder: Path) -> list[str]:
    """The names of the scans that were worked on since the last question, sorted."""
    notes = folder / "asked"
    names = sorted(notes.read_text(encoding="utf-8").split()) if notes.exists() else []
    notes.unlink(missing_ok=True)
    return names


def _open_fake(notes: Path) -> Callable[[Source], Assessment]:
    return partial(_assess, notes)


def _assess(notes: Path, source: Source) -> Assessment:
    with notes.open("a", encoding="utf-8") as lines:
        lines.write(f"{source.scan_id}\n")
    voxels = np.zeros((6, 5, 4), np.float32)
    scan = Scan(source.scan_id, voxels, (2.5, 1.25, 1.25), (0,) * 6, tuple(range(6)), GRID, source.location, "")
    result, atrium = decided(source.scan_id, measures=measured()), voxels == 0
    match source.scan_id.partition("-")[0]:
        case "bad" | "maskless" | "bug" | "disk" as name:
            error = ERRORS[name]()
            raise error
        case "empty":
            result = unassessed(source.scan_id, status="not_assessable", measures=measured(atrium_volume_ml=None))
            atrium = voxels > 0
        case "refused":
            result = unassessed(source.scan_id, status="not_assessable", measures=measured())
        case "measured":
            result = unassessed(source.scan_id, status="measured", measures=measured())
        case "huge":
            raise MemoryError
        case "tired":  # the machine, when it is asked for the first time
            if notes.read_text(encoding="utf-8").split().count(source.scan_id) == 1:
                with opening(source.location):
                    raise OSError(errno.EMFILE, "Too many open files")
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "slow":
            time.sleep(0.3)
        case "hung":
            time.sleep(600)
    return Assessment(result, scan, atrium)
