"""Let 50 people use a server with 2,000 scans in its queue: how long the list takes, and whether anything is lost.

    python benchmarks/serve_many.py [--people 50] [--scans 2000] [--seconds 120] [--workers 1]

Each person has a token, sends an equal share of toy scans by several uploads, and then asks for the list every second,
as the page does, in one of four ways, while the workers take scans. The toy bundle of the tests assesses them. Prints
the times of the list, how evenly the first results were spread over people, and, once the queue is empty, whether each
scan is there once and has a result. With `--seconds 0` people ask until the queue is empty.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import urlsplit

from served import TOKEN, served

from lgeqa.web.people import People
from tests.toy import toy_bundle, toy_scan

_UPLOAD: Final = 10
_EVERY_S: Final = 1.0
_LISTS: Final = (
    "/api/scans?size=50&urgent_first=true",
    "/api/scans?size=50&urgent_first=true&page=7",
    "/api/scans?size=50&state=queued&sort=name",
    "/api/scans?size=50&text=7",
)


@dataclass(frozen=True)
class Load:
    """What was measured.

    Attributes:
        statuses: Number of answers of each status.
        names: Names of the scans that people sent.
        done: Names of the scans with a result, as often as they are in the list.
        first: Number of scans of each person among the first that were assessed.
    """

    statuses: Counter[int]
    names: Sequence[str]
    done: Sequence[str]
    first: Counter[str]

    @property
    def lost(self) -> set[str]:
        """Names of scans that were sent and have no result."""
        return set(self.names) - set(self.done)


def main() -> None:
    """Print what people see of a busy server."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--scans", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    with TemporaryDirectory() as place:
        load = run(Path(place), options.people, options.scans, options.seconds, "--workers", str(options.workers))
    print(f"first {sum(load.first.values())} results are of {len(load.first)} people")
    print(f"{len(load.names)} sent, {len(load.done)} done, {len(load.lost)} lost, ", end="")
    print(f"{len(load.done) - len(set(load.done))} twice")


def run(place: Path, n_people: int, n_scans: int, seconds: float, *options: str) -> Load:
    """Serve a new home folder to people, and return what was measured."""
    home = place / "home"
    people = People.of(home)
    tokens = {f"person-{number}": people.add(f"person-{number}", "member") for number in range(n_people)}
    scan = toy_scan(place / "scan.nrrd").read_bytes()
    shares = {
        name: [f"scan-{number:04}" for number in range(n_scans) if number % n_people == place_in_row]
        for place_in_row, name in enumerate(tokens)
    }
    with served(home, "--bundle", str(toy_bundle(place / "bundle")), *options) as (process, address):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: _send(address, tokens[name], shares[name], scan), tokens))
        end = time.monotonic() + seconds if seconds else float("inf")
        with ThreadPoolExecutor(n_people) as pool:
            rows = list(pool.map(partial(_look, address, end), tokens.values(), range(n_people)))
        answers = [answer for row in rows for answer in row]
        _print_lists(answers)
        scans = _wait(address)
        process.terminate()
    first = sorted((scan for scan in scans if scan["state"] == "done"), key=lambda scan: scan["finished_at"])
    owners = {name: person for person, names in shares.items() for name in names}
    return Load(
        statuses=Counter(status for status, _ in answers),
        names=sorted(owners),
        done=[scan["name"] for scan in first],
        first=Counter(owners[scan["name"]] for scan in first[:n_people]),
    )


def _print_lists(answers: Sequence[tuple[int, float]]) -> None:
    """Print the times of the list, before the queue is empty, which takes long."""
    seconds = [taken for _, taken in answers]
    middle, high = quantiles(seconds, n=2)[0], quantiles(seconds, n=20)[-1]
    print(f"{len(seconds)} lists: median {middle:.3f} s, p95 {high:.3f} s, longest {max(seconds):.3f} s", end="; ")
    print(f"answers {dict(Counter(status for status, _ in answers))}", flush=True)


def _send(address: str, token: str, names: Sequence[str], scan: bytes) -> None:
    for start in range(0, len(names), _UPLOAD):
        border = "between-toy-scans"
        parts = b"".join(
            f'--{border}\r\nContent-Disposition: form-data; name="file"; filename="{name}.nrrd"\r\n\r\n'.encode()
            + scan
            + b"\r\n"
            for name in names[start : start + _UPLOAD]
        )
        kind = {"Content-Type": f"multipart/form-data; boundary={border}"}
        status, content = _ask(address, "/api/uploads", token, kind, parts + f"--{border}--\r\n".encode())
        assert status == 201, content


def _look(address: str, end: float, token: str, number: int) -> list[tuple[int, float]]:
    """Ask for the list every second until the time is over or the queue is empty, and time each answer."""
    answers: list[tuple[int, float]] = []
    tag = ""
    time.sleep(_EVERY_S * number / 50)
    for turn in _turns(end):
        path = _LISTS[number % len(_LISTS)]
        start = time.perf_counter()
        status, content = _ask(address, path, token, {"If-None-Match": tag} if tag else {})
        answers.append((status, time.perf_counter() - start))
        if status == 200:
            answer = json.loads(content)
            tag = f'"{answer["version"]}"'
            if turn and not {"queued", "working"} & set(answer["counts"]):
                break
        time.sleep(_EVERY_S)
    return answers


def _turns(end: float) -> Iterator[int]:
    turn = 0
    while time.monotonic() < end:
        yield turn
        turn += 1


def _wait(address: str) -> list[dict[str, Any]]:
    """Wait until the queue is empty, and return all scans."""
    while True:
        counts = json.loads(_ask(address, "/api/scans?size=1", TOKEN, {})[1])["counts"]
        if not {"queued", "working"} & set(counts):
            scans: list[dict[str, Any]] = json.loads(_ask(address, "/api/scans?size=2000", TOKEN, {})[1])["scans"]
            return scans
        time.sleep(5 * _EVERY_S)


def _ask(address: str, path: str, token: str, headers: dict[str, str], body: bytes | None = None) -> tuple[int, bytes]:
    """Send a request by a connection of its own, and return the status and the content of the answer."""
    with closing(HTTPConnection(urlsplit(address).netloc)) as link:
        link.request("POST" if body else "GET", path, body, {"Authorization": f"Bearer {token}", **headers})
        answer = link.getresponse()
        return answer.status, answer.read()


if __name__ == "__main__":
    main()
