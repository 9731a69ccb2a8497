"""Fill a database with the code of an earlier commit, and print it as SQL.

Each dump in this folder was made in a worktree of the commit in its first line:

    git worktree add /tmp/earlier COMMIT
    PYTHONPATH=/tmp/earlier/src python tests/databases/make.py COMMIT > tests/databases/NAME.sql

It holds as much of the content below as that commit could store. The content is invented.
"""

import sqlite3
import sys
import tempfile
from contextlib import closing
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lgeqa.database import open_database
from lgeqa.io import Source
from lgeqa.records import ScanResult

SCALE_NAMES = ("myocardium_nulling", "sharpness", "enhancement", "quality")


def has(name: str) -> bool:
    return find_spec(name) is not None


def source(name: str) -> Source:
    return Source(name, "volume", Path(f"/scans/{name}.nrrd"), (Path(f"/scans/{name}.nrrd"),))


def scores_from(first: int) -> dict[str, int]:
    """Return another score on each scale, so that none can be taken for another."""
    return {name: (first + place - 1) % 5 + 1 for place, name in enumerate(SCALE_NAMES)}


def number_of(taken: Any) -> int:
    """Return the number of a scan in work, which commits before schema 2 have as the name of its source."""
    return int(taken.number if hasattr(taken, "number") else taken.scan_id)


def queue_scans(sessions: Any) -> None:
    """Add four scans: assessed, failed, in work when the server was killed, and waiting."""
    queue = import_module("lgeqa.web.queue")
    filled = queue.Queue(sessions)
    filled.add([source("first"), source("second")])
    filled.add([source("third"), source("fourth")], queue.Upload("folder-1", "key-1"))
    verdict = {"verdict": "diagnostic", "probability": 0.75, "votes_diagnostic": 3, "votes_total": 4, "tie": False}
    verdict |= {name: 0.75 for name in ScanResult.model_fields if name.startswith("p_")}
    taken = filled.take()
    filled.finish(number_of(taken), ScanResult(scan_id="1", status="assessed", **verdict), b"\xff\xd8thumbnail")
    taken = filled.take()
    filled.finish(number_of(taken), ScanResult(scan_id="2", status="failed", message="It's damaged."))
    filled.take()


def decide(sessions: Any) -> None:
    """Add a decision on the first scan, which was withdrawn."""
    decisions, models = import_module("lgeqa.web.human_decisions"), import_module("lgeqa.web.models")
    with sessions.begin() as session:
        for name in ("accept", "withdrawn"):
            sent = decisions.SentDecision(save_id=f"save-{name}", decision=name, note="It's clear.", person="Ann")
            sender: tuple[Any, ...] = ()
            if has("lgeqa.web.authorization"):  # since schema 5
                sender = (import_module("lgeqa.web.authorization").Principal("Ann", "owner"),)
            decisions.decide(session, session.get(models.ScanRow, 1), sent, *sender)
            session.flush()


def rate(sessions: Any) -> None:
    """Add a study of three scans with two readers.

    One rated all. The other rated one scan, rated it again, and could not rate another.
    """
    readings, scans = import_module("lgeqa.studies.ratings"), import_module("lgeqa.studies.study_scans")
    studies, tables = import_module("lgeqa.studies.management"), import_module("lgeqa.studies.models")
    with tables.writing(sessions) as session:
        candidates = [scans.Candidate(source(f"rated-{n}"), f"patient {n}", f"{n}" * 64) for n in range(3)]
        study = studies.make_study(session, "Pilot", candidates, repeat_share=0.4, seed=3)
        practise(study, candidates)
        key = ("key-of-the-owner",) if hasattr(studies, "show_token") else ()  # since schema 3
        hash_of = getattr(studies, "hash_token", None) or studies._hashed  # since schema 5
        people = [studies.add_reader(session, study, name, *key)[0] for name in ("Ann", "Bo")]
        for person, token in zip(people, ("token-of-ann", "token-of-bo"), strict=True):
            person.token_sha256 = hash_of(token)
        session.flush()
        saves = [(people[0], reading.number, 4) for reading in people[0].readings]
        for count, (person, number, score) in enumerate([*saves, (people[1], 1, 1), (people[1], 1, 2)]):
            sent = readings.SentRating(
                save_id=f"save-{count:04}",
                reader_id=person.id,
                known=int(score == 2),
                scores=scores_from(score),
                comment="It's blurred.",
                seconds=12.5,
            )
            readings.save_rating(session, person.id, number, sent)
        refused = readings.SentRating(
            save_id="save-refused", reader_id=people[1].id, known=0, cannot_rate="No atrium in it."
        )
        readings.save_rating(session, people[1].id, 2, refused)
        if study.practice_scans:
            given = readings.GivenScores(**scores_from(2))
            import_module("lgeqa.studies.practice").save_practice(session, people[0], 1, given)
        studies.close_study(study)


def practise(study: Any, shown: Any) -> None:
    """Give a study one practice scan, of which one score is unknown (since schema 3)."""
    if not has("lgeqa.studies.practice"):
        return
    practice, scans = import_module("lgeqa.studies.practice"), import_module("lgeqa.studies.study_scans")
    candidate = scans.Candidate(source("practised"), "patient 9", "9" * 64)
    practice.add_practice(study, [scans.PracticeCandidate(candidate, (4.0, 2.5, None, 3.0))], shown)


def adjudicate(sessions: Any) -> None:
    """Add the consensus on the first scan of the study."""
    adjudicate, tables = import_module("lgeqa.studies.adjudication"), import_module("lgeqa.studies.models")
    with tables.writing(sessions) as session:
        sent = adjudicate.SentAdjudication(save_id="save-consensus", known=0, scores=scores_from(3), panel="Ann, Bo")
        adjudicate.save_adjudication(session, session.get(tables.StudyScan, 1), sent)


def main(commit: str) -> None:
    steps = {
        "lgeqa.web.queue": queue_scans,
        "lgeqa.web.human_decisions": decide,
        "lgeqa.studies.management": rate,
        "lgeqa.studies.adjudication": adjudicate,
    }
    available = [step for module, step in steps.items() if has(module)]
    for module in ("lgeqa.web.models", "lgeqa.studies.models"):
        if has(module):
            import_module(module)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.sqlite"
        sessions = open_database(path)
        for step in available:
            step(sessions)
        sessions.kw["bind"].dispose()
        with closing(sqlite3.connect(path)) as connection:
            [marker] = connection.execute("PRAGMA user_version").fetchone()
            lines = [f"-- {commit}", f"PRAGMA user_version = {marker};", *connection.iterdump()]
    sys.stdout.writelines(f"{line}\n" for line in lines)


if __name__ == "__main__":
    main(sys.argv[1])
