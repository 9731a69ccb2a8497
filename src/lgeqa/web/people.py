"""People who use a server: each has a role, and a token of which only the hash is stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from sqlalchemy import select
from sqlalchemy.orm import Session

from lgeqa.database import Sessions
from lgeqa.errors import UsageError
from lgeqa.formatting import utc_now
from lgeqa.studies.management import hash_token
from lgeqa.web.audit import record
from lgeqa.web.home_folder import make_home, open_home
from lgeqa.web.models import OWNER, Person, Role
from lgeqa.web.tokens import draw_token

_LONGEST_NAME: Final = 100


class PersonError(UsageError):
    """A person cannot be added, or there is none of that name."""


@dataclass(frozen=True)
class People:
    """The people of a server, as its owner changes them. Each change is in the audit log.

    Attributes:
        sessions: Sessions of the database.
    """

    sessions: Sessions

    @classmethod
    def of(cls, home: Path, database: str | None = None) -> Self:
        """Return the people of a home folder, which is created if it is missing, or of a PostgreSQL database.

        Raises:
            OutputError: The folder or its database cannot be used.
        """
        make_home(home)
        return cls(open_home(home, database))

    def add(self, name: str, role: Role) -> str:
        """Add a person, and return the person's token.

        Raises:
            PersonError: The name is empty, too long, reserved or taken.
        """
        name, token = _checked_name(name), draw_token()
        with self.sessions.begin() as session:
            if find_by_name(session, name):
                raise PersonError(f"There is a person {name!r} already. Choose another name, or remove that one first.")
            session.add(Person(name=name, role=role, token_sha256=hash_token(token), added_at=utc_now()))
            record(session, OWNER, "people", detail=f"added {name} as {role}")
        return token

    def renew_token(self, name: str) -> str:
        """Give a person a new token, and return it. The old one opens nothing any more.

        Raises:
            PersonError: There is no such person.
        """
        token = draw_token()
        with self.sessions.begin() as session:
            _person(session, name).token_sha256 = hash_token(token)
            record(session, OWNER, "people", detail=f"new token of {name}")
        return token

    def remove(self, name: str) -> None:
        """Remove a person. What the person added, decided and saw keeps the name.

        Raises:
            PersonError: There is no such person.
        """
        with self.sessions.begin() as session:
            session.delete(_person(session, name))
            record(session, OWNER, "people", detail=f"removed {name}")

    def all(self) -> Sequence[Person]:
        """Return all people, by name."""
        with self.sessions() as session:
            return _all(session)


def has_people(session: Session) -> bool:
    """Return whether anybody but the owner uses the server."""
    return session.scalar(select(Person.id).limit(1)) is not None


def find_by_token(session: Session, token: str) -> Person | None:
    """Return the person with a token, or None."""
    return session.scalar(select(Person).where(Person.token_sha256 == hash_token(token)))


def find_by_name(session: Session, name: str) -> Person | None:
    """Return the person with a name, or None."""
    return session.scalar(select(Person).where(Person.name == name))


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise PersonError(f"{name[:_LONGEST_NAME]!r} is not a name for a person: give 1 to {_LONGEST_NAME} signs.")
    if name == OWNER:
        raise PersonError(f"{name!r} is whoever has the token of the server itself. Choose another name.")
    return name


def _all(session: Session) -> Sequence[Person]:
    return session.scalars(select(Person).order_by(Person.name)).all()


def _person(session: Session, name: str) -> Person:
    person = find_by_name(session, name)
    if person is None:
        names = ", ".join(person.name for person in _all(session)) or "nobody"
        raise PersonError(f"There is no person {name!r}. Known: {names}.")
    return person
