"""Inlets that pull series from an archive when they are complete there."""

import logging
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Final

from lgeqa.archive.client import Archive
from lgeqa.archive.orthanc import Orthanc
from lgeqa.archive.series import ArchivedSeries, SeriesFilter
from lgeqa.errors import ArchiveError
from lgeqa.listener.inlet_settings import DicomwebSettings, OrthancSettings
from lgeqa.listener.instance import series_key
from lgeqa.listener.intake import Intake
from lgeqa.listener.polling import PollingInlet, oldest_day, today

#: Attempts to pull a series of an archive that answers otherwise.
_ATTEMPTS: Final = 5
_logger = logging.getLogger("lgeqa.listener")


class _ArchiveInlet(PollingInlet):
    """Inlet from an archive. A series that cannot be pulled does not hold up the others forever."""

    def __init__(self, settings: OrthancSettings | DicomwebSettings, spool: Path) -> None:
        super().__init__(settings.name, spool, settings.every_seconds)
        self._archive = Archive(settings, pauses_s=())
        self._failures: Counter[str] = Counter()

    def pull(self, series: ArchivedSeries, intake: Intake, stop: Event) -> bool:
        """Hand over a series, and return whether nothing remains to be done about it.

        Raises:
            ArchiveError: The archive cannot send it now.
            SpoolFullError: The spool has no space.
        """
        key = series_key(series.study_uid, series.series_uid)
        refusals: Counter[str] = Counter()
        try:
            for image in self._archive.images(series):
                if stop.is_set():
                    return False
                if refusal := self.hand_over(intake, image.save_as):
                    refusals[refusal] += 1
        except ArchiveError as error:
            self._failures[key] += 1
            if self._failures[key] < _ATTEMPTS:
                raise
            _logger.error("%s: series %s is given up after %d attempts. %s", self.name, key, _ATTEMPTS, error)
        else:
            intake.declare_whole(series.study_uid, series.series_uid)
        del self._failures[key]
        for refusal, count in refusals.items():
            _logger.error("%s: %d images of series %s refused. %s", self.name, count, key, refusal)
        return True


class OrthancInlet(_ArchiveInlet):
    """Inlet that follows the events of Orthanc. Its state is the number of the last event that it has dealt with."""

    def __init__(self, settings: OrthancSettings, spool: Path) -> None:
        super().__init__(settings, spool)
        self._orthanc = Orthanc(settings)

    def look(self, intake: Intake, stop: Event) -> None:
        """Pull the MR series that have become stable since the last look.

        The first look takes none. If Orthanc has fewer events than before, its database is another one, and all is new.
        """
        last, done = self._orthanc.last_change(), self.load_state()
        if done is None or done > last:
            done = last if done is None else 0
            self.save_state(done)
        while changes := self._orthanc.changes(done):
            for change in changes:
                series = self._orthanc.find_mr_series(change.series_id) if change.series_id else None
                if series and not self.pull(series, intake, stop):
                    return
                if series:
                    self.save_state(change.number)
            done = changes[-1].number
            self.save_state(done)


class DicomwebInlet(_ArchiveInlet):
    """Inlet that searches an archive. Its state: the number of images of each series, and when it was listed."""

    def __init__(self, settings: DicomwebSettings, spool: Path) -> None:
        super().__init__(settings, spool)
        self._days = settings.days
        self._counts: dict[str, int | None] = {}

    def look(self, intake: Intake, stop: Event) -> None:
        """Pull the MR series of recent studies that are new or have more images, and as many as at the last look."""
        state = self.load_state() or {}
        before, self._counts = self._counts, {}
        first_day = datetime.now().astimezone() - timedelta(self._days)
        for series in list(self._archive.search(SeriesFilter(date=f"{first_day:%Y%m%d}-"))):
            key, count = series_key(series.study_uid, series.series_uid), series.n_images
            self._counts[key] = count
            is_done = key in state and state[key][0] == count
            if not is_done:
                if key not in before or before[key] != count:
                    continue
                if not self.pull(series, intake, stop):
                    return
            state[key] = count, today()
            if not is_done:
                self.save_state(state)
        self.save_state({key: entry for key, entry in state.items() if entry[1] >= oldest_day()})
