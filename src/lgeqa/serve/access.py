"""Who may do what: the owner of the server by its token, a reader by a token of their own."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

#: Keeps the token in the browser once a link with `?token=` was opened.
COOKIE: Final = "lgeqa_token"
_WEEK_S: Final = 7 * 24 * 3600


@dataclass(frozen=True)
class Person:
    """Who sent a request.

    Attributes:
        reader_id: number of the reader; None for the owner of the server.
    """

    reader_id: int | None = None

    @property
    def is_owner(self) -> bool:
        """Whether everything but a reader's blinded page is open."""
        return self.reader_id is None


@dataclass(frozen=True)
class Gate:
    """Tells a token's person.

    Attributes:
        token: of the owner.
        find_reader: number of the reader whose token this is; None if nobody's.
    """

    token: str
    find_reader: Callable[[str], int | None]

    def person(self, token: str) -> Person | None:
        """Whose token it is; None if nobody's."""
        if hmac.compare_digest(token.encode(), self.token.encode()):
            return Person()
        reader_id = self.find_reader(token)
        return None if reader_id is None else Person(reader_id)


def token_of(request: Request) -> str:
    """The token that a request brings: `Authorization: Bearer`, or the cookie of a page; empty if none."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else request.cookies.get(COOKIE, "")


def without_token(request: Request, token: str) -> Response:
    """Send a page that was opened with `?token=` to its address without it, the token kept in a cookie."""
    answer = RedirectResponse(str(request.url.remove_query_params("token")), status_code=303)
    answer.set_cookie(COOKIE, token, max_age=_WEEK_S, httponly=True, samesite="strict", path="/")
    return answer


def someone(request: Request) -> Person:
    """The person behind a request; 401 for a wrong or missing token."""
    gate: Gate = request.app.state.gate
    person = gate.person(token_of(request))
    if person is None:
        raise HTTPException(
            401,
            "A wrong or missing token. Open the link that `lgeqa serve` printed, or send Authorization: Bearer TOKEN.",
            {"WWW-Authenticate": "Bearer"},
        )
    return person


def owner(person: Annotated[Person, Depends(someone)]) -> Person:
    """The owner of the server; 403 for a reader."""
    if not person.is_owner:
        raise HTTPException(403, "A reader's token opens their reading and nothing else.")
    return person


SomeoneIs = Annotated[Person, Depends(someone)]
