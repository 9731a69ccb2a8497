"""Inlets that look for new images again and again."""

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any, Final

from lgeqa.atomic_io import telling, write_whole
from lgeqa.errors import LgeqaError, system_reason
from lgeqa.listener.errors import RefusedInstanceError, SpoolFullError
from lgeqa.listener.intake import Intake

#: Longest pause in seconds after failures in a row.
_LONGEST_PAUSE_S: Final = 300.0
#: Days for which something that is no longer in the source is remembered, for instance while a disk is not mounted.
_REMEMBERED_DAYS: Final = 30
_logger = logging.getLogger("lgeqa.listener")


class PollingInlet(ABC):
    """Inlet that looks for new images after a pause, which grows while the source or the spool fails.

    Attributes:
        name: Name in the settings.
        state_path: JSON file below the spool in which the inlet keeps what it has dealt with.
    """

    def __init__(self, name: str, spool: Path, every_seconds: float) -> None:
        self.name = name
        self.state_path = spool / "inlets" / f"{name}.json"
        self._every_seconds = every_seconds

    def run(self, intake: Intake, stop: Event) -> None:
        """Hand over new images until `stop` is set."""
        pause_s = self._every_seconds
        while not stop.is_set():
            try:
                self.look(intake, stop)
                pause_s = self._every_seconds
            except (LgeqaError, OSError) as error:
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                reason = error if isinstance(error, LgeqaError) else f"The files fail: {system_reason(error)}."
                _logger.warning("%s: looks again in %.0f s. %s", self.name, pause_s, reason)
            stop.wait(pause_s)

    @abstractmethod
    def look(self, intake: Intake, stop: Event) -> None:
        """Hand over what is new, and return early if `stop` is set.

        Raises:
            LgeqaError: The archive, the spool or what was seen cannot be used now.
            OSError: The files of a folder or of the spool cannot be used now.
        """

    def load_state(self) -> Any:
        """Return the state that was saved last, or None."""
        return json.loads(self.state_path.read_bytes()) if self.state_path.exists() else None

    def save_state(self, state: Any) -> None:
        """Save the state.

        Raises:
            OutputError: It cannot be written.
        """
        with telling(self.state_path):
            self.state_path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self.state_path, json.dumps(state, indent=1) + "\n")

    def hand_over(self, intake: Intake, write: Callable[[Path], object]) -> str:
        """Have an image written into the spool, and return why it is refused, or an empty text if it is not.

        Raises:
            SpoolFullError: The spool has no space.
            OSError: The image cannot be written.
        """
        draft = intake.new_draft()
        try:
            write(draft)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        try:
            intake.accept(draft, self.name)
        except SpoolFullError:
            raise
        except RefusedInstanceError as error:
            return str(error)
        return ""


def today() -> str:
    """Return the day, ISO 8601."""
    return f"{datetime.now().astimezone():%Y-%m-%d}"


def oldest_day() -> str:
    """Return the first day of which something is remembered, ISO 8601."""
    return f"{datetime.now().astimezone() - timedelta(_REMEMBERED_DAYS):%Y-%m-%d}"
