"""State that the routes share: the queue, its files, and the model."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi import Path as InPath

from lgeqa.batch import OutputFolder
from lgeqa.database import Sessions
from lgeqa.inference.bundle import Bundle
from lgeqa.web.agreement_jobs import AgreementJobs
from lgeqa.web.authorization import Principal
from lgeqa.web.metrics import Metrics
from lgeqa.web.queue import Queue
from lgeqa.web.settings import ServeSettings

#: Number of answers that are kept.
_MOST_ANSWERS: Final = 100


class ListAnswers:
    """Answers to requests for the list at its latest version, which many people ask for at once."""

    def __init__(self) -> None:
        self._version = ""
        self._answers: dict[str, str] = {}
        self._lock = Lock()

    def answer(self, version: str, query: str, look_up: Callable[[], str]) -> str:
        """Return the answer to a query, which is looked up unless it was for this version."""
        with self._lock:
            if version != self._version or len(self._answers) >= _MOST_ANSWERS:
                self._version, self._answers = version, {}
            if query not in self._answers:
                self._answers[query] = look_up()
            return self._answers[query]


@dataclass(frozen=True)
class AppState:
    """A home folder that is served.

    Attributes:
        settings: Settings of the server.
        sessions: Sessions of the database.
        queue: Queue of scans.
        out: Pictures and masks, by the numbers of the scans.
        uploads: Folder of complete uploads.
        incoming: Folder of uploads in progress. A killed server leaves incomplete uploads there, for which no sender
            got a response. They are deleted at the next start.
        bundle: Model that assesses the scans.
        link_key: Secret from which the links of readers follow: the token of the owner.
        agreements: Agreements of studies that are or were computed.
        metrics: Figures for Prometheus.
        list_answers: Answers to requests for the list.
    """

    settings: ServeSettings
    sessions: Sessions
    queue: Queue
    out: OutputFolder
    uploads: Path
    incoming: Path
    bundle: Bundle
    link_key: str = field(repr=False)
    agreements: AgreementJobs = field(default_factory=AgreementJobs)
    metrics: Metrics = field(default_factory=Metrics)
    list_answers: ListAnswers = field(default_factory=ListAnswers)

    def quota_of(self, person: Principal) -> int | None:
        """Return how many scans of a person may wait, or None for an owner, who has no limit."""
        return None if person.may("owner") else self.settings.quota


def served(request: Request) -> AppState:
    """Return the state that the application serves."""
    state: AppState = request.app.state.served
    return state


AppStateDep = Annotated[AppState, Depends(served)]
#: Number of a study, a reader or a scan. Larger ones do not fit the database.
Number = Annotated[int, InPath(ge=0, lt=2**31)]
