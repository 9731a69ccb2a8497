"""Delivery of results to one destination, which is tried again after growing pauses."""

import logging
from threading import Event
from typing import Final

from lgeqa.listener.backoff import Backoff
from lgeqa.listener.destination import Destination
from lgeqa.listener.errors import DeliveryError
from lgeqa.listener.outbox import Outbox

#: Seconds between two looks at the results.
_LOOK_EVERY: Final = 1.0
_logger = logging.getLogger("lgeqa.listener")


class Delivering:
    """Deliverer of all results to one destination, whose failures concern no other destination."""

    def __init__(self, destination: Destination, outbox: Outbox, backoff: Backoff) -> None:
        self._destination, self._outbox, self._backoff = destination, outbox, backoff
        #: Set when there may be a new result.
        self.changed = Event()

    def run(self, stop: Event) -> None:
        """Deliver results until `stop` is set.

        Raises:
            OutputError: A receipt cannot be written.
        """
        while not stop.is_set():
            self.changed.clear()
            self.deliver_due(stop)
            self.changed.wait(_LOOK_EVERY)

    def deliver_due(self, stop: Event) -> None:
        """Try every result whose pause is over once.

        Raises:
            OutputError: A receipt cannot be written.
        """
        waiting = self._outbox.waiting(self._destination.name)
        self._backoff.forget_all_but(waiting)
        for result_id in waiting:
            if not stop.is_set() and self._backoff.is_due(result_id):
                self._try(result_id)

    def _try(self, result_id: str) -> None:
        name = self._destination.name
        try:
            taken = self._destination.deliver(self._outbox.load(result_id))
        except DeliveryError as error:
            failures = self._backoff.fail(result_id)
            if self._backoff.is_over(result_id):
                self._outbox.give_up(result_id, name, failures.number, str(error))
                _logger.error("%s: given up after %d attempts. %s", result_id, failures.number, error)
            else:
                pause = self._backoff.pause(result_id)
                _logger.warning("%s: attempt %d failed, next in %.0f s. %s", result_id, failures.number, pause, error)
        else:
            self._outbox.confirm(result_id, name, taken)
            _logger.info("%s: delivered to %s (%s)", result_id, name, taken)
