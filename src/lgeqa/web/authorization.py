"""Access control: by the token of the server's owner, or by the token of a reader."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from lgeqa.web.tokens import is_strong

_WEEK_S: Final = 7 * 24 * 3600
#: Response to a request without a valid token.
NO_TOKEN: Final = (
    "A wrong or missing token. Open the link that `lgeqa serve` printed, or send Authorization: Bearer TOKEN."
)


@dataclass(frozen=True)
class Principal:
    """The sender of a request.

    Attributes:
        reader_id: Identifier of the reader. None for the owner of the server.
    """

    reader_id: int | None = None

    @property
    def is_owner(self) -> bool:
        """Whether the sender owns the server, and may use everything except a reader's blinded page."""
        return self.reader_id is None


@dataclass(frozen=True)
class Authenticator:
    """The lookup from a token to its person.

    Attributes:
        token: Token of the owner.
        find_reader: Function that returns the identifier of the reader with a token, or None if there is none.
    """

    token: str
    find_reader: Callable[[str], int | None]

    def person(self, token: str) -> Principal | None:
        """Return the person with a token, or None. A weak token belongs to nobody, whatever it is compared with."""
        if not is_strong(token):
            return None
        if hmac.compare_digest(token.encode(), self.token.encode()):
            return Principal()
        reader_id = self.find_reader(token)
        return None if reader_id is None else Principal(reader_id)


def token_of(request: Request) -> str:
    """Return the token of a request, from `Authorization: Bearer` or else from a page's cookie, or an empty string."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else request.cookies.get(cookie_of(request), "")


def cookie_of(request: Request) -> str:
    """Return the name of the cookie that holds the token of this server.

    Browsers share cookies among the ports of a machine, so the name contains the port on which the server listens.
    """
    _, port = request.scope.get("server") or ("", None)
    return f"lgeqa_token_{port}"


def without_token(request: Request, token: str) -> Response:
    """Redirect a page that was opened with `?token=` to its address without it, and set the token as a cookie."""
    answer = RedirectResponse(str(request.url.remove_query_params("token")), status_code=303)
    answer.set_cookie(cookie_of(request), token, max_age=_WEEK_S, httponly=True, samesite="strict", path="/")
    return answer


def person_of(request: Request) -> Principal | None:
    """Return the sender of a request, as determined by the doorman."""
    person: Principal | None = request.state.person
    return person


def someone(request: Request) -> Principal:
    """Return the sender of a request.

    Raises:
        HTTPException: 401 for a wrong or missing token.
    """
    person = person_of(request)
    if person is None:
        raise HTTPException(401, NO_TOKEN, {"WWW-Authenticate": "Bearer"})
    return person


def owner(person: Annotated[Principal, Depends(someone)]) -> Principal:
    """Return the owner of the server.

    Raises:
        HTTPException: 403 for a reader.
    """
    if not person.is_owner:
        raise HTTPException(403, "A reader's token opens their reading and nothing else.")
    return person


PrincipalDep = Annotated[Principal, Depends(someone)]
