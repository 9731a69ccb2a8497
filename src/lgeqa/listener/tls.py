"""TLS contexts of DICOM and HTTP, TLS 1.2 or later as BCP 195 asks."""

import socket
import ssl
from pathlib import Path
from typing import Any

from lgeqa.errors import ConfigError
from lgeqa.listener.settings import TlsServer


class _HandshakeLater(ssl.SSLContext):
    """Context whose sockets shake hands when they are first read, in the thread of their own association.

    pynetdicom accepts connections in one thread, so a peer that stays silent would keep everybody out.
    """

    def wrap_socket(self, sock: socket.socket, *args: Any, **options: Any) -> ssl.SSLSocket:
        """Wrap a socket without a handshake."""
        return super().wrap_socket(sock, *args, **options | {"do_handshake_on_connect": False})


def server_context(settings: TlsServer) -> ssl.SSLContext:
    """Return the context of the listener.

    Raises:
        ConfigError: A file cannot be used.
    """
    context = _HandshakeLater(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load_chain(context, settings.certificate, settings.key)
    if settings.client_ca:
        _load_authorities(context, settings.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(ca: Path | None, certificate: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
    """Return the context for connections to another node or server, whose certificate and name are checked.

    Args:
        ca: PEM file of its authorities. None for the system's.
        certificate: PEM file of the certificate to show. None to show none.
        key: PEM file of its private key.

    Raises:
        ConfigError: A file cannot be used.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        _load_authorities(context, ca)
    if certificate and key:
        _load_chain(context, certificate, key)
    return context


def _load_chain(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise _not_usable(f"{certificate} and {key}", "a certificate chain and its private key", error) from None


def _load_authorities(context: ssl.SSLContext, path: Path) -> None:
    try:
        context.load_verify_locations(path)
    except (OSError, ssl.SSLError) as error:
        raise _not_usable(str(path), "certificates of authorities", error) from None


def _not_usable(files: str, content: str, error: OSError) -> ConfigError:
    why = "they do not fit, or are not PEM files" if isinstance(error, ssl.SSLError) else (error.strerror or "").lower()
    return ConfigError(f"{files}: cannot be used ({why}). Give {content} as PEM files.")
