"""Zip archives from outside, unpacked with suspicion: what an archive says of itself is checked and not believed."""

import re
import stat
from pathlib import Path
from zipfile import BadZipFile, ZipFile, ZipInfo

from lgeqa.errors import TooLargeError, UploadError
from lgeqa.read.names import sanitised
from lgeqa.read.words import shown
from lgeqa.serve.settings import MEGABYTE, ServeSettings

_CHUNK = 1 << 20
_DRIVE = re.compile(r"[A-Za-z]:[/\\]")


def place_below(folder: Path, name: str) -> Path:
    """A free path below `folder` for a file that its sender calls `name`, with folders in it; those are made.

    Raises:
        UploadError: the name is empty, absolute or climbs out of the folder.
    """
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    if not parts or ".." in parts or name[0] in "/\\" or _DRIVE.match(name):
        raise UploadError(
            f"{shown(Path(name))!r}: is a path that leads out of its folder. Nothing was unpacked; pack it again."
        )
    path = folder.joinpath(*map(sanitised, parts))
    path.parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while path.exists():
        number += 1
        path = path.with_name(f"{number}_{sanitised(parts[-1])}")
    return path


def unpack(archive: Path, settings: ServeSettings) -> None:
    """Unpack a zip archive into a folder of its name beside it, and remove the archive.

    Raises:
        UploadError: it is damaged or encrypted, or holds links or paths that lead out.
        TooLargeError: it holds more files or bytes than the settings allow, whatever it says.
    """
    where = shown(Path(archive.name))
    folder = place_below(archive.parent, archive.stem)
    try:
        with ZipFile(archive) as opened:
            members = [member for member in opened.infolist() if not member.is_dir()]
            _check(members, where, settings)
            room = settings.unpacked_mb * MEGABYTE
            for member in members:
                room -= _write(opened, member, place_below(folder, member.filename), room)
                if room < 0:
                    raise _too_large(where, settings)
    except (BadZipFile, EOFError):
        raise UploadError(f"{where}: is a damaged zip archive, or none. Copy or pack it again.") from None
    except (NotImplementedError, RuntimeError):
        raise UploadError(
            f"{where}: is encrypted, or packed in a way that is not supported. Pack it again as a plain zip."
        ) from None
    except OSError as fault:
        raise UploadError(f"{where}: cannot be unpacked ({(fault.strerror or 'unknown fault').lower()}).") from None
    archive.unlink()


def _check(members: list[ZipInfo], where: str, settings: ServeSettings) -> None:
    if len(members) > settings.archive_files:
        raise TooLargeError(f"{where}: holds {len(members)} files; up to {settings.archive_files} are taken.")
    if sum(member.file_size for member in members) > settings.unpacked_mb * MEGABYTE:
        raise _too_large(where, settings)
    for member in members:
        if stat.S_ISLNK(member.external_attr >> 16):
            raise UploadError(f"{where}: holds a link, {shown(Path(member.filename))!r}. Pack the files themselves.")


def _write(opened: ZipFile, member: ZipInfo, path: Path, room: int) -> int:
    """Write one file and give its bytes; stops as soon as they are more than `room`."""
    written = 0
    with opened.open(member) as packed, path.open("xb") as file:
        while written <= room and (chunk := packed.read(_CHUNK)):
            written += file.write(chunk)
    return written


def _too_large(where: str, settings: ServeSettings) -> TooLargeError:
    return TooLargeError(f"{where}: is more than {settings.unpacked_mb} MB when it is unpacked. Pack fewer scans.")
