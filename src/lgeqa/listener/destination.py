"""What a destination of results is."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from lgeqa.batch import DICOM_NAMES
from lgeqa.listener.spool import SeriesResult


@dataclass(frozen=True)
class Delivery:
    """The result of one version of a series, ready to be sent.

    Attributes:
        result: What became of the version.
        folder: Folder of the results: a record of each scan in `scans/NAME.json`, DICOM objects in `dicom/NAME/`.
        images: Paths of the images that were assessed.
    """

    result: SeriesResult
    folder: Path
    images: tuple[Path, ...]

    @property
    def id(self) -> str:
        """Name of the version, the same at each attempt, by which a receiver knows a repetition."""
        return self.result.version.id

    def objects(self, kinds: Collection[str]) -> list[Path]:
        """Return the paths of some kinds of DICOM objects of all scans, in the order in which they are to be sent.

        Args:
            kinds: Names of the files without suffix, such as `sr`.
        """
        names = [name for name in DICOM_NAMES if Path(name).stem in kinds]
        paths = (self.folder / "dicom" / scan / name for scan in self.result.scans for name in names)
        return [path for path in paths if path.exists()]

    def message(self) -> dict[str, Any]:
        """Return the result as plain Python values for JSON, with the record of each scan."""
        import json

        scans = [json.loads((self.folder / "scans" / f"{scan}.json").read_bytes()) for scan in self.result.scans]
        return {
            "id": self.id,
            "series": self.result.version.key,
            "version": self.result.version.number,
            "images": len(self.result.version.images),
            "expected_images": self.result.version.expected,
            "origins": list(self.result.version.origins),
            "chosen_by": self.result.reason,
            "finished_at": self.result.finished_at,
            "scans": scans,
        }


class Destination(Protocol):
    """Receiver of results. The listener has one thread for each."""

    @property
    def name(self) -> str:
        """Name in the settings, unique, made of letters, digits, `_` and `-`. Receipts are kept under it."""

    def deliver(self, delivery: Delivery) -> str:
        """Send a result and return what the receiver took, in a few words for the receipt.

        A result is sent again after a failure, so the receiver must be able to know a repetition by its UIDs or `id`.

        Raises:
            DeliveryError: The receiver did not take all of it. The message names the receiver, the reason and the
                remedy, and no identifier of a patient.
        """
