"""People of a server, and requests that a proxy passes on."""

from fastapi import FastAPI
from fastapi.testclient import TestClient

from lgeqa.web.models import Role
from lgeqa.web.people import People

#: Address from which the requests of `behind_proxy` come, and the settings of a server that believes them.
PROXY_ADDRESS = "10.0.0.9"
PROXY = {"addresses": [PROXY_ADDRESS], "person_header": "X-Forwarded-User"}


def person(app: FastAPI, name: str, role: Role) -> TestClient:
    """Add a person, and return a client that sends the person's token."""
    token = People(app.state.served.sessions).add(name, role)
    return TestClient(app, headers={"Authorization": f"Bearer {token}"})


def behind_proxy(app: FastAPI, address: str = PROXY_ADDRESS, **headers: str) -> TestClient:
    """Return a client at an address, with headers whose names have _ for -."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return TestClient(app, headers=named, client=(address, 50_000))
