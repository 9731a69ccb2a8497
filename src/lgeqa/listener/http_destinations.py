"""Destinations by HTTP: the web application of lgeqa, and any URL."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import httpx

from lgeqa.errors import ConfigError
from lgeqa.formatting import plural
from lgeqa.listener.destination import Delivery
from lgeqa.listener.errors import DeliveryError
from lgeqa.listener.settings import UrlSettings, WebSettings
from lgeqa.listener.tls import client_context

#: Remedies for statuses that an administrator can do something about.
_REMEDIES: Final = {
    401: "Check the token.",
    403: "Check the token, and the names under which the server may be reached.",
    404: "Check the URL.",
    413: "Raise the server's limit on the size of an upload.",
    507: "Make room on the server's disk.",
}


class _HttpDestination:
    """What all destinations by HTTP share. A result that is sent again has the same Idempotency-Key."""

    def __init__(self, settings: UrlSettings | WebSettings) -> None:
        self._settings = settings
        self._tls = client_context(settings.ca)
        self._token = _read_token(settings.token_file) if settings.token_file else None

    @property
    def name(self) -> str:
        """Name in the settings."""
        return self._settings.name

    def _post(self, url: str, result_id: str, **content: Any) -> httpx.Response:
        """Send a request, and return the response if it is a success.

        Raises:
            DeliveryError: The server cannot be reached, or refuses.
        """
        headers = {"Idempotency-Key": result_id}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        where = f"{self.name} ({url})"
        try:
            with httpx.Client(verify=self._tls, timeout=self._settings.timeout) as client:
                response = client.post(url, headers=headers, **content)
        except httpx.HTTPError as error:
            raise DeliveryError(
                f"{where} cannot be reached ({type(error).__name__}). Check that it runs, its URL and certificate."
            ) from None
        if not response.is_success:
            remedy = _REMEDIES.get(response.status_code, "See the server's log.")
            raise DeliveryError(f"{where} answers with the status {response.status_code}. {remedy}")
        return response


class UrlHook(_HttpDestination):
    """Destination that gets the records of a result as JSON."""

    def deliver(self, delivery: Delivery) -> str:
        """Post the records.

        Raises:
            DeliveryError: The server cannot be reached, or refuses.
        """
        response = self._post(self._settings.url, delivery.id, json=delivery.message())
        return f"HTTP status {response.status_code}"


class WebApplication(_HttpDestination):
    """Destination that uploads the images of a series to the web application of lgeqa."""

    def deliver(self, delivery: Delivery) -> str:
        """Upload the images.

        Raises:
            DeliveryError: The server cannot be reached, or refuses.
        """
        url = f"{self._settings.url.rstrip('/')}/api/uploads"
        with ExitStack() as stack:
            files = [
                ("file", (f"{delivery.id}/{path.name}", stack.enter_context(path.open("rb")), "application/dicom"))
                for path in delivery.images
            ]
            added = self._post(url, delivery.id, files=files).json()
        return plural(len(added.get("scans", ())), "scan")


def _read_token(path: Path) -> str:
    try:
        token = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}). Write the token into it.") from None
    if not token or not token.isascii() or not token.isprintable():
        raise ConfigError(f"{path}: holds no token. Write the token into it, and nothing else.")
    return token
