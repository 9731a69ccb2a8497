"""What is done in the other process. It loads none of the packages of the web."""

from dataclasses import dataclass

from lgeqa.batch import Attempt, Outcome
from lgeqa.read import Source


@dataclass(frozen=True)
class Work:
    """What the other process does: assess a scan, or make ready to."""

    attempt: Attempt

    def __call__(self, source: Source | None) -> Outcome | None:
        """Assess `source`; None for no scan, to open the bundle."""
        if source is None:
            self.attempt.make_ready()
            return None
        return self.attempt(source)
