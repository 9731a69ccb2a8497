from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.orm import Session

from lgeqa.database import Sessions
from lgeqa.errors import ReadError
from lgeqa.io import read_scan
from lgeqa.scales import SCALE_NAMES
from lgeqa.studies.errors import ConflictError, NotFoundError
from lgeqa.studies.management import close_study, make_study, reopen_study
from lgeqa.studies.models import Reader, Study, writing
from lgeqa.studies.ratings import find_person, find_reading, read_kept, save_rating
from lgeqa.studies.study_scans import scans_of_folder
from tests.images import volume, write_volume
from tests.studies.conftest import add_reader, candidates, sent


@pytest.fixture
def reader(session: Session, study: Study) -> Reader:
    return add_reader(session, study, "Ada")[0]


def test_the_last_rating_counts_and_every_one_is_kept(session: Session, reader: Reader) -> None:
    first = save_rating(session, reader.id, 2, sent("save-0001", (1, 2, 3, 4), comment="so", seconds=12.5))
    second = save_rating(session, reader.id, 2, sent("save-0002", (5, 5, 5, 5), known=1))
    reading = find_reading(session, reader.id, 2)

    assert (first.version, second.version, second.replaced) == (1, 2, False)
    assert [one.scores for one in reading.ratings] == [
        dict(zip(SCALE_NAMES, (1, 2, 3, 4), strict=True)),
        dict.fromkeys(SCALE_NAMES, 5),
    ]
    assert (reading.ratings[0].comment, reading.ratings[0].seconds) == ("so", 12.5)
    assert reading.rating is reading.ratings[-1]
    assert [one.rating for one in find_person(session, reader.id).readings if one.number != 2] == [None] * 5


def test_what_is_sent_twice_is_kept_once_and_answered_alike(session: Session, reader: Reader) -> None:
    answers = [save_rating(session, reader.id, 1, sent(seconds=seconds)) for seconds in (3, 3)]
    save_rating(session, reader.id, 1, sent("save-0002", known=1))
    late = save_rating(session, reader.id, 1, sent(seconds=3))

    assert answers[0] == answers[1] == late
    assert len(find_reading(session, reader.id, 1).ratings) == 2


def test_a_save_id_belongs_to_one_rating(session: Session, reader: Reader) -> None:
    save_rating(session, reader.id, 1, sent("save-0001", (1, 1, 1, 1)))

    with pytest.raises(ConflictError, match="'save-0001' was used for another rating"):
        save_rating(session, reader.id, 1, sent("save-0001", (2, 1, 1, 1)))


def test_a_tab_learns_that_it_replaced_what_another_tab_saved(session: Session, reader: Reader) -> None:
    save_rating(session, reader.id, 1, sent("tab-1-01", (1, 1, 1, 1)))
    other = save_rating(session, reader.id, 1, sent("tab-2-01", (2, 2, 2, 2)))
    after = save_rating(session, reader.id, 1, sent("tab-2-02", (3, 3, 3, 3), known=other.version))

    assert (other.replaced, after.replaced) == (True, False)


def test_a_scan_that_cannot_be_rated_has_a_reason_and_no_scores(session: Session, reader: Reader) -> None:
    save_rating(session, reader.id, 1, sent(scores=None, cannot_rate="no atrium"))
    rating = find_reading(session, reader.id, 1).rating

    assert rating is not None
    assert (rating.scores, rating.cannot_rate) == (None, "no atrium")
    assert session.scalar(text("SELECT count(*) FROM rating WHERE scores IS NULL")) == 1


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"scores": None}, "either all four scores or the reason"),
        ({"scores": None, "cannot_rate": "  "}, "either all four scores or the reason"),
        ({"cannot_rate": "no atrium"}, "either all four scores or the reason"),
        ({"scores": dict.fromkeys(SCALE_NAMES, 0)}, "greater than or equal to 1"),
        ({"scores": dict.fromkeys(SCALE_NAMES, 6)}, "less than or equal to 5"),
        ({"scores": dict.fromkeys(SCALE_NAMES, 2.5)}, "valid integer"),
        ({"scores": dict.fromkeys(SCALE_NAMES, True)}, "valid integer"),
        ({"scores": dict.fromkeys(SCALE_NAMES, "3")}, "valid integer"),
        ({"scores": dict.fromkeys(SCALE_NAMES[:3], 3)}, "quality: give one value for each of"),
        ({"scores": dict.fromkeys((*SCALE_NAMES, "noise"), 3)}, "noise: give one value for each of"),
        ({"comment": "x" * 5001}, "at most 5000"),
        ({"seconds": -1}, "greater than or equal to 0"),
        ({"seconds": float("nan")}, "finite"),
        ({"save_id": "short"}, "at least 8"),
        ({"known": -1}, "greater than or equal to 0"),
        ({"score": 3}, "score"),
    ],
)
def test_what_is_no_rating(values: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        sent(**values)  # type: ignore[arg-type]


def test_a_closed_study_takes_nothing_and_shows_nothing(session: Session, study: Study, reader: Reader) -> None:
    save_rating(session, reader.id, 1, sent())
    close_study(study)

    with pytest.raises(ConflictError, match="'Pilot' is closed"):
        save_rating(session, reader.id, 1, sent("save-0002"))
    with pytest.raises(ConflictError, match="'Pilot' is closed"):
        find_reading(session, reader.id, 1)
    reopen_study(study)
    assert save_rating(session, reader.id, 1, sent("save-0002", known=1)).version == 2


def test_a_page_of_another_reader_is_refused(session: Session, study: Study, reader: Reader) -> None:
    """Two readers used one browser, and the cookie is that of the second."""
    other, _ = add_reader(session, study, "Bo")

    with pytest.raises(ConflictError, match="opened by another reader"):
        save_rating(session, other.id, 1, sent(reader_id=reader.id))
    assert not find_reading(session, other.id, 1).ratings


@pytest.mark.parametrize("number", [0, -1, 7])
def test_no_scan_of_this_number(session: Session, reader: Reader, number: int) -> None:
    with pytest.raises(NotFoundError, match=f"no scan {number} for you"):
        save_rating(session, reader.id, number, sent())


def test_no_reader_of_this_number(session: Session) -> None:
    with pytest.raises(NotFoundError, match="no reader 9"):
        find_person(session, 9)


def test_many_tabs_at_once_lose_and_double_nothing(sessions: Sessions) -> None:
    """Each of eight tabs sends each of three saves twice."""
    with writing(sessions) as session:
        study = make_study(session, "Busy", candidates(1), repeat_share=0, seed=0)
        reader_id = add_reader(session, study, "Ada")[0].id

    def save(index: int) -> int:
        with writing(sessions) as session:
            one = sent(f"save-{index % 24:04}", (1 + index % 24 % 5, 1, 1, 1), reader_id=reader_id)
            return save_rating(session, reader_id, 1, one).version

    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(save, range(48)))

    with sessions() as session:
        kept = find_reading(session, reader_id, 1).ratings
        assert [one.version for one in kept] == list(range(1, 25))
        assert {one.save_id for one in kept} == {f"save-{index:04}" for index in range(24)}
    assert versions[:24] == versions[24:]


def test_a_save_waits_for_the_closing_and_is_refused(sessions: Sessions) -> None:
    """Between seeing the study open and keeping the rating nobody can close it."""
    with writing(sessions) as session:
        study = make_study(session, "S", candidates(1), repeat_share=0, seed=0)
        reader_id = add_reader(session, study, "Ada")[0].id

    def save() -> None:
        with writing(sessions) as other:
            save_rating(other, reader_id, 1, sent(reader_id=reader_id))

    with ThreadPoolExecutor(1) as pool:
        with writing(sessions) as session:
            close_study(session.get_one(Study, study.id))
            late = pool.submit(save)
            with pytest.raises(TimeoutError):
                late.result(timeout=0.3)
        with pytest.raises(ConflictError, match="is closed"):
            late.result()


def test_a_scan_is_read_as_it_was_and_no_error_names_its_file(session: Session, tmp_path: Path) -> None:
    path = write_volume(tmp_path / "secret" / "a.nrrd", volume((9, 9, 8)))
    study = make_study(session, "S", scans_of_folder(path.parent)[0], repeat_share=0, seed=0)
    reader, _ = add_reader(session, study, "Ada")
    reading = find_reading(session, reader.id, 1)

    assert read_kept(reading.scan, reading.number, read_scan).voxels.shape == (9, 9, 8)
    write_volume(path, volume((9, 9, 8), seed=1))
    with pytest.raises(ReadError, match=r"^Scan 1 is not what it was"):
        read_kept(reading.scan, reading.number, read_scan)
    path.unlink()
    with pytest.raises(ReadError, match=r"^Scan 1 cannot be read now") as fault:
        read_kept(reading.scan, reading.number, read_scan)
    assert "secret" not in str(fault.value)
