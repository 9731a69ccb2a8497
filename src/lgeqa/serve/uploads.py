"""Files that are sent to the server: written to disk as they come, and looked at before they are kept."""

import shutil
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from lgeqa.errors import TooLargeError, UploadError
from lgeqa.read import Source, discover
from lgeqa.serve.archives import place_below, unpack
from lgeqa.serve.settings import MEGABYTE, ServeSettings

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

#: Name of the folder in that of an upload which its files lie in; a scan that has no other name is called so.
FILES = "data"
#: Longest header of a part, in bytes.
_HEADER_BYTES = 16_384


def new_folder(uploads: Path) -> Path:
    """A new folder below `uploads`, with a name that tells nothing."""
    folder = uploads / token_hex(8)
    folder.mkdir(parents=True)
    return folder


def clear_away(uploads: Path, kept: Iterable[str]) -> None:
    """Remove the folders of uploads that no scan lies in: of those that a killed server did not see to their end."""
    with suppress(FileNotFoundError):
        for folder in {path.name for path in uploads.iterdir()}.difference(kept):
            shutil.rmtree(uploads / folder)


async def receive(body: AsyncIterator[bytes], content_type: str, folder: Path, settings: ServeSettings) -> None:
    """Write the files of a `multipart/form-data` body below `folder`, under sanitised names.

    Raises:
        UploadError: the body is of another kind or damaged, ends too early, holds no file, or a name leads out.
        TooLargeError: it has more bytes than the settings allow.
    """
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or b"boundary" not in options:
        raise UploadError(f"{content_type!r:.80}: is no upload. Send files as multipart/form-data.")
    form = _Form(folder)
    try:
        parser = MultipartParser(options[b"boundary"], form.callbacks, max_header_size=_HEADER_BYTES)
        received = 0
        async for chunk in body:
            received += len(chunk)
            if received > settings.upload_mb * MEGABYTE:
                raise too_large(settings)
            parser.write(chunk)
    except FormParserError:
        raise UploadError("The upload is damaged. Send it again.") from None
    except ClientDisconnect:
        raise UploadError("The upload was broken off. Send it again.") from None
    except OSError as fault:
        raise UploadError(
            f"The upload cannot be written ({(fault.strerror or 'unknown').lower()}). Make room."
        ) from None
    finally:
        form.close()
    if not form.ended:
        raise UploadError("The upload ended too early. Send it again.")
    if not form.files:
        raise UploadError("The upload holds no file. Choose scans to send.")


def sources_in(folder: Path, settings: ServeSettings) -> tuple[list[Source], list[str]]:
    """Unpack what is packed in an upload's folder, and find the scans.

    Returns:
        The scans, and for each thing that is none the reason, without the place of the folder.

    Raises:
        UploadError: as `unpack`; or there is no scan in it, and the message tells the first reasons.
    """
    for archive in sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".zip" and path.is_file()):
        unpack(archive, settings)
    found = discover([folder])
    scans = [source for source in found if source.kind != "unusable"]
    faults = [
        source.fault.replace(f"{folder}/", "").replace(str(folder), "The upload") for source in found if source.fault
    ]
    if not scans:
        raise UploadError(" ".join(faults[:3]))
    return scans, faults


def too_large(settings: ServeSettings) -> TooLargeError:
    """What to say of an upload with too many bytes."""
    return TooLargeError(
        f"The upload has more than {settings.upload_mb} MB. Send fewer scans at a time, or open their folder instead."
    )


class _Form:
    """Writes the files of a multipart body while it is parsed.

    Attributes:
        files: how many there were.
        ended: whether the body came to its end.
    """

    def __init__(self, folder: Path) -> None:
        self.files, self.ended = 0, False
        self._folder = folder
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
            self._file = place_below(self._folder, name.decode("utf-8", errors="replace")).open("xb")
            self.files += 1

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._file:
            self._file.write(data[start:end])

    def _on_end(self) -> None:
        self.ended = True
