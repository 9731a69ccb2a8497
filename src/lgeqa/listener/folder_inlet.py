"""Inlet from a folder into which people or programs copy DICOM files."""

import logging
import os
import shutil
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from time import monotonic
from typing import BinaryIO, Final

from lgeqa.errors import ConfigError, ReadError
from lgeqa.io.limits import MAX_DICOM_BYTES
from lgeqa.io.untrusted_files import open_regular
from lgeqa.listener.inlet_settings import FolderSettings
from lgeqa.listener.intake import Intake
from lgeqa.listener.polling import PollingInlet, oldest_day, today
from lgeqa.records import Record

#: Bytes before the header of a DICOM file, of which the last four are DICM.
_PREFIX_BYTES: Final = 132
_logger = logging.getLogger("lgeqa.listener")


class _SeenFile(Record):
    """A file that was copied or refused.

    Attributes:
        size: Bytes of the file.
        changed_ns: Time of its last change in nanoseconds. With the size it tells whether the file is the same.
        refusal: Why it was refused, or an empty text.
        day: Day on which it was in the folder last, ISO 8601.
    """

    size: int
    changed_ns: int
    refusal: str
    day: str


class _ChangedError(Exception):
    """A file was written to while it was copied."""


class FolderInlet(PollingInlet):
    """Inlet that copies files which have stopped growing, and leaves them where they are.

    Its state says what became of each file. A file that changes is taken again.
    """

    def __init__(self, settings: FolderSettings, spool: Path) -> None:
        super().__init__(settings.name, spool, settings.every_seconds)
        self._folder, self._settle_seconds = settings.folder, settings.settle_seconds
        if not self._folder.is_dir():
            raise ConfigError(f"{self._folder}: is no folder. Create it, or name another one to watch.")
        self._seen = {name: _SeenFile.model_validate(entry) for name, entry in (self.load_state() or {}).items()}
        self._changing: dict[str, tuple[tuple[int, int], float]] = {}

    def look(self, intake: Intake, stop: Event) -> None:
        """Copy the files that have not changed for some seconds.

        Raises:
            SpoolFullError: The spool has no space.
            OutputError: What was seen cannot be written.
            OSError: The folder cannot be read, or the spool not be written.
        """
        before = dict(self._seen)
        refusals: Counter[str] = Counter()
        try:
            for name, size, changed_ns in self._settled():
                refusal = None if stop.is_set() else self._copy(name, size, changed_ns, intake)
                if refusal is not None:
                    self._seen[name] = _SeenFile(size=size, changed_ns=changed_ns, refusal=refusal, day=today())
                    refusals[refusal] += bool(refusal)
        finally:
            self._seen = {name: seen for name, seen in self._seen.items() if seen.day >= oldest_day()}
            if self._seen != before:
                self.save_state({name: seen.model_dump() for name, seen in self._seen.items()})
        for refusal, count in (+refusals).items():
            _logger.warning("%s: %d files refused, see %s. %s", self.name, count, self.state_path.name, refusal)

    def _settled(self) -> list[tuple[str, int, int]]:
        """Return name, size and time of the files that are new or changed, and rest."""
        now, day, before = monotonic(), today(), self._changing
        self._changing = {}
        for name, size, changed_ns in _regular_files(self._folder):
            seen = self._seen.get(name)
            if seen and (seen.size, seen.changed_ns) == (size, changed_ns):
                if seen.day != day:
                    self._seen[name] = seen.model_copy(update={"day": day})
            elif name in before and before[name][0] == (size, changed_ns):
                self._changing[name] = before[name]
            else:
                self._changing[name] = (size, changed_ns), now
        return [
            (name, *state) for name, (state, since) in self._changing.items() if now - since >= self._settle_seconds
        ]

    def _copy(self, name: str, size: int, changed_ns: int, intake: Intake) -> str | None:
        """Copy a file, and return why it is refused, an empty text if it is not, or None if it changes or is gone."""
        if size > MAX_DICOM_BYTES:
            return f"Larger than {MAX_DICOM_BYTES >> 20} MB."
        try:
            with open_regular(self._folder / name) as file:
                if not file.read(_PREFIX_BYTES).endswith(b"DICM"):
                    return "No DICOM file."
                return self.hand_over(intake, lambda draft: _copy_unchanged(file, draft, size, changed_ns))
        except (FileNotFoundError, _ChangedError):
            return None
        except PermissionError:
            return "Not readable for the listener. Change the rights, and touch it."
        except ReadError:
            return "No file, or a folder that cannot be read. Change the rights, and touch it."


def _copy_unchanged(file: BinaryIO, draft: Path, size: int, changed_ns: int) -> None:
    file.seek(0)
    with draft.open("wb") as copy:
        shutil.copyfileobj(file, copy)
    after = os.fstat(file.fileno())
    if (after.st_size, after.st_mtime_ns) != (size, changed_ns):
        raise _ChangedError


def _regular_files(folder: Path) -> Iterator[tuple[str, int, int]]:
    """Yield path below the folder, size and time of the last change of its files, except for hidden ones and links."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.startswith("."):
            continue
        try:
            state = entry.stat(follow_symlinks=False)
            if stat.S_ISREG(state.st_mode):
                yield entry.name, state.st_size, state.st_mtime_ns
            elif stat.S_ISDIR(state.st_mode):
                for name, size, changed_ns in _regular_files(Path(entry)):
                    yield f"{entry.name}/{name}", size, changed_ns
        except FileNotFoundError:  # it vanished since the folder was listed
            continue
        except PermissionError:
            yield entry.name, state.st_size, state.st_mtime_ns
