"""Growing pauses between attempts at something that another machine has to do."""

import random
from collections.abc import Callable, Container
from dataclasses import dataclass
from time import monotonic
from typing import Final

from lgeqa.listener.settings import RetrySettings

_HOUR: Final = 3600.0
#: Doublings after which a pause is the longest one in any case.
_MOST_DOUBLINGS: Final = 30


@dataclass(frozen=True)
class Failures:
    """Failed attempts at one thing.

    Attributes:
        first: Time of the first one by the monotonic clock.
        next: Time of the next attempt.
        number: Number of failed attempts.
    """

    first: float
    next: float
    number: int


class Backoff:
    """Times of the next attempts. Each pause is about twice the one before, with a random part."""

    def __init__(self, retry: RetrySettings, chance: random.Random, clock: Callable[[], float] = monotonic) -> None:
        """Begin with no failures.

        Args:
            retry: Pauses between attempts.
            chance: Generator of the random part, so that many attempts do not happen at the same time.
            clock: Monotonic clock in seconds.
        """
        self._retry, self._chance, self._clock = retry, chance, clock
        self._failures: dict[str, Failures] = {}

    def is_due(self, name: str) -> bool:
        """Return whether it is time for an attempt."""
        return name not in self._failures or self._clock() >= self._failures[name].next

    def fail(self, name: str) -> Failures:
        """Count a failed attempt, and return when the next one is due."""
        now = self._clock()
        before = self._failures.get(name, Failures(now, now, 0))
        doubled = self._retry.first_seconds * 2 ** min(before.number, _MOST_DOUBLINGS)
        pause = min(self._retry.longest_seconds, doubled) * self._chance.uniform(0.5, 1.0)
        failures = Failures(before.first, now + pause, before.number + 1)
        self._failures[name] = failures
        return failures

    def is_over(self, name: str) -> bool:
        """Return whether attempts have failed for as long as the settings allow."""
        failures, limit = self._failures.get(name), self._retry.give_up_hours
        return failures is not None and limit is not None and self._clock() - failures.first >= limit * _HOUR

    def pause(self, name: str) -> float:
        """Return the seconds until the next attempt."""
        return max(0.0, self._failures[name].next - self._clock()) if name in self._failures else 0.0

    def forget_all_but(self, names: Container[str]) -> None:
        """Forget what is done or was given up."""
        self._failures = {name: failures for name, failures in self._failures.items() if name in names}
