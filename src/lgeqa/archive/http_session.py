"""HTTP to an archive: login, trust, limits on answers, and errors that say what to do."""

import logging
import ssl
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import requests
from pydicom.errors import InvalidDicomError
from requests.auth import AuthBase
from requests.utils import get_environ_proxies

from lgeqa.archive.settings import ArchiveSettings
from lgeqa.errors import ArchiveError, ArchiveUnavailableError, ConfigError
from lgeqa.io.limits import MAX_DICOM_BYTES

# Their messages hold the UIDs of studies, which identify patients. What matters of them is raised as an error.
for _name in ("dicomweb_client", "urllib3"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)

#: What the libraries raise if an answer is a page, a login, other JSON or a damaged file.
_UNEXPECTED: Final = (
    requests.RequestException,
    InvalidDicomError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
#: Status codes with which an archive may answer another time.
_PASSING: Final = {408, 425, 429}
#: What to do about a status code.
_REMEDIES: Final = {
    400: "does not understand the request. Check the URL, which must be the root of DICOMweb (/dicom-web for Orthanc)",
    401: "asks for a login, or refuses the one it got. Check the token, or user and password",
    403: "does not permit this. Ask its administrator for the right to search, retrieve or store",
    404: "has no such thing. Check the URL, which must be the root of DICOMweb (/dicom-web for Orthanc), and the UIDs",
    405: "does not support this DICOMweb service. Ask its administrator to enable it",
    406: "cannot send it in the requested form. Ask its administrator about application/dicom by WADO-RS",
    409: "refuses the file. Its log may say why",
    413: "refuses a file of this size. Ask its administrator for a higher limit",
    415: "does not support this DICOMweb service. Ask its administrator to enable it",
}


class Session(requests.Session):
    """Session with an archive, which reads limited answers.

    Attributes:
        received: Bytes of the answer since someone set it to 0. More than `MAX_DICOM_BYTES` end the request.
    """

    def __init__(self, settings: ArchiveSettings) -> None:
        super().__init__()
        self.trust_env = False  # else .netrc would replace the login, and REQUESTS_CA_BUNDLE the certificates
        self.proxies = get_environ_proxies(settings.url)
        self.verify = True if settings.ca is None else _existing(settings.ca)
        self.max_redirects = 0  # a POST that is redirected becomes a GET, and seems to have stored
        credentials = settings.read_credentials()
        if credentials.token is not None:
            self.auth = _Bearer(credentials.token)
        elif credentials.user is not None and credentials.password is not None:
            # Text would be encoded as Latin-1.
            self.auth = (credentials.user.encode(), credentials.password.encode())  # type: ignore[assignment]
        self.hooks["response"] = [self._limit]
        self.received = 0
        self._url = settings.url

    def _limit(self, response: requests.Response, *_: object, **__: object) -> None:
        """Count the bytes of an answer as they are read."""
        self.received = 0
        chunks_of = response.iter_content

        def limited(*arguments: Any, **options: Any) -> Iterator[Any]:
            for chunk in chunks_of(*arguments, **options):
                self.received += len(chunk)
                if self.received > MAX_DICOM_BYTES:
                    raise ArchiveError(
                        f"{self._url}: sends more than the {MAX_DICOM_BYTES >> 20} MB that lgeqa reads of one file. "
                        "Search for fewer series, or export the images without private elements."
                    )
                yield chunk

        response.iter_content = limited  # type: ignore[method-assign]


def _existing(authorities: Path) -> str:
    if not authorities.is_file():
        raise ConfigError(f"{authorities}: is not there. Name the PEM file of the certificate authority.")
    return str(authorities)


class _Bearer(AuthBase):
    """Authorization by a token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


@contextmanager
def explaining(settings: ArchiveSettings) -> Iterator[None]:
    """Turn every error of a request into one that names the archive and the remedy, and no patient.

    Raises:
        ArchiveUnavailableError: The archive may answer another time.
        ArchiveError: The archive refuses, or is none.
    """
    url = settings.url
    try:
        yield
    except requests.HTTPError as error:
        raise _refused(url, 0 if error.response is None else error.response.status_code) from None
    except requests.exceptions.SSLError as error:
        raise ArchiveError(f"{url}: {_distrust(error)}") from None
    except requests.TooManyRedirects:
        raise ArchiveError(f"{url}: redirects elsewhere. Give the final URL of its DICOMweb services.") from None
    except requests.Timeout:
        raise ArchiveUnavailableError(
            f"{url}: does not answer within {settings.timeout:g} s. Check the address and the network, or try later."
        ) from None
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
        raise ArchiveUnavailableError(
            f"{url}: cannot be reached, or ends the connection. Check host, port, http or https, and that it runs."
        ) from None
    except _UNEXPECTED:
        raise ArchiveError(
            f"{url}: does not answer as DICOMweb. Give the root of its DICOMweb services (/dicom-web for Orthanc)."
        ) from None


def _refused(url: str, status: int) -> ArchiveError:
    if status >= 500 or status in _PASSING:
        return ArchiveUnavailableError(f"{url}: fails or is overloaded (HTTP {status}). Try later, or see its log.")
    remedy = _REMEDIES.get(status, "refuses the request. Its log may say why")
    return ArchiveError(f"{url}: {remedy} (HTTP {status}).")


def _distrust(error: requests.exceptions.SSLError) -> str:
    """Return why the archive is not trusted, and what to do."""
    cause: BaseException | None = error
    while cause and not isinstance(cause, ssl.SSLError):
        cause = getattr(cause, "reason", None) or (cause.args[0] if cause.args else None)
        cause = cause if isinstance(cause, BaseException) else None
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not trusted ({cause.verify_message}). If it is the right archive, name the file "
            "of the certificate authority that signed it (--ca, or ca in the settings)."
        )
    return "does not speak TLS as expected. Check the port, and whether its address starts with http://."
