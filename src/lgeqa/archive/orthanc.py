"""What the archive Orthanc says, beyond DICOMweb, about series that have become stable."""

from dataclasses import dataclass
from typing import Any, Final

from lgeqa.archive.http_session import Session, explaining
from lgeqa.archive.series import ArchivedSeries
from lgeqa.archive.settings import ArchiveSettings

_PAGE: Final = 100


@dataclass(frozen=True)
class Change:
    """An event in the archive.

    Attributes:
        number: Number of the event, which rises.
        series_id: Orthanc's identifier of a series that has become stable, or None for any other event.
    """

    number: int
    series_id: str | None


class Orthanc:
    """Orthanc's own interface, whose root is one level above that of its DICOMweb services."""

    def __init__(self, settings: ArchiveSettings) -> None:
        self._settings = settings
        self._session = Session(settings)
        self._root = settings.url.rsplit("/", 1)[0]

    def last_change(self) -> int:
        """Return the number of the latest event.

        Raises:
            ArchiveError: Orthanc refuses, cannot be reached, or it is another archive.
        """
        with explaining(self._settings):
            return int(self._get("/changes", last="")["Last"])

    def changes(self, since: int) -> list[Change]:
        """Return the next events after the one with a number, at most 100, or none if there are no more.

        Raises:
            ArchiveError: Orthanc refuses, cannot be reached, or it is another archive.
        """
        with explaining(self._settings):
            answer = self._get("/changes", since=str(since), limit=str(_PAGE))
            return [
                Change(int(change["Seq"]), str(change["ID"]) if change["ChangeType"] == "StableSeries" else None)
                for change in answer["Changes"]
            ]

    def find_mr_series(self, series_id: str) -> ArchivedSeries | None:
        """Return a series by Orthanc's identifier, or None if it is of another modality or was deleted.

        Raises:
            ArchiveError: Orthanc refuses, cannot be reached, or it is another archive.
        """
        with explaining(self._settings):
            series = self._get(f"/series/{series_id}")
            study = series and self._get(f"/studies/{series['ParentStudy']}")
            if not study or series["MainDicomTags"].get("Modality") != "MR":
                return None
            study_uid = study["MainDicomTags"]["StudyInstanceUID"]
            return ArchivedSeries(
                study_uid, series["MainDicomTags"]["SeriesInstanceUID"], n_images=len(series["Instances"])
            )

    def _get(self, path: str, **query: str) -> Any:
        """Return the JSON answer to a request, or None if there is no such thing."""
        answer = self._session.get(f"{self._root}{path}", params=query, timeout=self._settings.timeout)
        if answer.status_code == 404 and path != "/changes":
            return None
        answer.raise_for_status()
        return answer.json()
