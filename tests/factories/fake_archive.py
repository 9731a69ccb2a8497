"""A server that answers as a test wants, in place of an archive."""

import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


@dataclass
class Answer:
    """An answer to a request."""

    status: int = 200
    body: bytes = b"[]"
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/dicom+json"})


@dataclass
class FakeArchive:
    """A running server.

    Attributes:
        url: Root of the server.
        answers: Answers to the next requests, and the last one to all after them.
        requests: Method and path of each request so far.
        logins: Authorization of each request so far.
    """

    url: str
    answers: list[Answer]
    requests: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)


@contextmanager
def fake_archive(*answers: Answer, certificate: Path | None = None) -> Iterator[FakeArchive]:
    """Run a server on the loopback interface.

    Args:
        answers: Answers to the requests, in their order. The last one is repeated.
        certificate: PEM file of key and certificate for TLS.
    """
    archive = FakeArchive("", list(answers))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            archive.requests.append(f"{self.command} {self.path}")
            archive.logins.append(self.headers.get("Authorization", ""))
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = archive.answers.pop(0) if len(archive.answers) > 1 else archive.answers[0]
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_POST = do_GET  # noqa: N815 - names of the base class

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        archive.url = f"{'http' if certificate is None else 'https'}://127.0.0.1:{server.server_port}/dicom-web"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield archive
        finally:
            server.shutdown()
            thread.join()


def make_certificate(folder: Path) -> Path:
    """Write a self-signed certificate for the loopback address, with its key, and return the path."""
    path = folder / "certificate.pem"
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed (Debian package openssl)")
    names = ["-subj", "/CN=archive", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names]
    subprocess.run([*command, "-keyout", path, "-out", folder / "only"], check=True, capture_output=True)
    with path.open("ab") as file:
        file.write((folder / "only").read_bytes())
    return path
