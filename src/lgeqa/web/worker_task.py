"""Work of the other process. This module loads no web packages."""

from dataclasses import dataclass

from lgeqa.batch import Outcome, ScanAssessor
from lgeqa.errors import ReadError
from lgeqa.io import Source
from lgeqa.io.series_header import SeriesHeader


@dataclass(frozen=True)
class ScanOutcome(Outcome):
    """The outcome of one scan in the application.

    Attributes:
        header: Values of the DICOM header. None for a volume, and where the user does not allow it.
    """

    header: SeriesHeader | None = None


@dataclass(frozen=True)
class Work:
    """The work of the other process: assessing a scan, or preparing for it.

    Attributes:
        attempt: Function that assesses a scan.
        headers: Whether the user allows that values of the DICOM header are kept.
    """

    attempt: ScanAssessor
    headers: bool = False

    def __call__(self, source: Source | None) -> ScanOutcome | None:
        """Assess `source`, or only open the bundle if it is None."""
        if source is None:
            self.attempt.make_ready()
            return None
        outcome = self.attempt(source)
        header = _header_of(source) if self.headers and source.kind == "dicom" else None
        return ScanOutcome(outcome.result, outcome.trace, outcome.of_the_machine, header)


def _header_of(source: Source) -> SeriesHeader | None:
    from lgeqa.io.acquisition import read_series_header  # pydicom is slow to import and not needed for volumes

    try:
        return read_series_header(source.files[0])
    except (ReadError, OSError):
        return None
