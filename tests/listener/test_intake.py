"""When a series is whole."""

from pathlib import Path

import pytest
from pydicom import dcmread

from lgeqa.atomic_io import write_whole
from lgeqa.errors import OutputError
from lgeqa.listener import spool as spool_module
from lgeqa.listener.intake import Intake
from lgeqa.listener.spool import Spool
from tests.factories.listener import draft_of, small_series

COUNTS = ("NumberOfSeriesRelatedInstances", "ImagesInAcquisition")


class Clock:
    """A monotonic clock that a test sets."""

    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def intake(tmp_path: Path, clock: Clock) -> Intake:
    return opened(tmp_path, clock)


def opened(folder: Path, clock: Clock) -> Intake:
    spool = Spool(folder / "spool", 100, 10)
    spool.prepare()
    return Intake(spool, 10.0, COUNTS, clock)


def hand_over(intake: Intake, *paths: Path, origin: str = "MR1") -> None:
    for path in paths:
        intake.accept(draft_of(path, intake.new_draft()), origin)


def test_series_is_whole_after_the_quiet_time(intake: Intake, clock: Clock, tmp_path: Path) -> None:
    images = small_series(tmp_path / "images")
    hand_over(intake, images[0])
    clock.seconds += 9
    hand_over(intake, images[1], origin="PACS")
    clock.seconds += 9
    assert intake.close_whole() == []
    clock.seconds += 1
    [version] = intake.close_whole()
    assert (len(version.images), version.expected, version.origins) == (2, None, ("MR1", "PACS"))
    assert intake.n_open == 0


@pytest.mark.parametrize("keyword", COUNTS)
def test_series_is_whole_by_its_count(keyword: str, intake: Intake, tmp_path: Path) -> None:
    images = small_series(tmp_path / "images", **{keyword: 3})
    hand_over(intake, *images[:2], images[0])
    assert intake.close_whole() == []
    hand_over(intake, images[2])
    [version] = intake.close_whole()
    assert (len(version.images), version.expected) == (3, 3)


@pytest.mark.parametrize("count", ["0", "", "-4", None])
def test_count_that_is_none_is_not_used(count: str | None, intake: Intake, tmp_path: Path) -> None:
    hand_over(intake, *small_series(tmp_path / "images", NumberOfSeriesRelatedInstances=count))
    assert intake.close_whole() == []


def test_half_a_series_is_assessed_after_the_quiet_time(intake: Intake, clock: Clock, tmp_path: Path) -> None:
    images = small_series(tmp_path / "images", NumberOfSeriesRelatedInstances=3)
    hand_over(intake, *images[:2])
    clock.seconds += 10
    [half] = intake.close_whole()
    hand_over(intake, images[2])
    [whole] = intake.close_whole()
    assert [(len(version.images), version.number) for version in (half, whole)] == [(2, 1), (3, 2)]


def test_series_is_whole_when_an_inlet_says_so(intake: Intake, tmp_path: Path) -> None:
    images = small_series(tmp_path / "images")
    hand_over(intake, *images)
    header = dcmread(images[0])
    intake.declare_whole(header.StudyInstanceUID, header.SeriesInstanceUID)
    [version] = intake.close_whole()
    assert len(version.images) == 3


def test_series_at_the_same_time_stay_apart(intake: Intake, clock: Clock, tmp_path: Path) -> None:
    first, second = (small_series(tmp_path / f"{seed}", seed) for seed in (1, 2))
    for pair in zip(first, second, strict=True):
        hand_over(intake, *pair)
    assert intake.n_open == 2
    clock.seconds += 10
    assert [len(version.images) for version in intake.close_whole()] == [3, 3]


def test_incomplete_series_goes_on_after_a_restart(intake: Intake, clock: Clock, tmp_path: Path) -> None:
    images = small_series(tmp_path / "images", NumberOfSeriesRelatedInstances=3)
    hand_over(intake, *images[:2])
    again = opened(tmp_path, clock)
    assert again.close_whole() == []
    hand_over(again, images[2])
    assert [version.expected for version in again.close_whole()] == [3]


def test_full_disk_keeps_the_series_open(
    intake: Intake, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*_: object) -> None:
        raise OutputError("no space")

    hand_over(intake, *small_series(tmp_path / "images"))
    clock.seconds += 10
    monkeypatch.setattr(spool_module, "write_whole", no_space)
    with pytest.raises(OutputError):
        intake.close_whole()
    monkeypatch.setattr(spool_module, "write_whole", write_whole)
    assert len(intake.close_whole()) == 1
