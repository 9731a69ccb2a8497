"""Series that end the process which assesses them, and machines that fail."""

import os
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, cast

import pytest

from lgeqa.batch import Outcome, OutputFolder, ScanAssessor
from lgeqa.io import Source
from lgeqa.listener import series_assessment
from lgeqa.listener.errors import RefusedInstanceError
from lgeqa.listener.selection import Selection
from lgeqa.listener.series_assessment import MOST_ATTEMPTS, SeriesAssessment
from lgeqa.listener.spool import SeriesResult, SeriesVersion, Spool
from lgeqa.records import ScanResult
from lgeqa.workers import Limits
from tests.factories.listener import draft_of, small_series, thread_of, wait_until


@dataclass
class FakeAssessor:
    """An assessor that fails as the name of a file in `folder` says.

    Attributes:
        out: Output folder.
        folder: Folder of these files.
    """

    out: OutputFolder
    folder: Path

    def make_ready(self) -> None:
        pass

    def __call__(self, source: Source) -> Outcome:
        if (self.folder / "crash").exists() and source.scan_id == (self.folder / "crash").read_text():
            os._exit(9)
        is_full = (self.folder / "full").exists()
        return Outcome(self.unassessed(source, "The disk is full."), of_the_machine=is_full)

    def unassessed(self, source: Source, message: str) -> ScanResult:
        return ScanResult.model_construct(scan_id=source.scan_id, status="failed", message=message)


class World:
    """A spool with queued series, and their assessment by a fake."""

    def __init__(self, folder: Path, **selection: Any) -> None:
        self.folder = folder
        self.spool = Spool(folder / "spool", 100, 10)
        self.spool.prepare()
        self.results: list[SeriesResult] = []
        assessor = cast("ScanAssessor", FakeAssessor(OutputFolder(self.spool.assessing, dicom=True), folder))
        rules = Selection.of({"description": ["LGE"], **selection})
        self.assessment = SeriesAssessment(self.spool, rules, assessor, Limits(30), self.results.append)

    def add(self, seed: int) -> SeriesVersion:
        for path in small_series(self.folder / f"{seed}", seed, SeriesDescription="LGE"):
            arrival = self.spool.accept(draft_of(path, self.spool.new_draft()), "MR1")
        version = self.spool.close(arrival.header.series_key, None, ())
        assert version
        return version

    def run_until(self, n_results: int) -> None:
        with thread_of(self.run):
            assert wait_until(lambda: len(self.results) >= n_results)

    def run(self, stop: Event) -> None:
        try:
            self.assessment.run(stop)
        finally:
            self.assessment.end()


@pytest.mark.slow
def test_crashing_series_is_given_up_after_others(tmp_path: Path) -> None:
    world = World(tmp_path)
    crashing, other = world.add(1), world.add(2)
    (tmp_path / "crash").write_text(crashing.key)
    world.run_until(2)
    assert [result.version.key for result in world.results] == [other.key, crashing.key]
    assert world.results[1].version.attempts > MOST_ATTEMPTS - 1
    record = world.spool.results / crashing.id / "scans" / f"{crashing.key}.json"
    assert "Assessing was stopped: exit code 9" in record.read_text()
    assert world.spool.queued() == []


def test_failing_machine_costs_no_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(series_assessment, "_PAUSE_S", 0.01)
    monkeypatch.setattr(series_assessment, "_LOOK_EVERY", 0.01)
    world = World(tmp_path)
    version = world.add(1)
    (tmp_path / "full").touch()
    with thread_of(world.run):
        assert wait_until(lambda: caplog.text.count("The disk is full. It is tried again.") > MOST_ATTEMPTS)
        assert world.results == []
        (tmp_path / "full").unlink()
        assert wait_until(lambda: len(world.results) == 1)
    assert world.results[0].version.id == version.id


def test_damaged_image_blocks_no_other_series(tmp_path: Path) -> None:
    world = World(tmp_path)
    damaged, other = world.add(1), world.add(2)
    world.spool.image_paths(damaged)[0].write_bytes(b"damaged on the disk")
    with pytest.raises(RefusedInstanceError, match="is damaged"):
        world.run(Event())
    assert [version.key for version in world.spool.queued()] == [other.key, damaged.key]
