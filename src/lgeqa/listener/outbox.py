"""Results on their way: receipts of destinations, results that were given up, and records of what is finished."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from lgeqa.atomic_io import flush, write_whole
from lgeqa.formatting import utc_now
from lgeqa.listener.destination import Delivery
from lgeqa.listener.spool import Receipt, SeriesResult, Spool
from lgeqa.records import Record

State = Literal["waiting", "delivered", "failed"]
_HOUR: Final = 3600.0


class GivenUp(Record):
    """A result that a destination never took.

    Attributes:
        id: Name of the result.
        destination: Name of the destination.
        at: Time, ISO 8601 in UTC.
        attempts: Number of attempts.
        reason: Reason of the last failure.
        remedy: What to do.
    """

    id: str
    destination: str
    at: str
    attempts: int
    reason: str
    remedy: str = "See to the destination, and have it tried again by: lgeqa listen SETTINGS --retry"


class Outbox:
    """Results in a spool, and where they have to go."""

    def __init__(self, spool: Spool, destinations: tuple[str, ...]) -> None:
        """Take over the results in a spool.

        Args:
            spool: Spool of the listener.
            destinations: Names of the destinations.
        """
        self._spool, self._destinations = spool, destinations

    def results(self) -> list[str]:
        """Return the names of all results that are not finished, by age."""
        times: dict[str, int] = {}
        for path in self._spool.results.glob("*/result.json"):
            with suppress(FileNotFoundError):  # it was finished in the meantime
                times[path.parent.name] = path.stat().st_mtime_ns
        return sorted(times, key=lambda name: (times[name], name))

    def load(self, result_id: str) -> Delivery:
        """Return a result, ready to be sent."""
        folder = self._spool.results / result_id
        result = SeriesResult.model_validate_json((folder / "result.json").read_bytes())
        return Delivery(result, folder, tuple(self._spool.image_paths(result.version)))

    def state(self, result_id: str, destination: str) -> State:
        """Return how far a destination has a result."""
        if self._receipt_path(result_id, destination).exists():
            return "delivered"
        return "failed" if self._failed_path(result_id, destination).exists() else "waiting"

    def waiting(self, destination: str) -> list[str]:
        """Return the names of the results that a destination has to get, by age."""
        return [name for name in self.results() if self.state(name, destination) == "waiting"]

    def confirm(self, result_id: str, destination: str, taken: str) -> None:
        """Write the receipt of a destination.

        Raises:
            OutputError: It cannot be written.
        """
        path = self._receipt_path(result_id, destination)
        path.parent.mkdir(exist_ok=True)
        write_whole(path, Receipt(at=utc_now(), taken=taken).model_dump_json() + "\n")
        flush(path.parent)

    def give_up(self, result_id: str, destination: str, attempts: int, reason: str) -> None:
        """Put a result that a destination never took into `failed`.

        Raises:
            OutputError: It cannot be written.
        """
        given_up = GivenUp(id=result_id, destination=destination, at=utc_now(), attempts=attempts, reason=reason)
        write_whole(self._failed_path(result_id, destination), given_up.model_dump_json(indent=2) + "\n")

    def failures(self) -> list[GivenUp]:
        """Return the results that were given up."""
        return [GivenUp.model_validate_json(path.read_bytes()) for path in sorted(self._spool.failed.glob("*.json"))]

    def retry_failed(self) -> int:
        """Have every result in `failed` tried again, also by a listener that is running, and return their number."""
        paths = list(self._spool.failed.glob("*.json"))
        for path in paths:
            path.unlink()
        return len(paths)

    def clean(self, keep_hours: float, keep_other_hours: float) -> None:
        """Record what is finished, and delete results and images that have been kept long enough.

        A result that a destination has not taken stays, whether it was given up or not.

        Args:
            keep_hours: Hours that results and their images are kept after the last receipt.
            keep_other_hours: Hours that images are kept of series that the rules did not choose.

        Raises:
            OutputError: A record cannot be written. Nothing is deleted without one.
        """
        for result_id in self.results():
            is_done = all(self.state(result_id, name) == "delivered" for name in self._destinations)
            if is_done and _hours_since(self._spool.results / result_id, "result.json", "receipts") >= keep_hours:
                self._spool.retire(result_id, self._receipts(result_id))
        for key in self._spool.series_keys():
            self._spool.delete_images(key, keep_other_hours)

    def _receipts(self, result_id: str) -> dict[str, Receipt]:
        paths = sorted((self._spool.results / result_id / "receipts").glob("*.json"))
        return {path.stem: Receipt.model_validate_json(path.read_bytes()) for path in paths}

    def _receipt_path(self, result_id: str, destination: str) -> Path:
        return self._spool.results / result_id / "receipts" / f"{destination}.json"

    def _failed_path(self, result_id: str, destination: str) -> Path:
        return self._spool.failed / f"{result_id}.{destination}.json"


def _hours_since(folder: Path, *names: str) -> float:
    """Return how long ago the last one of some paths in a folder was written."""
    changed = [path.stat().st_mtime for name in names if (path := folder / name).exists()]
    return (time.time() - max(changed)) / _HOUR
