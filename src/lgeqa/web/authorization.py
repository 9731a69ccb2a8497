"""Access control: by the token of the owner, a person or a reader, or by a proxy that signs people in."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final, Literal, get_args

from fastapi import Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from lgeqa.database import Sessions
from lgeqa.studies.management import find_reader
from lgeqa.web.models import OWNER, Role
from lgeqa.web.people import find_by_name, find_by_token, has_people
from lgeqa.web.proxy import ProxyError, ProxySettings
from lgeqa.web.tokens import is_strong

_WEEK_S: Final = 7 * 24 * 3600
_ROLES: Final = get_args(Role)
#: Response to a request without a valid token.
NO_TOKEN: Final = (
    "A wrong or missing token. Open the link that `lgeqa serve` printed, or your own. Programs send "
    "Authorization: Bearer TOKEN."
)


@dataclass(frozen=True)
class Principal:
    """The sender of a request.

    Attributes:
        name: Name of the sender.
        role: Role of the sender. `reader` is a reader of a study.
        reader_id: Identifier of the reader. None for everybody else.
        is_named: Whether decisions carry this name. False for the owner of a server without people, who may give one.
    """

    name: str
    role: Role | Literal["reader"]
    reader_id: int | None = None
    is_named: bool = True

    def may(self, role: Role) -> bool:
        """Return whether the sender has this role or a higher one."""
        return self.role != "reader" and _ROLES.index(self.role) >= _ROLES.index(role)


@dataclass(frozen=True)
class Authenticator:
    """The lookup from a request to its sender.

    Attributes:
        token: Token of the owner.
        sessions: Sessions of the database with people and readers.
        proxy: Reverse proxy that signs people in. None without one.
    """

    token: str
    sessions: Sessions
    proxy: ProxySettings | None = None

    def sender(self, request: Request) -> Principal | None:
        """Return the person whom the proxy signed in, or else the person with the token of a request, or None.

        Raises:
            ProxyError: A header that names a person is not to be believed, or the person may not use the server.
        """
        name = self.proxy.name_in(request) if self.proxy else None
        if self.proxy is None or name is None:
            return self.person(token_of(request))
        if self.proxy.groups_header:
            role, remedy = self.proxy.role_in(request), "Put the person into a group of lgeqa serve --group."
        else:
            role, remedy = self._role_of(name), "Its owner adds people by lgeqa people add."
        if role is None:
            raise ProxyError(f"{name!r:.120} has no role on this server. {remedy}")
        return Principal(name, role)

    def _role_of(self, name: str) -> Role | None:
        with self.sessions() as session:
            person = find_by_name(session, name)
        return person.role if person else None

    def person(self, token: str) -> Principal | None:
        """Return the person with a token, or None. A weak token belongs to nobody, whatever it is compared with."""
        if not is_strong(token):
            return None
        is_owner = hmac.compare_digest(token.encode(), self.token.encode())
        with self.sessions() as session:
            if is_owner:
                return Principal(OWNER, "owner", is_named=self.proxy is not None or has_people(session))
            if person := find_by_token(session, token):
                return Principal(person.name, person.role)
            reader_id = find_reader(session, token)
        return None if reader_id is None else Principal(f"reader {reader_id}", "reader", reader_id)


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
    """Redirect a page that was opened with `?token=`, as links of earlier versions have it, to its address without."""
    answer = RedirectResponse(str(request.url.remove_query_params("token")), status_code=303)
    keep_token(request, answer, token)
    return answer


def keep_token(request: Request, answer: Response, token: str) -> None:
    """Set the token as a cookie, which neither scripts nor pages of other servers can read."""
    answer.set_cookie(cookie_of(request), token, max_age=_WEEK_S, httponly=True, samesite="strict", path="/")


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


PrincipalDep = Annotated[Principal, Depends(someone)]


def _at_least(role: Role) -> Callable[[Principal], Principal]:
    """Return a dependency that lets in senders of a role, or of a higher one."""

    def check(person: PrincipalDep) -> Principal:
        if person.may(role):
            return person
        if person.role == "reader":
            raise HTTPException(403, "A reader's token opens their reading and nothing else.")
        raise HTTPException(
            403, f"This needs the role {role}, and {person.name} is {person.role}. Ask the owner of the server."
        )

    return check


monitor, viewer, member, owner = map(_at_least, _ROLES)
