"""Who may do what: the owner of the server by its token, a reader by a token of their own."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from lgeqa.serve.tokens import is_strong

_WEEK_S: Final = 7 * 24 * 3600
#: What a request without a token of somebody is told.
NO_TOKEN: Final = (
    "A wrong or missing token. Open the link that `lgeqa serve` printed, or send Authorization: Bearer TOKEN."
)


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
        """Return whose token it is, or None if nobody's. A weak token is nobody's, whatever it is compared with."""
        if not is_strong(token):
            return None
        if hmac.compare_digest(token.encode(), self.token.encode()):
            return Person()
        reader_id = self.find_reader(token)
        return None if reader_id is None else Person(reader_id)


def token_of(request: Request) -> str:
    """The token that a request brings: `Authorization: Bearer`, or the cookie of a page; empty if none."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else request.cookies.get(cookie_of(request), "")


def cookie_of(request: Request) -> str:
    """Return the name of the cookie that keeps the token of this server.

    Browsers share cookies among the ports of a machine, so the name holds the port that the server listens on.
    """
    _, port = request.scope.get("server") or ("", None)
    return f"lgeqa_token_{port}"


def without_token(request: Request, token: str) -> Response:
    """Send a page that was opened with `?token=` to its address without it, the token kept in a cookie."""
    answer = RedirectResponse(str(request.url.remove_query_params("token")), status_code=303)
    answer.set_cookie(cookie_of(request), token, max_age=_WEEK_S, httponly=True, samesite="strict", path="/")
    return answer


def person_of(request: Request) -> Person | None:
    """Return the person behind a request, as the doorman found it."""
    found: Person | None = request.state.person
    return found


def someone(request: Request) -> Person:
    """The person behind a request; 401 for a wrong or missing token."""
    person = person_of(request)
    if person is None:
        raise HTTPException(401, NO_TOKEN, {"WWW-Authenticate": "Bearer"})
    return person


def owner(person: Annotated[Person, Depends(someone)]) -> Person:
    """The owner of the server; 403 for a reader."""
    if not person.is_owner:
        raise HTTPException(403, "A reader's token opens their reading and nothing else.")
    return person


SomeoneIs = Annotated[Person, Depends(someone)]
