"""De-identification of a run: pseudonyms of its scans, records without names, and the folder that keeps both."""

import csv
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from lgeqa.atomic_io import claimed, not_written, write_through
from lgeqa.errors import UsageError
from lgeqa.records import ScanResult
from lgeqa.secret_key import SecretKey
from lgeqa.table_text import BOM, csv_text

if TYPE_CHECKING:
    from lgeqa.io import Source

#: Random bytes of a key.
_KEY_BYTES: Final = 32
_COLUMNS: Final = ("scan", "source", "series")
#: Pseudonyms of scans, which are all names in a folder of de-identified results.
_PSEUDONYM: Final = re.compile(r"scan-[0-9a-f]{12}")


def is_pseudonym(scan_id: str) -> bool:
    """Return whether a scan name is a pseudonym of this module."""
    return bool(_PSEUDONYM.fullmatch(scan_id))


@dataclass(frozen=True)
class Deidentifier:
    """Secret key and names of scans, in a folder that only their owner needs.

    `key` holds the key, `names.csv` says which scan a pseudonym stands for, and `messages.log` holds the messages that
    may name a file or quote a header.

    Attributes:
        folder: Folder of these files.
        key: Secret key.
    """

    folder: Path
    key: SecretKey

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a folder, which is created with a random key if needed.

        Raises:
            UsageError: The file with the key is damaged.
            OutputError: The folder cannot be written.
        """
        path = folder / "key"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not path.exists():
                write_through(path, lambda draft: _write_private(draft, f"{secrets.token_hex(_KEY_BYTES)}\n"))
            return cls(folder, SecretKey(_parse_key(path)))
        except OSError as error:
            raise not_written(folder, error) from None

    def rename(self, sources: Iterable["Source"]) -> list["Source"]:
        """Return sources with pseudonyms, and add what these stand for to `names.csv`.

        A pseudonym follows from the key, the path and the name that the scan would have in other results.

        Raises:
            OutputError: The file cannot be written.
        """
        from lgeqa.io.formatting import printable_path

        renamed = []
        rows: dict[str, Sequence[str]] = {}
        for source in sources:
            location = printable_path(source.location)
            pseudonym = self.key.pseudonym("scan", location, source.scan_id)
            renamed.append(replace(source, scan_id=pseudonym))
            rows[pseudonym] = (location, source.series)
        with claimed(self.folder):
            path = self.folder / "names.csv"
            rows = _read_names(path) | rows
            text = BOM + csv_text(_COLUMNS, ((scan, *names) for scan, names in rows.items()))
            write_through(path, lambda draft: _write_private(draft, text))
        return renamed

    def record(self, result: ScanResult) -> ScanResult:
        """Return a record without path, series, time and the hash by which the files could be recognised."""
        hashes = self.keyed({"input_sha256": result.input_sha256, "mask_sha256": result.mask_sha256})
        return result.model_copy(update={"source": "", "series": "", "finished_at": ""} | hashes)

    def keyed(self, hashes: Mapping[str, str]) -> dict[str, str]:
        """Return what a record holds in place of hashes of files, by name of its fields."""
        return {name: value and self.key.digest(name.removesuffix("_sha256"), value) for name, value in hashes.items()}

    def withhold(self, scan_id: str, message: str) -> str:
        """Add a message to `messages.log`, and return one that says so.

        Raises:
            OutputError: The file cannot be written.
        """
        path = self.folder / "messages.log"
        try:
            path.touch(mode=0o600)
            with path.open("a", encoding="utf-8") as log:
                log.write(f"{datetime.now(UTC).isoformat(timespec='seconds')} {scan_id}: {message}\n")
        except OSError as error:
            raise not_written(path, error) from None
        return f"The reason may name the scan, so it is in {path.name}, beside the key of the de-identification."


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read.

    Raises:
        OSError: The file cannot be written.
    """
    path.unlink(missing_ok=True)  # a killed run may have left one
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8", newline="")


def _parse_key(path: Path) -> bytes:
    """Return the key in a file.

    Raises:
        UsageError: The file holds no key.
        OSError: The file cannot be read.
    """
    text = path.read_bytes().strip()
    if not re.fullmatch(rb"[0-9a-f]{%d}" % (2 * _KEY_BYTES), text):
        raise UsageError(
            f"{path}: is no key of lgeqa, which is {2 * _KEY_BYTES} hexadecimal digits. Restore it from a backup, or "
            "name another folder with --secrets; another key gives other pseudonyms."
        )
    return bytes.fromhex(text.decode())


def _read_names(path: Path) -> dict[str, Sequence[str]]:
    """Return the rows of `names.csv` by pseudonym, or nothing if there is no such file."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {scan: names for scan, *names in list(csv.reader(file))[1:]}
