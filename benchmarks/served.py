"""A server that benchmarks start on loopback, in a separate process."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: The command line, in the Python that runs the benchmark.
LGEQA = (sys.executable, "-c", "from lgeqa.cli import main; main()")
#: Token of the owner.
TOKEN = "0wner-of-the-server-of-benchmarks"


@contextmanager
def served(home: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Serve a folder, and yield the process, which the caller ends, and its address, empty if it did not start."""
    command = [*LGEQA, "serve", "--home", str(home), "--port", "0", *options]
    environment = os.environ | {"LGEQA_TOKEN": TOKEN}
    with subprocess.Popen(
        command, text=True, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        words = process.stdout.readline().split()
        yield process, words[1].split("/?")[0].rstrip("/") if len(words) > 1 else ""


def send(address: str, scans: Iterable[Path]) -> None:
    """Send `data.nrrd` of each folder with a separate key, so that a scan that arrived before is not added twice."""
    for scan in scans:
        name, border = scan.name, uuid.uuid4().hex
        head = f'--{border}\r\nContent-Disposition: form-data; name="file"; filename="{name}.nrrd"\r\n\r\n'.encode()
        body = head + (scan / "data.nrrd").read_bytes() + f"\r\n--{border}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={border}", "Idempotency-Key": f"once-{name}"}
        with suppress(urllib.error.HTTPError):  # the disk may be full
            ask(address, "/api/uploads", body, kind)


def ask(address: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> bytes:
    """Send a request as the owner, or with a token in `headers`, as a POST if there is a body.

    Raises the errors of urllib.
    """
    request = urllib.request.Request(address + path, body, {"Authorization": f"Bearer {TOKEN}", **(headers or {})})
    with urllib.request.urlopen(request, timeout=60) as answer:
        content: bytes = answer.read()
    return content
