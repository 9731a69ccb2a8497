import hashlib
from pathlib import Path

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from lgeqa.database import Sessions
from lgeqa.studies.errors import ConflictError, NotFoundError, RatingError
from lgeqa.studies.management import (
    check_closed,
    close_study,
    delete_study,
    find_reader,
    find_study,
    list_studies,
    make_study,
    remove_reader,
    renew_token,
    reopen_study,
    show_token,
)
from lgeqa.studies.models import Reader, Reading, Study, StudyScan, writing
from lgeqa.studies.ratings import save_rating
from tests.studies.conftest import KEY, add_reader, candidates, sent


def test_a_study_keeps_its_scans_and_who_reads_them(session: Session, study: Study) -> None:
    reader, _ = add_reader(session, study, "  Ada   Lovelace ")

    assert [scan.scan_id for scan in find_study(session, study.id).scans] == ["scan-0", "scan-1", "scan-2", "scan-3"]
    assert study.scans[1].source == candidates(2)[1].source
    assert (reader.name, reader.number, len(reader.readings)) == ("Ada Lovelace", 1, 6)
    assert [one.number for one in reader.readings] == [1, 2, 3, 4, 5, 6]


def test_a_reader_added_later_leaves_the_others_orders_alone(session: Session, study: Study) -> None:
    first, _ = add_reader(session, study, "A")
    before = [(one.number, one.scan_id, one.round) for one in first.readings]
    second, _ = add_reader(session, study, "B")
    session.expire_all()

    assert [(one.number, one.scan_id, one.round) for one in first.readings] == before
    assert [(one.number, one.scan_id, one.round) for one in second.readings] != before


def test_of_a_token_only_its_hash_is_kept(sessions: Sessions, tmp_path: Path) -> None:
    with writing(sessions) as session:
        study = make_study(session, "S", candidates(1), repeat_share=0, seed=0)
        reader, token = add_reader(session, study, "A")

    with sessions() as session:
        assert find_reader(session, token) == reader.id
        assert find_reader(session, reader.token_sha256) is None
    assert reader.token_sha256 == hashlib.sha256(token.encode()).hexdigest()
    assert token.encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert len(token) >= 32


def test_a_new_token_shuts_out_the_old_one(session: Session, study: Study) -> None:
    reader, old = add_reader(session, study, "A")
    same, new = renew_token(study, 1, KEY)

    assert same is reader
    assert find_reader(session, new) == reader.id
    assert find_reader(session, old) is None
    with pytest.raises(NotFoundError, match="'Pilot' has no reader 2"):
        renew_token(study, 2, KEY)


def test_a_reader_is_taken_back_until_something_is_rated(sessions: Sessions) -> None:
    with writing(sessions) as session:
        study = make_study(session, "S", candidates(3), repeat_share=0, seed=0)
        (first, one), (_, other) = (add_reader(session, study, name) for name in "AB")
        save_rating(session, first.id, 2, sent())
    with writing(sessions) as session:
        study = find_study(session, 1)
        with pytest.raises(ConflictError, match="A has rated already, and ratings are never deleted"):
            remove_reader(study, 1)
        remove_reader(study, 2)
        with pytest.raises(NotFoundError, match="'S' has no reader 2"):
            remove_reader(study, 2)
    with writing(sessions) as session:
        study = find_study(session, 1)
        assert [reader.name for reader in study.readers] == ["A"]
        assert (find_reader(session, one), find_reader(session, other)) == (1, None)
        assert session.scalar(select(func.count(Reading.id))) == 3
        assert [add_reader(session, study, name)[0].number for name in "BC"] == [2, 3]
        remove_reader(study, 2)
        assert add_reader(session, study, "D")[0].number == 4


def test_a_study_is_taken_back_until_something_is_rated(sessions: Sessions) -> None:
    with writing(sessions) as session:
        for name in ("kept", "wrong"):
            study = make_study(session, name, candidates(3), repeat_share=0.5, seed=0)
            for reader in "AB":
                add_reader(session, study, reader)
        save_rating(session, 2, 1, sent(scores=None, cannot_rate="no atrium", reader_id=2))
    with writing(sessions) as session:
        with pytest.raises(ConflictError, match="B has rated already"):
            delete_study(session, find_study(session, 1))
        delete_study(session, find_study(session, 2))
    with writing(sessions) as session:
        assert [study.name for study in list_studies(session)] == ["kept"]
        assert [session.scalar(select(func.count()).select_from(table)) for table in (StudyScan, Reader, Reading)] == [
            3,
            2,
            10,
        ]
        make_study(session, "wrong", candidates(2), repeat_share=0, seed=0)


def test_closing_and_reopening_is_kept(session: Session, study: Study) -> None:
    with pytest.raises(ConflictError, match="'Pilot' is open"):
        check_closed(study)
    close_study(study)
    check_closed(study)
    with pytest.raises(ConflictError, match="'Pilot' is closed"):
        add_reader(session, study, "Late")
    closed_at = study.closed_at
    close_study(study)
    assert study.closed_at == closed_at
    reopen_study(study)

    assert study.closed_at is None
    assert study.reopened_at


def test_opening_what_is_open_is_no_reopening(study: Study) -> None:
    reopen_study(study)

    assert study.reopened_at is None


@pytest.mark.parametrize(
    ("name", "n", "share", "seed", "told"),
    [
        ("  ", 4, 0.0, 0, "'' is not a name for a study"),
        ("x" * 81, 4, 0.0, 0, "xxx' is not a name for a study: give 1 to 80"),
        ("a\u202eb", 4, 0.0, 0, "is not a name for a study"),
        ("S", 4, 1.5, 0, "share of 1.5"),
        ("S", 4, float("nan"), 0, "share of nan"),
        ("S", 4, 0.0, -1, "seed of -1"),
        ("S", 1, 0.5, 0, "one scan cannot show it twice"),
    ],
)
def test_what_makes_no_study(session: Session, name: str, n: int, share: float, seed: int, told: str) -> None:
    with pytest.raises(RatingError, match=told):
        make_study(session, name, candidates(n), repeat_share=share, seed=seed)


def test_names_are_given_once(session: Session, study: Study) -> None:
    add_reader(session, study, "Ada")

    with pytest.raises(ConflictError, match="reader 'ADA' already"):
        add_reader(session, study, "ADA")
    with pytest.raises(ConflictError, match="study 'pilot' already"):
        make_study(session, "pilot", candidates(2), repeat_share=0, seed=0)


@pytest.mark.parametrize("name", ["truth", "Label"])
def test_a_reader_has_no_name_that_means_other_scores(session: Session, study: Study, name: str) -> None:
    with pytest.raises(RatingError, match=f"cannot be named '{name}'"):
        add_reader(session, study, name)


def test_a_large_study_is_found_in_a_few_queries(sessions: Sessions) -> None:
    with writing(sessions) as session:
        large = make_study(session, "S", candidates(40), repeat_share=0.5, seed=0)
        for name in "ABC":
            add_reader(session, large, name)
    queries: list[str] = []
    with sessions() as session:
        event.listen(session.connection(), "before_cursor_execute", lambda *told: queries.append(told[2]))
        found = find_study(session, large.id)
        assert [one.rating for reader in found.readers for one in reader.readings] == [None] * 180
        assert {one.scan.scan_id for one in found.readers[2].readings} == {f"scan-{number}" for number in range(40)}

    assert len(queries) <= 8


def test_link_is_shown_again_with_the_key_alone(session: Session, study: Study) -> None:
    reader, token = add_reader(session, study, "Ada")

    assert show_token(study, 1, KEY) == (reader, token)
    assert token not in str(vars(reader).values())
    with pytest.raises(ConflictError, match=r"The link of Ada cannot be shown: .* It still works"):
        show_token(study, 1, "key-of-a-later-owner")
    assert show_token(study, 1, KEY)[1] != renew_token(study, 1, KEY)[1]


def test_link_of_an_earlier_version_cannot_be_shown(session: Session, study: Study) -> None:
    reader, token = add_reader(session, study, "Ada")
    reader.link_nonce = None

    with pytest.raises(ConflictError, match="made by an earlier version"):
        show_token(study, 1, KEY)
    assert find_reader(session, token) == reader.id


def test_no_study_of_this_number(session: Session) -> None:
    with pytest.raises(NotFoundError, match="no study 7"):
        find_study(session, 7)
