"""Attempts, pauses, receipts and results that are given up."""

import json
import random
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from threading import Event

import pytest

from lgeqa.listener.backoff import Backoff
from lgeqa.listener.delivery import Delivering
from lgeqa.listener.destination import Delivery
from lgeqa.listener.errors import DeliveryError
from lgeqa.listener.outbox import Outbox
from lgeqa.listener.settings import RetrySettings
from lgeqa.listener.spool import SeriesResult, Spool
from tests.factories.listener import draft_of, small_series


@dataclass
class FakeDestination:
    """A destination that fails as long as a test wants.

    Attributes:
        name: Name of the destination.
        is_dead: Whether it fails.
        taken: Names of the results that it took.
    """

    name: str
    is_dead: bool = False
    taken: list[str] = field(default_factory=list)
    n_attempts: int = 0

    def deliver(self, delivery: Delivery) -> str:
        self.n_attempts += 1
        if self.is_dead:
            raise DeliveryError("The node PACS cannot be reached. Check its host.")
        self.taken.append(delivery.id)
        return "3 objects"


class World:
    """A spool with finished results, two destinations, and a clock that a test sets."""

    def __init__(self, folder: Path, **retry: float | None) -> None:
        self.spool = Spool(folder / "spool", 100, 10)
        self.spool.prepare()
        self.folder, self.seconds = folder, 0.0
        self.dead, self.alive = FakeDestination("dead", is_dead=True), FakeDestination("alive")
        self.retry = RetrySettings.of(retry)
        self.restart()

    def restart(self) -> None:
        self.outbox = Outbox(self.spool, ("dead", "alive"))
        self.deliveries = [self._delivering(self.dead), self._delivering(self.alive)]

    def _delivering(self, destination: FakeDestination) -> Delivering:
        backoff = Backoff(self.retry, random.Random(1), lambda: self.seconds)
        return Delivering(destination, self.outbox, backoff)

    def add_result(self, seed: int = 1) -> str:
        images = small_series(self.folder / f"images{seed}", seed, n=1)
        arrival = self.spool.accept(draft_of(images[0], self.spool.new_draft()), "MR1")
        version = self.spool.close(arrival.header.series_key, None, ())
        assert version
        version = self.spool.begin(version)
        self.spool.finish(SeriesResult(version=version, outcome="assessed", reason="test", finished_at="2026-01-01"))
        return version.id

    def deliver(self, seconds: float = 0.0) -> None:
        self.seconds += seconds
        for delivering in self.deliveries:
            delivering.deliver_due(Event())


def test_dead_destination_blocks_no_other(tmp_path: Path) -> None:
    world = World(tmp_path)
    first, second = world.add_result(1), world.add_result(2)
    world.deliver()
    assert world.alive.taken == [first, second]
    assert world.outbox.waiting("dead") == [first, second]
    world.dead.is_dead = False
    world.deliver(3)
    assert world.dead.taken == [first, second]


def test_result_is_delivered_once_also_after_a_restart(tmp_path: Path) -> None:
    world = World(tmp_path)
    name = world.add_result()
    world.deliver()
    world.deliver(1000)
    world.restart()
    world.deliver(1000)
    assert world.alive.taken == [name]
    receipt = json.loads((world.spool.results / name / "receipts" / "alive.json").read_text())
    assert receipt["taken"] == "3 objects"


def test_pauses_grow_up_to_a_limit(tmp_path: Path) -> None:
    world = World(tmp_path, first_seconds=2, longest_seconds=60)
    world.add_result()
    attempts = []
    for _ in range(2000):
        before = world.dead.n_attempts
        world.deliver(0.25)
        if world.dead.n_attempts > before:
            attempts.append(world.seconds)
    pauses = [later - earlier for earlier, later in pairwise(attempts)]
    for number, pause in enumerate(pauses):
        longest = min(60, 2 * 2**number)
        assert longest / 2 <= pause <= longest + 0.25
    assert len(set(pauses[6:])) > 1, "the pauses have no random part"


def test_result_is_given_up_and_tried_again_on_request(tmp_path: Path) -> None:
    world = World(tmp_path, give_up_hours=1, longest_seconds=600)
    name = world.add_result()
    for _ in range(40):
        world.deliver(100)
    n_attempts = world.dead.n_attempts
    world.deliver(10_000)
    assert world.dead.n_attempts == n_attempts
    [given_up] = world.outbox.failures()
    assert (given_up.id, given_up.destination, given_up.attempts) == (name, "dead", n_attempts)
    assert "cannot be reached" in given_up.reason
    assert "--retry" in given_up.remedy
    world.dead.is_dead = False
    assert world.outbox.retry_failed() == 1
    world.deliver()
    assert world.dead.taken == [name]
    assert world.outbox.failures() == []


def test_result_stays_until_every_destination_has_it(tmp_path: Path) -> None:
    world = World(tmp_path, give_up_hours=0.001)
    name = world.add_result()
    for _ in range(3):
        world.deliver(100)
    assert world.outbox.failures()
    world.outbox.clean(keep_hours=0, keep_other_hours=0)
    assert world.outbox.results() == [name]
    world.dead.is_dead = False
    world.outbox.retry_failed()
    world.deliver()
    world.outbox.clean(keep_hours=1, keep_other_hours=0)
    assert world.outbox.results() == [name]
    world.outbox.clean(keep_hours=0, keep_other_hours=0)
    assert world.outbox.results() == world.spool.series_keys() == []
    record = json.loads((world.spool.path / "records" / f"{name}.json").read_text())
    assert sorted(record["receipts"]) == ["alive", "dead"]


def test_failures_are_logged_without_identifiers(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    world = World(tmp_path)
    name = world.add_result()
    world.deliver()
    assert f"{name}: attempt 1 failed" in caplog.text
    assert "Check its host" in caplog.text
    assert "1.2.826" not in caplog.text
