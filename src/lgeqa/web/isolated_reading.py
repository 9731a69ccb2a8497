"""Reading of files from outside, each in a separate process, so that a file that crashes it spares the server."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from lgeqa.errors import LgeqaError, ReadError, UploadError
from lgeqa.io import Source, discover, read_scan
from lgeqa.records import Scan
from lgeqa.studies.errors import RatingError
from lgeqa.studies.study_scans import Candidate, PracticeCandidate, practice_of_folder, scans_of_folder
from lgeqa.workers import Limits, WorkerDied, apart

#: Time to find the scans of a folder, and to read all of them, as multiples of the time for one scan.
_LOOKING: Final = 2
_READING_ALL: Final = 12
Result = TypeVar("Result")


def read_apart(source: Source, timeout: float) -> Scan:
    """Read a scan as `io.read_scan` does, in at most `timeout` seconds.

    Raises:
        ReadError: The scan cannot be read, or the process ended while reading it.
    """
    return _apart(partial(read_scan, source), timeout, ReadError("The scan cannot be read"))


def look_through(folder: Path, timeout: float, skip: Iterable[Path] = ()) -> list[Source]:
    """Find the scans in a folder as `io.discover` does.

    Args:
        folder: Folder to search.
        timeout: Maximum time for one scan in seconds.
        skip: Paths that are not searched.

    Raises:
        UploadError: The process ended before the search was complete.
    """
    search = partial(discover, [folder], skip=list(skip))
    return _apart(search, _LOOKING * timeout, UploadError("The scans cannot be looked through"))


def candidates_of(folder: Path, patients: str, timeout: float) -> tuple[list[Candidate], list[str]]:
    """Find the scans of a study as `studies.study_scans.scans_of_folder` does.

    Args:
        folder: Absolute path of the folder.
        patients: CSV with the columns scan and patient. Empty for none.
        timeout: Maximum time for one scan in seconds.

    Raises:
        RatingError: The folder or the table of patients cannot be used, or the process ended before it was done.
        CohortError: The folder's table of scores cannot be used.
    """
    search = partial(scans_of_folder, folder, patients)
    return _apart(search, _READING_ALL * timeout, RatingError("The scans cannot be read one after another"))


def practice_of(folder: Path, timeout: float) -> list[PracticeCandidate]:
    """Read the scored scans of a folder as `studies.study_scans.practice_of_folder` does.

    Args:
        folder: Absolute path of the folder.
        timeout: Maximum time for one scan in seconds.

    Raises:
        RatingError: The folder cannot be used, or the process ended before it was done.
        CohortError: The folder's table of scores cannot be used.
    """
    search = partial(practice_of_folder, folder)
    return _apart(search, _READING_ALL * timeout, RatingError("The practice scans cannot be read one after another"))


def _apart(read: Callable[[], Result], seconds: float, error: LgeqaError) -> Result:
    result = apart(read, Limits(seconds=seconds))
    if isinstance(result, WorkerDied):
        raise type(error)(f"{error}: the process that read them was ended ({result}). Export the files again.")
    return result
