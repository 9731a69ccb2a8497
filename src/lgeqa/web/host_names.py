"""Host names under which the server answers.

A page from another server can point its own name at this machine (DNS rebinding), and then passes for a page of this
server. Its requests still have that name in `Host`, so a request under a name that is not the server's is refused.
"""

import ipaddress
import socket
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

#: Names that lead only to the machine itself.
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
#: Addresses to listen on that mean all interfaces of the machine.
EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})


def is_ours(host: str, names: Iterable[str]) -> bool:
    """Return whether a `Host` header names this server.

    Args:
        host: Value of the header, with or without a port.
        names: Names and addresses of the server in addition to those of loopback. One of `EVERYWHERE` means all
            numeric addresses, which no name server can change.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    known = {known.lower() for known in names} | LOOPBACK
    return name in known or (bool(known & EVERYWHERE) and _is_address(name))


def link_host(host: str) -> str:
    """Return the host of a link to a listening address. For one of `EVERYWHERE` it is an address of this machine."""
    address = _outward_address() if host in EVERYWHERE else host
    return f"[{address}]" if ":" in address else address


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _outward_address() -> str:
    """Return the address by which the network knows this machine, without sending anything."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # from a block reserved for documentation
        except OSError:
            return "127.0.0.1"
        address: str = probe.getsockname()[0]
        return address
