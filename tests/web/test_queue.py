from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Timer

import pytest
from sqlalchemy.event import listen

from lgeqa.database import Sessions, open_database
from lgeqa.io import Source
from lgeqa.records import ScanResult
from lgeqa.web.models import ScanRow
from lgeqa.web.queue import MOST_TAKES, Queue, Upload
from tests.results import assessed, unassessed


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    return open_database(tmp_path / "lgeqa.sqlite")


@pytest.fixture
def queue(sessions: Sessions) -> Queue:
    return Queue(sessions)


def source(name: str, folder: str = "/scans") -> Source:
    path = Path(folder, f"{name}.nrrd")
    return Source(name, "volume", path, (path,))


def row(sessions: Sessions, number: int) -> ScanRow:
    with sessions() as session:
        found = session.get(ScanRow, number)
    assert found is not None
    return found


def test_scans_come_out_as_they_went_in(queue: Queue) -> None:
    numbers = queue.add([source("b"), source("a")])

    taken = [queue.take(), queue.take(), queue.take()]

    assert [scan and (scan.number, scan.source.location.name) for scan in taken] == [
        (numbers[0], "b.nrrd"),
        (numbers[1], "a.nrrd"),
        None,
    ]


def test_a_series_and_an_unusable_path_keep_what_they_are(queue: Queue) -> None:
    series = Source("s", "dicom", Path("/s"), (Path("/s/1"), Path("/s/2")))
    broken = Source("x", "unusable", Path("/x"), fault="/x: is not an image.")
    queue.add([series, broken])

    first, second = queue.take(), queue.take()

    assert first is not None
    assert (first.source.kind, first.source.files) == ("dicom", series.files)
    assert second is not None
    assert (second.source.kind, second.source.fault) == ("unusable", broken.fault)


def test_a_scan_is_in_the_list_once_and_names_are_unique(queue: Queue, sessions: Sessions) -> None:
    [first] = queue.add([source("case")])

    again = queue.add([source("case"), source("case", "/other"), source("case", "/third")])

    assert again[0] == first
    assert [row(sessions, number).name for number in again] == ["case", "case-2", "case-3"]


def test_free_name_is_found_with_few_looks(queue: Queue, sessions: Sessions) -> None:
    numbers = queue.add([source("case", f"/{number}") for number in range(600)])
    looks: list[str] = []
    listen(sessions.kw["bind"], "before_cursor_execute", lambda _, __, statement, *___: looks.append(statement))

    [last] = queue.add([source("case", "/last")])

    assert len({row(sessions, number).name for number in numbers}) == 600
    assert row(sessions, last).name == "case-601"
    assert sum("scan.name =" in statement for statement in looks) < 30


def test_an_upload_that_comes_twice_at_once_is_taken_once(queue: Queue) -> None:
    def give(folder: str) -> list[int]:
        return queue.add([source("case", f"/uploads/{folder}")], Upload(folder, "one-key"))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(give, [str(number) for number in range(16)]))

    assert len({tuple(answer) for answer in answers}) == 1
    assert len(queue.uploads()) == 1


def test_a_result_is_kept_under_the_name(queue: Queue, sessions: Sessions) -> None:
    [number] = queue.add([source("case")])
    queue.take()

    assert queue.finish(number, assessed(str(number)), b"jpeg")

    kept = row(sessions, number)
    assert (kept.state, kept.end, kept.probability, kept.thumbnail) == ("done", "diagnostic", 0.8125, b"jpeg")
    assert kept.record == assessed("case", source=f"/scans/{number}.nrrd")


def test_a_scan_that_was_deleted_in_work_gets_no_result(queue: Queue) -> None:
    [number] = queue.add([source("case")])
    queue.take()
    queue.remove(number)

    assert not queue.finish(number, assessed(str(number)))
    assert queue.add([source("case")]) != [number], "its number is not given again"


def test_what_was_in_work_is_queued_when_a_server_starts_again(sessions: Sessions) -> None:
    earlier = Queue(sessions)
    numbers = earlier.add([source("a"), source("b"), source("c")])
    earlier.take()
    earlier.finish(numbers[0], unassessed(str(numbers[0])))
    earlier.take()

    later = Queue(sessions)

    assert [row(sessions, number).state for number in numbers] == ["done", "queued", "queued"]
    taken = later.take()
    assert taken is not None
    assert taken.number == numbers[1]


def test_scan_that_ends_the_server_each_time_is_not_taken_again(sessions: Sessions) -> None:
    [number] = Queue(sessions).add([source("case")])
    for _ in range(MOST_TAKES):
        taken = Queue(sessions).take()  # and the server is killed
        assert taken is not None

    last = Queue(sessions)

    assert last.take() is None
    assert [scan.number for scan in last.worn_out()] == [number]


def test_a_scan_that_ends_its_process_each_time_is_given_up(queue: Queue) -> None:
    [number] = queue.add([source("case")])

    for _ in range(MOST_TAKES - 1):
        queue.take()
        assert queue.requeue(number)
    queue.take()

    assert not queue.requeue(number)
    assert queue.requeue(number, counts=False)


def test_a_server_that_is_stopped_counts_nothing(queue: Queue, sessions: Sessions) -> None:
    [number] = queue.add([source("case")])

    for _ in range(2 * MOST_TAKES):
        queue.take()
        assert queue.requeue(number, counts=False)

    assert row(sessions, number).takes == 0


def test_assessing_again_starts_afresh(queue: Queue, sessions: Sessions) -> None:
    [number] = queue.add([source("case")])
    assert not queue.assess_again(number), "it waits anyway"
    queue.take()
    queue.finish(number, assessed(str(number)))

    assert queue.assess_again(number)

    kept = row(sessions, number)
    assert (kept.state, kept.end, kept.result, kept.takes) == ("queued", None, None, 0)


def test_requeued_scan_waits_for_its_new_result(queue: Queue, sessions: Sessions) -> None:
    [number] = queue.add([source("case")])
    queue.take()
    queue.requeue(number)

    assert not queue.finish(number, assessed(str(number))), "a result of the work that was cut off"
    assert (row(sessions, number).state, row(sessions, number).result) == ("queued", None)


def test_the_folder_of_an_upload_is_free_with_its_last_scan(queue: Queue) -> None:
    first, second = queue.add([source("a"), source("b")], Upload("f0lder", "key-of-page"))

    assert queue.remove(first) is None
    assert queue.remove(second) == "f0lder"
    assert queue.remove(second) is None


def test_each_change_is_a_new_version(queue: Queue, sessions: Sessions) -> None:
    versions = [queue.version]

    [number] = queue.add([source("case")])
    versions.append(queue.version)
    queue.take()
    versions.append(queue.version)
    queue.finish(number, ScanResult(scan_id="1", status="failed"))
    versions += [queue.version, Queue(sessions).version]

    assert len(set(versions)) == len(versions)


def test_waiting_ends_with_a_new_or_an_earlier_change(queue: Queue) -> None:
    version = queue.version
    Timer(0.05, lambda: queue.add([source("case")])).start()

    queue.wait(version, 60)  # the time limit of the tests is told if it does not end
    queue.wait(version, 60)

    assert queue.version != version


def test_standstill_is_a_change_and_the_last_one_is_kept(queue: Queue) -> None:
    versions = [queue.version]
    for why in ("full", "full", ""):
        queue.standstill = why
        versions.append(queue.version)

    assert len(set(versions)) == 3
    assert (queue.standstill, queue.last_standstill) == ("", "full")
