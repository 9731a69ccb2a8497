"""Reads files from outside, each time in a process of its own: a file that ends its reader does not end the server."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from lgeqa.errors import LgeqaError, ReadError, UploadError
from lgeqa.rate.faults import RatingError
from lgeqa.rate.scans import Candidate, scans_of_folder
from lgeqa.read import Source, discover, read_scan
from lgeqa.records import Scan
from lgeqa.workers import Limits, Lost, apart

#: How many times the time of one scan looking for those of a folder may take, and reading each of them.
_LOOKING: Final = 2
_READING_ALL: Final = 12
Given = TypeVar("Given")


def read_apart(source: Source, timeout: float) -> Scan:
    """Read a scan as `read.read_scan` does, in at most `timeout` seconds.

    Raises:
        ReadError: Also where the process ends over it.
    """
    return _apart(partial(read_scan, source), timeout, ReadError("The scan cannot be read"))


def look_through(folder: Path, timeout: float, skip: Iterable[Path] = ()) -> list[Source]:
    """Find the scans in a folder as `read.discover` does; `timeout` is that of one scan, in seconds.

    Raises:
        UploadError: The process ended over one.
    """
    search = partial(discover, [folder], skip=list(skip))
    return _apart(search, _LOOKING * timeout, UploadError("The scans cannot be looked through"))


def candidates_of(folder: Path, patients: str, timeout: float) -> tuple[list[Candidate], list[str]]:
    """Find the scans of a study as `rate.scans_of_folder` does; `timeout` is that of one scan, in seconds.

    Raises:
        RatingError: Also where the process ends.
    """
    search = partial(scans_of_folder, folder, patients)
    return _apart(search, _READING_ALL * timeout, RatingError("The scans cannot be read one after another"))


def _apart(read: Callable[[], Given], seconds: float, fault: LgeqaError) -> Given:
    given = apart(read, Limits(seconds=seconds))
    if isinstance(given, Lost):
        raise type(fault)(f"{fault}: the process that read them was ended ({given}). Export the files again.")
    return given
