"""Work of the other process. This module loads no web packages."""

from dataclasses import dataclass

from lgeqa.batch import Outcome, ScanAssessor
from lgeqa.io import Source


@dataclass(frozen=True)
class Work:
    """The work of the other process: assessing a scan, or preparing for it.

    Attributes:
        attempt: Function that assesses a scan.
    """

    attempt: ScanAssessor

    def __call__(self, source: Source | None) -> Outcome | None:
        """Assess `source`, or only open the bundle if it is None."""
        if source is None:
            self.attempt.make_ready()
            return None
        return self.attempt(source)
