"""People whom a reverse proxy signed in: it names them in a header, which is believed from its address only."""

import ipaddress
from typing import get_args

from fastapi import Request
from pydantic import Field, IPvAnyNetwork

from lgeqa.config import Settings
from lgeqa.errors import UsageError
from lgeqa.web.models import OWNER, Role


class ProxyError(UsageError):
    """A header names a person, but not from the proxy, or not a person who may use the server."""


class ProxySettings(Settings):
    """Settings of a reverse proxy that signs people in.

    Attributes:
        addresses: Addresses or networks of the proxy. A header from elsewhere is refused.
        person_header: Header with the name of the person.
        groups_header: Header with the groups of the person, separated by commas. Empty if roles come from the list of
            people.
        roles: Role of each group. A person gets the highest role of all groups.
    """

    addresses: tuple[IPvAnyNetwork, ...] = Field(min_length=1)
    person_header: str = Field(pattern=r"^[A-Za-z0-9-]+$")
    groups_header: str = Field("", pattern=r"^[A-Za-z0-9-]*$")
    roles: dict[str, Role] = Field(default_factory=dict)

    def name_in(self, request: Request) -> str | None:
        """Return the name of the person that the proxy signed in, or None if the request names nobody.

        Raises:
            ProxyError: The header comes from another address, or there are several of it.
        """
        name = self._header(request, self.person_header)
        if not name:
            return None
        if not self._is_proxy(request):
            address = request.client.host if request.client else "an unknown address"
            raise ProxyError(
                f"{self.person_header} came from {address}, which is not a proxy of this server. Open the address of "
                "the proxy, or start the server with --proxy for this one."
            )
        if name == OWNER:
            raise ProxyError(f"{name!r} is whoever has the token of the server itself. Sign in under another name.")
        return name

    def role_in(self, request: Request) -> Role | None:
        """Return the highest role of the person's groups, or None if no group has one."""
        groups = self._header(request, self.groups_header).split(",")
        roles = [self.roles[group.strip()] for group in groups if group.strip() in self.roles]
        return max(roles, key=get_args(Role).index, default=None)

    def _header(self, request: Request, name: str) -> str:
        values = request.headers.getlist(name)
        if len(values) > 1:
            raise ProxyError(f"{name} came {len(values)} times. Let the proxy replace the header that a browser sends.")
        return values[0].strip() if values else ""

    def _is_proxy(self, request: Request) -> bool:
        try:
            address = ipaddress.ip_address(request.client.host if request.client else "")
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self.addresses)
