"""Agreements computed in the background, so that a page can show progress and a file need not wait again."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock, Thread

from lgeqa.agreement.record import Agreement

#: Function that computes an agreement, and reports the share of the work that is done.
Compute = Callable[[Callable[[float], None]], Agreement]


@dataclass
class AgreementJob:
    """One computation.

    Attributes:
        key: Everything that the agreement depends on. It is computed again if this changes.
        share: Share of the work that is done, 0 to 1.
        result: The agreement, or the error.
    """

    key: object
    share: float = 0.0
    result: Future[Agreement] = field(default_factory=Future)

    def run(self, compute: Compute) -> None:
        """Compute the agreement."""
        try:
            self.result.set_result(compute(self._report))
        except Exception as error:  # noqa: BLE001 - whoever waits for the result raises it
            self.result.set_exception(error)

    def _report(self, share: float) -> None:
        self.share = share


class AgreementJobs:
    """The last computation of each study."""

    def __init__(self) -> None:
        self._jobs: dict[int, AgreementJob] = {}
        self._lock = Lock()

    def job(self, study_id: int, key: object, compute: Compute) -> AgreementJob:
        """Return the computation of a study, which is started if there is none yet, or if it failed."""
        with self._lock:
            job = self._jobs.get(study_id)
            if job is None or job.key != key or (job.result.done() and job.result.exception()):
                job = self._jobs[study_id] = AgreementJob(key)
                # A daemon, so that a server can be stopped meanwhile.
                Thread(target=job.run, args=(compute,), daemon=True).start()
            return job
