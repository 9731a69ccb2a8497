from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Timer

import pytest
from sqlalchemy import select
from sqlalchemy.event import listen

from lgeqa.database import Sessions, open_database
from lgeqa.errors import QuotaError
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


def test_scan_that_ends_the_server_each_time_is_worn_out(sessions: Sessions) -> None:
    [number] = Queue(sessions).add([source("case")])
    for _ in range(MOST_TAKES):
        taken = Queue(sessions).take()  # and the server is killed
        assert taken is not None
        assert not taken.is_worn_out

    last = Queue(sessions)

    taken = last.take()
    assert taken is not None
    assert (taken.number, taken.is_worn_out) == (number, True)


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
        queue.stand_still("worker", why)
        versions.append(queue.version)

    assert len(set(versions)) == 3
    assert (queue.standstill, queue.last_standstill) == ("", "full")


# Between people -------------------------------------------------------------------------------------------------------


def order_of_turns(queue: Queue, count: int, *, at_once: int = 1) -> list[str]:
    """Take scans with a number of workers, and return the name of each."""
    names, in_work = [], []
    for _ in range(count):
        scan = queue.take()
        assert scan is not None
        names.append(scan.source.location.stem)
        in_work.append(scan.number)
        if len(in_work) == at_once:
            queue.finish(in_work.pop(0), unassessed("x"))
    return names


def test_people_take_turns_however_many_scans_they_sent(queue: Queue) -> None:
    queue.add([source(f"ann-{number}") for number in range(50)], person="Ann")
    queue.add([source(f"ben-{number}") for number in range(2)], person="Ben")
    queue.add([source("eve-0")], person="Eve")

    assert order_of_turns(queue, 7) == ["ann-0", "ben-0", "eve-0", "ann-1", "ben-1", "ann-2", "ann-3"]


def test_person_with_fewest_scans_in_work_is_next(queue: Queue) -> None:
    queue.add([source(f"ann-{number}") for number in range(9)], person="Ann")
    assert order_of_turns(queue, 2, at_once=3) == ["ann-0", "ann-1"]

    queue.add([source(f"ben-{number}") for number in range(9)], person="Ben")

    assert order_of_turns(queue, 3, at_once=9) == ["ben-0", "ben-1", "ann-2"]


def test_urgent_scans_come_first(queue: Queue, sessions: Sessions) -> None:
    numbers = queue.add([source(f"ann-{number}") for number in range(4)], person="Ann")
    queue.add([source("ben-0")], person="Ben")
    with sessions.begin() as session:
        for number in numbers[2:]:
            session.get_one(ScanRow, number).urgent = True

    assert order_of_turns(queue, 5) == ["ann-2", "ann-3", "ben-0", "ann-0", "ann-1"]


def test_no_scan_is_taken_twice_at_once(queue: Queue) -> None:
    numbers = queue.add([source(str(number)) for number in range(60)])

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: queue.take(), range(70)))

    assert sorted(scan.number for scan in taken if scan) == numbers


def test_scans_above_the_quota_are_refused_whole(queue: Queue, sessions: Sessions) -> None:
    queue.add([source("a"), source("b")], person="Ann", quota=3)
    with pytest.raises(QuotaError, match=r"4 scans of Ann would wait, and 3 may at once.*--quota"):
        queue.add([source("c"), source("d")], person="Ann", quota=3)

    queue.add([source("e"), source("f")], person="Ben", quota=3)
    queue.add([source("a"), source("c")], person="Ann", quota=3)

    with sessions() as session:
        assert list(session.scalars(select(ScanRow.name).order_by(ScanRow.id))) == ["a", "b", "e", "f", "c"]


def test_assessing_again_counts_for_who_asked(queue: Queue, sessions: Sessions) -> None:
    [number] = queue.add([source("a")], person="Ann")
    queue.take()
    queue.finish(number, unassessed("a"))
    queue.add([source("b")], person="Ben", quota=1)

    with pytest.raises(QuotaError):
        queue.assess_again(number, "Ben", 1)
    assert row(sessions, number).state == "done"
    assert queue.assess_again(number, "Eve", 1)
    assert row(sessions, number).queued_by == "Eve"


def test_wait_is_known_at_the_first_try(queue: Queue) -> None:
    [number] = queue.add([source("a")])
    first = queue.take()
    queue.requeue(number)
    second = queue.take()

    assert first is not None
    assert second is not None
    assert first.waited_s is not None
    assert 0 <= first.waited_s < 60
    assert second.waited_s is None
