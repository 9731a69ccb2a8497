"""Signing in with the token of a link, which a page sends in a header, so that no address and no log holds it."""

from typing import Final

from fastapi import APIRouter, Request, Response

from lgeqa.config import Frozen
from lgeqa.web.authorization import PrincipalDep, keep_token, token_of

router = APIRouter(tags=["Signing in"])
#: First pages of those who have no list of scans.
_FIRST_PAGES: Final = {"reader": "/read", "monitor": "/metrics"}


class SignedIn(Frozen):
    """The page of a person who signed in.

    Attributes:
        page: Path of the first page for this person.
    """

    page: str


@router.post("/api/sign-in")
def sign_in(request: Request, response: Response, person: PrincipalDep) -> SignedIn:
    """Keep the token of the request as a cookie of the browser, and return where its owner starts."""
    keep_token(request, response, token_of(request))
    return SignedIn(page=_FIRST_PAGES.get(person.role, "/"))
