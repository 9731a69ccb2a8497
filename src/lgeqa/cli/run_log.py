"""Log of a run in a file. It holds no names, paths or messages, since these may name people."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lgeqa.atomic_io import not_written
from lgeqa.batch import BatchItem
from lgeqa.records import ScanResult
from lgeqa.versions import versions

#: Characters of the hash of a scan's files, by which its row in `results.csv` is found.
_HASH = 12


class RunLog:
    """Log file of a run, to which lines with the time in UTC are added.

    Args:
        path: Path of the file. None to write nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def start(self, command: str, settings: dict[str, Any]) -> None:
        """Add the command, the versions and the settings, which must not hold paths.

        Raises:
            OutputError: The file cannot be written.
        """
        self._add(f"{command}, {_pairs(versions())}")
        self._add(f"settings {_pairs(settings)}")

    def follow(self, run: Iterable[BatchItem], total: int) -> Iterator[BatchItem]:
        """Yield the scans of a run, and add a line for each when it is finished."""
        self._add(f"{total} scans")
        for number, item in enumerate(run, start=1):
            if self._path:
                self._add(f"{number}/{total} {'kept ' if item.kept else ''}{_facts(item.result)}")
            yield item

    def end(self, exit_code: int) -> None:
        """Add the exit code of the command."""
        self._add(f"exit code {exit_code}")

    def _add(self, text: str) -> None:
        if self._path is None:
            return
        try:
            with self._path.open("a", encoding="utf-8") as log:
                log.write(f"{datetime.now(UTC).isoformat(timespec='seconds')} {text}\n")
        except OSError as error:
            raise not_written(self._path, error) from None


def _facts(result: ScanResult) -> str:
    """Return the outcome of a scan without its name and without text that may hold it."""
    facts = {
        "file": result.input_sha256[:_HASH],
        "bundle": result.bundle.sha256[:_HASH] if result.bundle else "",
        "findings": ",".join(finding.check for finding in result.findings),
        "seconds": f"{sum(result.seconds.values()):.2f}" if result.seconds else "",
    }
    return f"{result.verdict or result.status} {_pairs({name: fact for name, fact in facts.items() if fact})}".rstrip()


def _pairs(values: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in values.items())
