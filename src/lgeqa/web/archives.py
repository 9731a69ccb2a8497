"""Storage of one upload: a path for each file, and the safe unpacking of zip archives from outside.

What an archive states about itself is checked, not trusted.
"""

import re
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Final
from zipfile import BadZipFile, ZipFile, ZipInfo

from lgeqa.errors import TooLargeError, UploadError, system_reason
from lgeqa.io.formatting import printable_path
from lgeqa.io.scan_ids import is_hidden, sanitised
from lgeqa.web.settings import MEGABYTE, ServeSettings

_CHUNK: Final = 1 << 20
#: Suffixes of headers and data files that belong together.
_DETACHED: Final = (".nhdr", ".mhd", ".raw", ".zraw", ".raw.gz")
_DRIVE: Final = re.compile(r"[A-Za-z]:[/\\]")
#: Compression methods that unpack in bounded steps. Python's zipfile unpacks others, such as bzip2, a block at once.
_PACKINGS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
#: Maximum bytes of an archive's directory for each file that it may contain. The directory is read whole.
_DIRECTORY_BYTES: Final = 1024


class Intake:
    """An upload in progress, which assigns paths to files and counts files and unpacked bytes over all archives.

    Attributes:
        folder: Folder of the upload.
        files: Number of files so far.
    """

    def __init__(self, folder: Path, settings: ServeSettings) -> None:
        self.folder, self.files = folder, 0
        self._settings = settings
        self._room = settings.unpacked_mb * MEGABYTE
        self._numbers: dict[Path, int] = {}

    def place(self, name: str, below: Path | None = None) -> Path:
        """Return a free path for a file that its sender calls `name`, and create the folders in it.

        Args:
            name: Name from outside.
            below: Folder that will contain the file. None for the folder of the upload.

        Raises:
            UploadError: The name is empty, absolute or climbs out of the folder.
            TooLargeError: The upload has more files than the settings allow.
        """
        self.files += 1
        if self.files > self._settings.archive_files:
            raise self._too_many()
        parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
        if not parts or ".." in parts or name[0] in "/\\" or _DRIVE.match(name):
            raise UploadError(
                f"{printable_path(Path(name))!r}: is a path that leads out of its folder. Nothing was "
                "unpacked; pack it again."
            )
        path = (below or self.folder).joinpath(*map(sanitised, parts))
        path.parent.mkdir(parents=True, exist_ok=True)
        return self._free(path)

    def unpack_all(self) -> None:
        """Unpack the zip archives of the upload, except archives inside another one.

        Raises:
            UploadError: An archive is damaged or encrypted, or contains links or paths that lead out of its folder.
            TooLargeError: An archive contains more files or bytes than the settings allow.
        """
        archives = [path for path in self.folder.rglob("*") if path.suffix.lower() == ".zip" and path.is_file()]
        for archive in sorted(archives):
            self.unpack(archive)

    def unpack(self, archive: Path) -> None:
        """Unpack a zip archive into a folder of the same name next to it, and remove the archive.

        Raises:
            UploadError: The archive is damaged or encrypted, or contains links or paths that lead out of its folder.
            TooLargeError: The archive contains more files or bytes than the settings allow, whatever it states.
        """
        where = printable_path(Path(archive.name))
        folder = self._free(archive.with_name(sanitised(archive.stem)))
        try:
            self._check_directory(archive, where)
            with ZipFile(archive) as opened:
                members = [
                    member for member in opened.infolist() if not member.is_dir() and not _is_hidden(member.filename)
                ]
                self._check(members, where)
                for member in members:
                    self._room -= _write(opened, member, self.place(member.filename, folder), self._room)
                    if self._room < 0:
                        raise self._too_large(where)
        except (BadZipFile, EOFError, ValueError, struct.error, zlib.error):  # zipfile does not wrap all of them
            raise UploadError(f"{where}: is a damaged zip archive, or none. Copy or pack it again.") from None
        except (NotImplementedError, RuntimeError):
            raise UploadError(
                f"{where}: is encrypted, or packed in a way that is not supported. Pack it again as a plain zip."
            ) from None
        except OSError as error:
            raise UploadError(f"{where}: cannot be unpacked ({system_reason(error)}).") from None
        archive.unlink()

    def _free(self, path: Path) -> Path:
        """Return `path`, with a number in front of its name if it is taken. Used numbers are not tried again.

        A header with a separate data file, and that data file, keep their names and get a numbered folder, so that the
        header still refers to its data file.
        """
        candidate, number = path, self._numbers.get(path, 1)
        while candidate.exists():
            number += 1
            name = f"{number}/{path.name}" if path.name.lower().endswith(_DETACHED) else f"{number}_{path.name}"
            candidate = path.parent / name
        self._numbers[path] = number
        candidate.parent.mkdir(exist_ok=True)
        return candidate

    def _check_directory(self, archive: Path, where: str) -> None:
        """Check the size of the archive's directory before zipfile reads it into memory."""
        with archive.open("rb") as file:
            record = zipfile._EndRecData(file)  # type: ignore[attr-defined]
        if record and record[zipfile._ECD_SIZE] > self._settings.archive_files * _DIRECTORY_BYTES:  # type: ignore[attr-defined]
            raise TooLargeError(f"{where}: holds too many files; up to {self._settings.archive_files} are taken.")

    def _check(self, members: list[ZipInfo], where: str) -> None:
        if self.files + len(members) > self._settings.archive_files:
            raise self._too_many()
        if sum(member.file_size for member in members) > self._room:
            raise self._too_large(where)
        for member in members:
            if stat.S_ISLNK(member.external_attr >> 16):
                raise UploadError(
                    f"{where}: holds a link, {printable_path(Path(member.filename))!r}. Pack the files themselves."
                )
            if member.compress_type not in _PACKINGS:
                raise NotImplementedError

    def _too_many(self) -> TooLargeError:
        return TooLargeError(f"The upload holds more than {self._settings.archive_files} files. Send fewer at a time.")

    def _too_large(self, where: str) -> TooLargeError:
        return TooLargeError(
            f"{where}: is more than {self._settings.unpacked_mb} MB when it is unpacked, with what else was sent. "
            "Send fewer scans at a time."
        )


def _is_hidden(name: str) -> bool:
    return any(is_hidden(part) for part in re.split(r"[/\\\\]", name) if part not in {".", ".."})


def _write(opened: ZipFile, member: ZipInfo, path: Path, room: int) -> int:
    """Write one file and return its number of bytes, stopping as soon as they exceed `room`."""
    written = 0
    with opened.open(member) as packed, path.open("xb") as file:
        while written <= room and (chunk := packed.read(_CHUNK)):
            written += file.write(chunk)
    return written
