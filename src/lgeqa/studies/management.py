"""Studies and their readers: creating, deleting, closing and reopening."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from lgeqa.agreement.discrepancy_rule import DiscrepancyRule
from lgeqa.cohort import PSEUDO_READERS
from lgeqa.formatting import utc_now
from lgeqa.studies.errors import ConflictError, NotFoundError, RatingError
from lgeqa.studies.models import PracticeRating, Reader, Reading, Study, StudyScan
from lgeqa.studies.reading_order import draw_order, draw_repeated
from lgeqa.studies.study_scans import Candidate

_LONGEST_NAME: Final = 80
#: Random bytes of a nonce, and bytes of a token, before they are encoded as text.
_NONCE_BYTES: Final = 24
_TOKEN_BYTES: Final = 24
#: Load a study in a few queries instead of one for each reading.
_WHOLE: Final = (
    selectinload(Study.scans).selectinload(StudyScan.adjudications),
    selectinload(Study.readers).selectinload(Reader.readings).selectinload(Reading.ratings),
    selectinload(Study.readers).selectinload(Reader.practice_ratings).selectinload(PracticeRating.scan),
    selectinload(Study.practice_scans),
)


def make_study(session: Session, name: str, scans: Sequence[Candidate], *, repeat_share: float, seed: int) -> Study:
    """Create a study, open and without readers.

    Raises:
        RatingError: The name is empty or too long, the share or the seed is out of range, or a single scan would be
            shown twice in a row.
        ConflictError: A study has this name already.
    """
    name = _checked_name(name, "study")
    if not 0 <= repeat_share <= 1:
        raise RatingError(f"A share of {repeat_share:g} shown twice: give a number from 0 to 1.")
    if seed < 0:
        raise RatingError(f"A seed of {seed}: give a whole number from 0.")
    if repeat_share and len(scans) < 2:
        raise RatingError("A study of one scan cannot show it twice: the readings would follow each other. Add scans.")
    if session.scalar(select(Study.id).where(func.lower(Study.name) == name.lower())):
        raise ConflictError(f"There is a study {name!r} already. Choose another name.")
    study = Study(name=name, seed=seed, repeat_share=repeat_share, made_at=utc_now())
    study.scans = [_study_scan(scan) for scan in scans]
    session.add(study)
    session.flush()
    return study


def list_studies(session: Session) -> list[Study]:
    """Return all studies, the newest first."""
    return list(session.scalars(select(Study).options(*_WHOLE).order_by(Study.id.desc())))


def study_that_reads(session: Session, folder: Path) -> Study | None:
    """Return a study with a scan below a folder, or None if no study has one."""
    rows = session.execute(select(StudyScan.location, StudyScan.study_id))
    for location, study_id in rows:
        if Path(location).resolve().is_relative_to(folder.resolve()):
            return session.get(Study, study_id)
    return None


def find_study(session: Session, study_id: int) -> Study:
    """Return the study with this number, with its scans, readers, readings and ratings loaded.

    Raises:
        NotFoundError: No study has this number.
    """
    study = session.scalar(select(Study).options(*_WHOLE).where(Study.id == study_id))
    if study is None:
        raise NotFoundError(f"There is no study {study_id}.")
    return study


def add_reader(session: Session, study: Study, name: str, link_key: str) -> tuple[Reader, str]:
    """Add a reader, with a reading order of their own, to an open study.

    Args:
        session: Session opened by `models.writing`.
        study: Open study.
        name: Name of the reader.
        link_key: Secret of the server's owner, which is not in the database.

    Returns:
        The reader, and the reader's secret token, which follows from the key and a stored nonce.

    Raises:
        RatingError: The name is empty, too long, or reserved in a cohort.
        ConflictError: The study is closed, or has a reader with this name.
    """
    name = _checked_name(name, "reader")
    check_open(study)
    if name.casefold() in PSEUDO_READERS:
        raise RatingError(f"A reader cannot be named {name!r}, which means other scores in a cohort. Choose another.")
    if name.casefold() in {reader.name.casefold() for reader in study.readers}:
        raise ConflictError(f"The study has a reader {name!r} already. Choose another name.")
    number = max((reader.number for reader in study.readers), default=0) + 1
    reader = Reader(number=number, name=name)
    token = _set_token(reader, link_key)
    reader.readings = _readings(study, number)
    study.readers.append(reader)
    session.flush()
    return reader, token


def renew_token(study: Study, number: int, link_key: str) -> tuple[Reader, str]:
    """Give a reader a new token, and invalidate the old one.

    Returns:
        The reader and the reader's secret token, as for `add_reader`.

    Raises:
        NotFoundError: The study has no reader with this number.
    """
    reader = _reader(study, number)
    return reader, _set_token(reader, link_key)


def show_token(study: Study, number: int, link_key: str) -> tuple[Reader, str]:
    """Return a reader and the token that the reader has.

    Raises:
        NotFoundError: The study has no reader with this number.
        ConflictError: The token was drawn by an earlier version or under another key, so it does not follow from this
            key.
    """
    reader = _reader(study, number)
    token = _derived(link_key, reader.link_nonce or "")
    if reader.token_sha256 != hash_token(token):
        raise ConflictError(
            f"The link of {reader.name} cannot be shown: it was made by an earlier version of lgeqa, or when the owner "
            "had another token. It still works. If it is lost, make a new one."
        )
    return reader, token


def change_rule(study: Study, rule: DiscrepancyRule) -> None:
    """Store the rule for the scans to adjudicate."""
    study.rule = rule.model_dump()


def remove_reader(study: Study, number: int) -> None:
    """Remove a reader who has rated nothing, and invalidate the reader's link.

    Raises:
        NotFoundError: The study has no reader with this number.
        ConflictError: The reader has saved a rating.
    """
    reader = _reader(study, number)
    _check_unrated([reader])
    study.readers.remove(reader)


def delete_study(session: Session, study: Study) -> None:
    """Delete a study without ratings, and its readers, but not the files of the scans.

    Raises:
        ConflictError: The study has ratings.
    """
    _check_unrated(study.readers)
    session.delete(study)


def find_reader(session: Session, token: str) -> int | None:
    """Return the `Reader.id` to which a token belongs, or None if it belongs to no reader."""
    return session.scalar(select(Reader.id).where(Reader.token_sha256 == hash_token(token)))


def close_study(study: Study) -> None:
    """Close a study, so that readers see nothing more and the ratings can be viewed and exported."""
    study.closed_at = study.closed_at or utc_now()


def reopen_study(study: Study) -> None:
    """Reopen a study for its readers, and record that the ratings could be viewed before."""
    if study.closed_at:
        study.closed_at, study.reopened_at = None, utc_now()


def check_open(study: Study) -> None:
    """Raise ConflictError if the study is closed."""
    if study.closed_at:
        raise ConflictError(f"The study {study.name!r} is closed. Whoever runs it can reopen it.")


def check_closed(study: Study) -> None:
    """Raise ConflictError if the study is open, since nobody may see ratings while others still rate."""
    if not study.closed_at:
        raise ConflictError(f"The study {study.name!r} is open. Its ratings can be seen once it is closed.")


def _reader(study: Study, number: int) -> Reader:
    reader = next((reader for reader in study.readers if reader.number == number), None)
    if reader is None:
        raise NotFoundError(f"The study {study.name!r} has no reader {number}.")
    return reader


def _check_unrated(readers: Sequence[Reader]) -> None:
    """Raise ConflictError if a reader has rated, since ratings are never deleted."""
    for reader in readers:
        if any(reading.ratings for reading in reader.readings):
            raise ConflictError(f"{reader.name} has rated already, and ratings are never deleted.")


def _study_scan(scan: Candidate) -> StudyScan:
    source = scan.source
    return StudyScan(
        scan_id=source.scan_id,
        patient=scan.patient,
        **StudyScan.values_of(source),
        mask=str(source.mask_path) if source.mask_path else None,
        sha256=scan.sha256,
    )


def _readings(study: Study, reader: int) -> list[Reading]:
    repeated = draw_repeated(study.seed, len(study.scans), study.repeat_share)
    order = draw_order(study.seed, reader, len(study.scans), repeated)
    return [
        Reading(scan=study.scans[place.scan], number=number, round=place.round)
        for number, place in enumerate(order, start=1)
    ]


def _checked_name(name: str, whose: str) -> str:
    name = " ".join(name.split())
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise RatingError(f"{name[:_LONGEST_NAME]!r} is not a name for a {whose}: give 1 to {_LONGEST_NAME} signs.")
    return name


def _set_token(reader: Reader, link_key: str) -> str:
    """Give a reader a new nonce, and return the token that follows from it."""
    reader.link_nonce = secrets.token_urlsafe(_NONCE_BYTES)
    token = _derived(link_key, reader.link_nonce)
    reader.token_sha256 = hash_token(token)
    return token


def _derived(link_key: str, nonce: str) -> str:
    """Return the token of a nonce, which nobody can compute without the key."""
    code = hmac.digest(link_key.encode(), nonce.encode(), "sha256")
    return base64.urlsafe_b64encode(code[:_TOKEN_BYTES]).decode()


def hash_token(token: str) -> str:
    """Return the hash of a token, which is all that the database keeps of it."""
    return hashlib.sha256(token.encode()).hexdigest()
