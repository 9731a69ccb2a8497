"""Let many clients use a server at once, and check that none gets a server error.

    python benchmarks/crowd.py [--uploads 8] [--clients 50] [--seconds 20]

Uploads just below and just above the limit are sent at the same time: the first are accepted and the others refused.
Then clients request pages, lists and volumes for some seconds, a fifth of them without a token and a fifth of them for
missing things. Prints how often each status was answered, and there should be none of 500 and above. A status of 0 is a
closed connection: a body that is declared too large is refused before it is read, and a sender that writes all of it
before it reads the answer may lose the answer.
"""

import argparse
import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from served import LGEQA, TOKEN, served

_LIMIT_MB = 20
_OWNER = {"Authorization": f"Bearer {TOKEN}"}
_PATHS = (
    "/",
    "/health",
    "/api/scans",
    "/api/scans?size=500",
    "/api/scans/1",
    "/api/scans/1/volume.nii.gz",
    "/api/scans/1/atrium.nii.gz",
    "/api/studies",
)
_NONE = (
    "/%00",
    "/api/nothing",
    "/api/scans/99999",
    "/api/scans/-1",
    "/api/scans/x",
    "/api/scans/1/../../etc/passwd",
    "/api/scans?size=9999999999999999999999",
    "/api/scans?until=9999-12-31",
)


def main() -> None:
    """Print the answers to uploads and to clients."""
    parser = argparse.ArgumentParser(description="Let many clients at a served folder at once.")
    parser.add_argument("--uploads", type=int, default=8)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    with TemporaryDirectory() as place:
        scans = Path(place) / "scans"
        subprocess.run([*LGEQA, "simulate", "-o", str(scans), "--n", "1"], check=True, stdout=subprocess.DEVNULL)
        scan = (scans / "phantom-0000" / "data.nrrd").read_bytes()
        with served(Path(place) / "home", "--upload-mb", str(_LIMIT_MB)) as (process, address):
            send = partial(_send, address, scan)
            with ThreadPoolExecutor(2 * options.uploads) as pool:
                for side, excess in (("below", -4096), ("above", 4096)):
                    sizes = [_LIMIT_MB * 1_000_000 + excess] * options.uploads
                    print(f"{options.uploads} uploads at once, {side} the limit: {_counted(pool.map(send, sizes))}")
            end = time.monotonic() + options.seconds
            with ThreadPoolExecutor(options.clients) as pool:
                results = pool.map(partial(_client, address, end), range(options.clients))
                answers = [status for statuses in results for status in statuses]
            print(f"{options.clients} clients, {len(answers)} requests: {_counted(answers)}")
            process.terminate()


def _counted(statuses: Iterator[int] | list[int]) -> str:
    return ", ".join(f"{number} x {status}" for status, number in sorted(Counter(statuses).items()))


def _client(address: str, end: float, number: int) -> list[int]:
    """Send requests until the time is over, and return the status of each answer."""
    rng, answers = random.Random(number), []
    while time.monotonic() < end:
        kind = number % 5
        path = rng.choice(_NONE if kind == 0 else _PATHS)
        answers.append(_ask(address + path, {} if kind == 1 else _OWNER))
    return answers


def _send(address: str, scan: bytes, size: int) -> int:
    """Send a scan and a file of noise of this total size, and return the status of the answer."""
    border = "of-the-crowd"
    parts = b""
    for name in ("case.nrrd", "notes.bin"):
        head = f'--{border}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
        content = scan if name == "case.nrrd" else os.urandom(max(0, size - len(scan)))
        parts += head + content + b"\r\n"
    kind = {"Content-Type": f"multipart/form-data; boundary={border}"}
    return _ask(f"{address}/api/uploads", _OWNER | kind, parts + f"--{border}--\r\n".encode())


def _ask(address: str, headers: dict[str, str], body: bytes | None = None) -> int:
    """Return the status of an answer, 0 if the connection was closed."""
    place = urlsplit(address)
    link = HTTPConnection(place.netloc, timeout=120)
    try:
        with suppress(BrokenPipeError, ConnectionResetError):  # the answer may arrive before everything was sent
            link.request(
                "GET" if body is None else "POST", address.removeprefix(f"http://{place.netloc}"), body, headers
            )
        answer = link.getresponse()
        answer.read()
    except (OSError, HTTPException):
        return 0
    else:
        return answer.status
    finally:
        link.close()


if __name__ == "__main__":
    main()
