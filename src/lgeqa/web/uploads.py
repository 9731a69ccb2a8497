"""Uploads to the server: written to disk as they arrive, and checked before they are kept."""

import os
import shutil
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from lgeqa.errors import UploadError
from lgeqa.io import Source
from lgeqa.io.formatting import printable_path
from lgeqa.web.archives import Intake
from lgeqa.web.isolated_reading import look_through

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

#: Name of the folder with the files of an upload, inside the upload's own. It names a scan that has no other name.
FILES = "data"
#: Maximum length of the header of a part, in bytes.
_HEADER_BYTES = 16_384


def new_folder(uploads: Path) -> Path:
    """Create and return a new folder below `uploads`, with a random name."""
    folder = uploads / token_hex(8)
    folder.mkdir(parents=True)
    return folder


def unknown_in(uploads: Path, known: Iterable[str]) -> list[Path]:
    """Return the entries of the folder of uploads whose names are not in `known`."""
    paths = {path.name: path for path in uploads.iterdir()} if uploads.is_dir() else {}
    return [paths[name] for name in sorted(set(paths).difference(known))]


def set_aside(unknown: Iterable[Path], folder: Path) -> Path:
    """Move files and folders into a new folder below `folder`, and return the new folder. Nothing is deleted.

    Raises:
        OSError: The files and folders cannot be moved.
    """
    place = folder / datetime.now(UTC).strftime("%Y-%m-%dT%H%M%S.%fZ")
    place.mkdir(parents=True)
    for path in unknown:
        shutil.move(path, place / path.name)
    return place


async def receive(body: AsyncIterator[bytes], content_type: str, intake: Intake) -> None:
    """Write the files of a `multipart/form-data` body to the paths that `intake` assigns, under sanitised names.

    Raises:
        UploadError: The body is of another kind or damaged, ends too early or has no file, or a name leads out of the
            folder.
        TooLargeError: The body has more files than the settings allow.
    """
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or b"boundary" not in options:
        raise UploadError(f"{content_type!r:.80}: is no upload. Send files as multipart/form-data.")
    form = _Form(intake)
    try:
        parser = MultipartParser(options[b"boundary"], form.callbacks, max_header_size=_HEADER_BYTES)
        async for chunk in body:
            parser.write(chunk)
    except FormParserError:
        raise UploadError("The upload is damaged. Send it again.") from None
    except ClientDisconnect:
        raise UploadError("The upload was broken off. Send it again.") from None
    except OSError as error:
        raise UploadError(
            f"The upload cannot be written ({(error.strerror or 'unknown').lower()}). Make room."
        ) from None
    finally:
        form.close()
    if not form.ended:
        raise UploadError("The upload ended too early. Send it again.")
    if not intake.files:
        raise UploadError("The upload holds no file. Choose scans to send.")


def sources_in(folder: Path, timeout: float) -> tuple[list[Source], list[str]]:
    """Find the scans of an upload whose archives were unpacked.

    Args:
        folder: Folder of the upload's files.
        timeout: Maximum time for one scan in seconds.

    Returns:
        The scans, and the reason for each unusable path, without the location of the folder.

    Raises:
        UploadError: The upload contains no scan. The message gives the first reasons.
    """
    sources = look_through(folder, timeout)
    scans = [source for source in sources if source.kind != "unusable"]
    reasons = [without_folder(source.fault, folder) for source in sources if source.fault]
    if not scans:
        raise UploadError(" ".join(reasons[:3]))
    return scans, reasons


def without_folder(text: str, folder: Path) -> str:
    """Return a message about a scan with paths as the sender of the upload knows them, below its folder."""
    place = printable_path(folder)
    return text.replace(f"{place}{os.sep}", "").replace(place, "The upload")


class _Form:
    """A multipart body whose files are written while it is parsed.

    Attributes:
        ended: Whether the body is complete.
        callbacks: Functions that the parser calls.
    """

    def __init__(self, intake: Intake) -> None:
        self.ended = False
        self._intake = intake
        self._file: BinaryIO | None = None
        self._header = self._value = b""
        self._disposition = b""
        self.callbacks: MultipartCallbacks = {
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_data": self._on_part_data,
            "on_part_end": self.close,
            "on_end": self._on_end,
        }

    def close(self) -> None:
        """Close the file that is being written."""
        if self._file:
            self._file.close()
        self._file = None

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._disposition = b""
        if name := options.get(b"filename"):
            self._file = self._intake.place(name.decode("utf-8", errors="replace")).open("xb")

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._file:
            self._file.write(data[start:end])

    def _on_end(self) -> None:
        self.ended = True
