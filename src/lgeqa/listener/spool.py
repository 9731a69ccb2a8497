"""Spool on disk: every instance until its series is assessed, and each series as numbered versions of its images.

A name says how far something is, and one rename takes it further, so a process that is killed leaves no state between:

```
drafts/                    instances that are being received
series/KEY/NAME.dcm        instances that were acknowledged; KEY and NAME are digests of UIDs
queue/KEY-vN.json          a whole series that waits for its assessment, with the names of its images
assessing/ID/              results of the assessment that is running
results/KEY-vN/            a finished assessment, and the receipts of the destinations
failed/KEY-vN.NAME.json    a destination that was given up
records/KEY-vN.json        what became of a series whose files are deleted
```
"""

import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final, Literal

from pydantic import Field, ValidationError

from lgeqa.atomic_io import flush, write_whole
from lgeqa.errors import OutputError, fault_of_the_machine
from lgeqa.listener.errors import OtherPixelsError, RefusedInstanceError, SpoolFullError
from lgeqa.listener.instance import InstanceHeader, pixels_digest, read_instance
from lgeqa.records import Record

#: Free bytes that the disk keeps beside the spool, for results and records.
_ROOM_BYTES: Final = 100_000_000
MEGABYTE: Final = 1_000_000
_HOUR: Final = 3600.0


class SeriesVersion(Record):
    """Images of a series that are assessed together. Images that come later make another version.

    Attributes:
        key: Key of the series in the spool.
        number: Number of the version, from 1.
        images: Names of the images' files.
        expected: Number of images that the series should have. None if it is not known.
        origins: Inlets and AE titles that the images came from.
        attempts: Number of times that the assessment was begun.
    """

    key: str
    number: int
    images: tuple[str, ...]
    expected: int | None = None
    origins: tuple[str, ...] = ()
    attempts: int = 0

    @property
    def id(self) -> str:
        """Name of the version in the spool, also for destinations."""
        return f"{self.key}-v{self.number}"


class Receipt(Record):
    """What a destination took.

    Attributes:
        at: Time, ISO 8601 in UTC.
        taken: What it took, as text.
    """

    at: str
    taken: str


class SeriesResult(Record):
    """What became of a version of a series.

    Attributes:
        version: Version of the series.
        outcome: Whether the series was assessed, or is not LGE of the left atrium by the rules.
        reason: Rule that decided on the outcome.
        finished_at: Time of the result, ISO 8601 in UTC.
        scans: Names of the scans that the images form. Empty if the series was not assessed.
        receipts: Receipts of the destinations by their names, once the files of the version are deleted.
    """

    version: SeriesVersion
    outcome: Literal["assessed", "not_lge"]
    reason: str
    finished_at: str
    scans: tuple[str, ...] = ()
    receipts: dict[str, Receipt] = Field({})


@dataclass(frozen=True)
class Arrival:
    """An instance that is on the disk.

    Attributes:
        header: Header of the instance.
        origin: Inlet or AE title that it came from.
        is_new: Whether it was not in the spool before.
    """

    header: InstanceHeader
    origin: str
    is_new: bool


class Spool:
    """Folder of one listener.

    Attributes:
        path: Path of the folder.
        assessing: Folder for the results of the assessment that is running.
    """

    def __init__(self, path: Path, max_mb: int, max_instance_mb: int) -> None:
        """Look at a spool without changing it.

        Args:
            path: Folder of the spool.
            max_mb: Megabytes that all instances together may have.
            max_instance_mb: Megabytes that one instance may have.
        """
        self.path, self._max_bytes, self._max_instance_bytes = path, max_mb * MEGABYTE, max_instance_mb * MEGABYTE
        self._drafts, self._series, self._queue = path / "drafts", path / "series", path / "queue"
        self.results, self.failed = path / "results", path / "failed"
        # The process that assessed for a listener that was killed may still be writing, so each has its own folder.
        self.assessing = path / "assessing" / uuid.uuid4().hex
        self._records = path / "records"
        self._lock = Lock()
        self._used = sum(map(_size, self._series.glob("*/*.dcm")))

    def prepare(self) -> None:
        """Create what is missing, and remove what an earlier listener left incomplete.

        Raises:
            OutputError: The folder cannot be written.
        """
        try:
            for folder in (self._drafts, self._series, self._queue, self.results, self.failed, self._records):
                folder.mkdir(parents=True, exist_ok=True)
            for draft in self._drafts.iterdir():
                draft.unlink()
            shutil.rmtree(self.path / "assessing", ignore_errors=True)
            for results in self.results.iterdir():
                if not (results / "result.json").exists():  # killed within `retire`
                    shutil.rmtree(results)
            for version in self._queue.glob("*.json"):
                if any(path.exists() for path in self._result_paths(version.stem)):  # killed at the end of `finish`
                    version.unlink()
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written ({error.strerror}). Make it writable.") from None

    @property
    def drafts(self) -> Path:
        """Folder in which inlets write instances before they are accepted."""
        return self._drafts

    @property
    def used_bytes(self) -> int:
        """Bytes of all instances."""
        return self._used

    def new_draft(self) -> Path:
        """Return the path for an instance that an inlet is about to write."""
        return self._drafts / f"{uuid.uuid4().hex}.dcm"

    def accept(self, draft: Path, origin: str) -> Arrival:
        """Take over an instance, which is on the disk when this returns. The draft is gone then in any case.

        The same instance with the same pixels is kept once, whatever else differs.

        Args:
            draft: DICOM file in `drafts`.
            origin: Inlet or AE title that it came from.

        Raises:
            SpoolFullError: There is no space now.
            OtherPixelsError: The spool has an instance with the same SOPInstanceUID and other pixels.
            RefusedInstanceError: The file is too large, damaged, or no MR image.
        """
        try:
            with _disk_errors_as_full():
                size = draft.stat().st_size
                if size > self._max_instance_bytes:
                    raise RefusedInstanceError(
                        f"The instance has {size // MEGABYTE} MB; at most {self._max_instance_bytes // MEGABYTE} are "
                        "received. Raise max_instance_mb."
                    )
                header = read_instance(draft)
                flush(draft)
                with self._lock:
                    return Arrival(header, origin, self._store(draft, header, size))
        finally:
            draft.unlink(missing_ok=True)

    def _store(self, draft: Path, header: InstanceHeader, size: int) -> bool:
        folder = self._series / header.series_key
        path = folder / header.name
        if path.exists():
            if pixels_digest(draft) != pixels_digest(path):
                raise OtherPixelsError(
                    "An instance with the same SOPInstanceUID and other pixels was received before. It was kept, and "
                    "this one was not."
                )
            return False
        if self._used + size > self._max_bytes or shutil.disk_usage(self.path).free - size < _ROOM_BYTES:
            raise SpoolFullError(f"The spool is full with {self._used // MEGABYTE} MB. Send again later.")
        if not folder.exists():
            folder.mkdir()
            flush(self._series)
        draft.replace(path)
        flush(folder)
        self._used += size
        return True

    def draft_sizes(self) -> dict[Path, int]:
        """Return the sizes in bytes of the instances that are being received."""
        return {draft: _size(draft) for draft in self._drafts.iterdir()}

    def holds_instance(self, name: str) -> bool:
        """Return whether an instance is in the spool, by the name of its file."""
        return any(self._series.glob(f"*/{name}"))

    def image_paths(self, version: SeriesVersion) -> list[Path]:
        """Return the paths of a version's images."""
        return [self._series / version.key / name for name in version.images]

    def open_series(self) -> dict[str, InstanceHeader]:
        """Return the keys of series with images that no version has, each with the header of one image.

        Raises:
            RefusedInstanceError: An image was damaged on the disk.
        """
        uncovered = {key: names for key in self.series_keys() if (names := self._uncovered(key))}
        return {key: read_instance(self._series / key / min(names)) for key, names in uncovered.items()}

    def count_images(self, key: str) -> int:
        """Return how many images of a series are in the spool."""
        return len(self._names(key))

    def close(self, key: str, expected: int | None, origins: tuple[str, ...]) -> SeriesVersion | None:
        """Queue all images of a series as its next version, or return None if no image of it is new."""
        with self._lock:
            if not self._uncovered(key):
                return None
            number = len(self.versions(key)) + 1
            images = tuple(sorted(self._names(key)))
            version = SeriesVersion(key=key, number=number, images=images, expected=expected, origins=origins)
            self._enqueue(version)
            return version

    def queued(self) -> list[SeriesVersion]:
        """Return the versions that wait for their assessment, those begun least often first, then by age."""
        versions = {path: version for path in self._queue.glob("*.json") if (version := _read_version(path))}
        return [versions[path] for path in sorted(versions, key=lambda path: (versions[path].attempts, _time(path)))]

    def begin(self, version: SeriesVersion) -> SeriesVersion:
        """Count an attempt to assess a version, prepare an empty `assessing`, and return the version."""
        shutil.rmtree(self.assessing, ignore_errors=True)
        self.assessing.mkdir(parents=True)
        begun = version.model_copy(update={"attempts": version.attempts + 1})
        self._enqueue(begun)
        return begun

    def put_back(self, version: SeriesVersion) -> None:
        """Put a version back as it was before `begin`, so that the attempt does not count."""
        self._enqueue(version)

    def finish(self, result: SeriesResult) -> None:
        """Take a version out of the queue: `assessing` becomes its results, or it gets only a record.

        Raises:
            OutputError: The spool cannot be written. The version stays in the queue.
        """
        if result.outcome == "assessed":
            write_whole(self.assessing / "result.json", _json(result))
            self.assessing.rename(self.results / result.version.id)
            flush(self.results)
        else:
            self._record(result)
        self._queue_path(result.version.id).unlink(missing_ok=True)

    def retire(self, result_id: str, receipts: dict[str, Receipt]) -> None:
        """Delete the results of a version that is finished, after their record was written.

        Raises:
            OutputError: The record cannot be written.
        """
        folder = self.results / result_id
        result = SeriesResult.model_validate_json((folder / "result.json").read_bytes())
        self._record(result.model_copy(update={"receipts": receipts}))
        (folder / "result.json").unlink()  # if this is interrupted, what remains does not count as a result
        shutil.rmtree(folder)

    def _record(self, result: SeriesResult) -> None:
        write_whole(self._record_path(result.version.id), _json(result))
        flush(self._records)

    def versions(self, key: str) -> list[SeriesVersion]:
        """Return all versions of a series, from the first on."""
        versions: list[SeriesVersion] = []
        while version := self._find(f"{key}-v{len(versions) + 1}"):
            versions.append(version)
        return versions

    def series_keys(self) -> list[str]:
        """Return the keys of all series with images."""
        return sorted(path.name for path in self._series.glob("*"))

    def delete_images(self, key: str, keep_other_hours: float) -> None:
        """Delete the images of a series if only records are left of its versions, and no image waits for another one.

        Args:
            key: Key of the series.
            keep_other_hours: Hours that images are kept after the last record that the rules did not choose them.
        """
        with self._lock:
            versions = self.versions(key)
            records = [self._record_path(version.id) for version in versions]
            if not all(record.exists() for record in records) or self._uncovered(key):
                return
            last = SeriesResult.model_validate_json(records[-1].read_bytes())
            hours = (time.time() - records[-1].stat().st_mtime) / _HOUR
            if last.outcome == "not_lge" and hours < keep_other_hours:
                return
            folder = self._series / key
            size = sum(map(_size, folder.iterdir()))
            shutil.rmtree(folder)
            self._used -= size

    def _find(self, version_id: str) -> SeriesVersion | None:
        for path in self._result_paths(version_id):
            if path.exists():
                return SeriesResult.model_validate_json(path.read_bytes()).version
        return _read_version(self._queue_path(version_id))

    def _names(self, key: str) -> set[str]:
        folder = self._series / key
        return {path.name for path in folder.iterdir()} if folder.is_dir() else set()

    def _uncovered(self, key: str) -> set[str]:
        return self._names(key).difference(*(version.images for version in self.versions(key)))

    def _queue_path(self, version_id: str) -> Path:
        return self._queue / f"{version_id}.json"

    def _result_paths(self, version_id: str) -> tuple[Path, Path]:
        """Return the paths of a version's results and of its record, one of which exists once it is finished."""
        return self.results / version_id / "result.json", self._record_path(version_id)

    def _record_path(self, version_id: str) -> Path:
        return self._records / f"{version_id}.json"

    def _enqueue(self, version: SeriesVersion) -> None:
        write_whole(self._queue_path(version.id), _json(version))


def _json(record: Record) -> str:
    return record.model_dump_json(indent=2) + "\n"


def _size(path: Path) -> int:
    """Return the size of a file in bytes, 0 if it was moved in the meantime."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _time(path: Path) -> int:
    """Return when a file was written, 0 if it was moved in the meantime."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _read_version(path: Path) -> SeriesVersion | None:
    try:
        return SeriesVersion.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


@contextmanager
def _disk_errors_as_full() -> Iterator[None]:
    """Turn an error of the disk into a SpoolFullError, since the sender may try again."""
    try:
        yield
    except OSError as error:
        if not fault_of_the_machine(error):
            raise
        raise SpoolFullError(f"The spool cannot be written ({error.strerror}). Send again later.") from None
