"""Series from an image archive to a folder, and results back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lgeqa.errors import ArchiveError, ArchiveUnavailableError, ReadError, UsageError
from lgeqa.formatting import plural
from lgeqa.io.formatting import printable_path

if TYPE_CHECKING:
    from lgeqa.archive.client import Archive
    from lgeqa.archive.series import SeriesFilter


@dataclass(frozen=True)
class Pulled:
    """A series in the folder of a pull.

    Attributes:
        folder: Folder with its images.
        n_images: Number of its images.
        is_new: Whether the images were pulled now, not by an earlier run.
    """

    folder: Path
    n_images: int
    is_new: bool


def pull_series(archive: "Archive", wanted: "SeriesFilter", out: Path) -> Iterator[Pulled]:
    """Pull all series that match, and yield each. A series that is whole in `out` already is not pulled again.

    Raises:
        ArchiveError: No series matches, or the archive refuses, cannot be reached or is none.
        OutputError: The images cannot be written.
    """
    n_series = 0
    for series in archive.search(wanted):
        n_series += 1
        folder = out / series.series_uid
        is_new = series.n_images is None or _count_images(folder) != series.n_images
        if is_new:
            archive.pull(series, out)
        yield Pulled(folder, _count_images(folder), is_new)
    if not n_series:
        raise ArchiveError(f"{archive.settings.url}: has no such series. `lgeqa archive list` shows what it has.")


def _count_images(folder: Path) -> int:
    return len(list(folder.glob("*.dcm")))


def push_files(archive: "Archive", paths: Sequence[Path]) -> Iterator[Path]:
    """Store DICOM files, and yield the path of each that the archive has. Files that it refuses do not stop the others.

    Args:
        archive: Archive that stores them.
        paths: Files, or folders whose files `*.dcm` are taken, those of folders within included.

    Raises:
        UsageError: A path does not exist, or a folder holds no file `*.dcm`.
        ArchiveError: Files were refused, or the archive cannot be reached or is none.
    """
    files = [file for path in paths for file in _files(path)]
    refusals: list[str] = []
    for file in files:
        try:
            archive.store(file)
        except ArchiveUnavailableError:
            raise
        except (ArchiveError, ReadError) as error:
            refusals.append(str(error))
        else:
            yield file
    if refusals:
        raise ArchiveError("\n".join((f"{len(refusals)} of {plural(len(files), 'file')} not stored.", *refusals)))


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    files = sorted(file for file in path.rglob("*.dcm") if file.is_file())
    if not files:
        raise UsageError(f"{printable_path(path)}: holds no file *.dcm. Name files, or the folder of DICOM results.")
    return files
