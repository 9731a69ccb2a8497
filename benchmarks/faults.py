"""Let system calls of lgeqa fail, one at a time, and check that nothing is lost, doubled or reported as good.

    python benchmarks/faults.py [--each 10] [--seed 0] [--only NAME ...] [--kinds KIND ...]

Each command first runs undisturbed, and its writes and openings below the output folder and its allocations of a MiB or
more are counted, in all its processes. Then, in a new folder each time, a random one of these calls fails:

- full: a write, and all writes after it, with "no space left on device" (ENOSPC);
- broken: one write, with "input/output error" (EIO);
- files: one opening, with "too many open files" (EMFILE);
- memory: one large allocation (ENOMEM).

A write is anything that changes the disk: `write`, `fsync`, `rename`, `mkdir`, the opening of a new file. The same
command is then run again. Bugs are: a traceback, success (exit code 0) without the whole outcome, a run of more than
ten minutes, and an outcome after the second run that differs from that of an undisturbed one. The server takes scans
and ratings. Whatever it confirmed must be there after its restart, once. Its bugs are also answers of 500, and an end
without a request to end. Needs a C compiler and glibc.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import time
import urllib.error
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from errno import EIO, EMFILE, ENOMEM, ENOSPC
from functools import partial
from pathlib import Path
from struct import unpack
from tempfile import TemporaryDirectory
from typing import Any

from commands import Job, differences, fault_said, first_scans, list_jobs, simulate_scans
from served import LGEQA, ask, send, served

from lgeqa.scales import SCALE_NAMES

#: Time limit of a run, and of the server for all scans, in seconds.
_LIMIT_S = 600.0
#: Number of counters in `faults.c`.
_COUNTERS = 3


@dataclass(frozen=True)
class Kind:
    """A way in which a call fails.

    Attributes:
        name: Name in the table.
        counter: Counter of `faults.c` that counts such calls.
        error: Number of the error.
        stays: Whether all later calls fail, too.
    """

    name: str
    counter: int
    error: int
    stays: bool = False


_KINDS = (
    Kind("full", 0, ENOSPC, stays=True),
    Kind("broken", 0, EIO),
    Kind("files", 1, EMFILE),
    Kind("memory", 2, ENOMEM),
)


@dataclass(frozen=True)
class Failing:
    """The call that fails: its kind, and its number from 1."""

    kind: Kind
    number: int


@dataclass(frozen=True)
class Shim:
    """Layer between a command and the C library.

    Attributes:
        library: Library built from `faults.c`.
        counts: File of its counters.
    """

    library: Path
    counts: Path

    @contextmanager
    def loaded(self, below: Path, failing: Failing | None) -> Iterator[None]:
        """Let processes that are started in the block count their calls from 0, and let one call fail."""
        self.counts.write_bytes(bytes(4096))
        kind = failing.kind if failing else _KINDS[0]
        settings = {
            "LD_PRELOAD": str(self.library),
            "FAULT_BELOW": str(below),
            "FAULT_COUNT": str(self.counts),
            "FAULT_KIND": str(kind.counter),
            "FAULT_AT": str(failing.number if failing else 0),
            "FAULT_ERRNO": str(kind.error),
            "FAULT_STAYS": str(int(kind.stays)),
        }
        os.environ |= settings
        try:
            yield
        finally:
            for name in settings:
                del os.environ[name]

    def calls(self) -> Sequence[int]:
        """Return how many calls were counted, by counter."""
        return unpack(f"={_COUNTERS}q", self.counts.read_bytes()[: 8 * _COUNTERS])


@dataclass(frozen=True)
class Tried:
    """Result of a disturbed run and the run after it.

    Attributes:
        calls: Number of calls in the first run, by counter.
        told: Whether the first run reported that something was wrong.
        faults: Bugs that were found.
        outcome: Files or states that were left in the end, by name.
    """

    calls: Sequence[int]
    told: bool
    faults: Sequence[str]
    outcome: dict[str, str]


#: Function that works in a new folder, with a call that fails or with none.
ScanAssessor = Callable[[Path, Failing | None], Tried]


def main() -> None:
    """Print a table of commands and kinds."""
    parser = argparse.ArgumentParser(description="Let system calls of lgeqa fail.")
    parser.add_argument("--each", type=int, default=10, help="failing calls for each command and kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", default=(), help="names of commands")
    parser.add_argument("--kinds", nargs="+", default=[kind.name for kind in _KINDS], help="names of kinds")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with TemporaryDirectory() as folder:
        place = Path(folder)
        shim, scans = Shim(place / "faults.so", place / "counts"), place / "scans"
        source = Path(__file__).with_name("faults.c")
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", str(shim.library), str(source), "-ldl"], check=True)
        simulate_scans(scans)
        attempts: dict[str, ScanAssessor] = {job.name: partial(_try_job, job, shim) for job in list_jobs(scans)}
        attempts["serve"] = partial(_try_server, scans, shim)
        print("| command | kind | calls | failed | told | faults |\n|---|---|---|---|---|---|")
        for name, attempt in attempts.items():
            if not options.only or name in options.only:
                _try_all(name, attempt, [kind for kind in _KINDS if kind.name in options.kinds], options.each, rng)


def _try_all(name: str, attempt: ScanAssessor, kinds: Sequence[Kind], each: int, rng: random.Random) -> None:
    """Let some calls of each kind fail, and print a row for each kind."""
    plain = _in_fresh_folder(attempt, None)
    for kind in kinds:
        calls, n_reported, bugs = plain.calls[kind.counter], 0, list(plain.faults)
        numbers = sorted(rng.sample(range(1, calls + 1), min(each, calls)))
        for number in numbers:
            tried = _in_fresh_folder(attempt, Failing(kind, number))
            n_reported += tried.told
            problems = [*tried.faults, differences(tried.outcome, plain.outcome)]
            bugs += [f"call {number}: {bug}" for bug in problems if bug]
        print(
            f"| {name} | {kind.name} | {calls} | {len(numbers)} | {n_reported} | {'; '.join(bugs) or 'none'} |",
            flush=True,
        )


def _in_fresh_folder(attempt: ScanAssessor, failing: Failing | None) -> Tried:
    with TemporaryDirectory() as place:
        return attempt(Path(place) / "out", failing)


def _try_job(job: Job, shim: Shim, out: Path, failing: Failing | None) -> Tried:
    """Run a command with a failing call, and again without."""
    with shim.loaded(out, failing):
        code, bug = _run(job.command(out))
    bugs, first = [bug], _outcome(job, out)
    if failing:
        again, bug = _run(job.command(out))
        bugs += [bug, f"did not go on: exit code {again}" if again else ""]
        if code == 0 and (lost := differences(first, _outcome(job, out))):
            bugs.append(f"said that all is well, but {lost}")
    return Tried(shim.calls(), code != 0, [bug for bug in bugs if bug], _outcome(job, out))


def _outcome(job: Job, out: Path) -> dict[str, str]:
    try:
        return job.outcome(out)
    except OSError as error:
        return {"outcome": f"none ({error.strerror})"}


def _run(words: Sequence[str]) -> tuple[int, str]:
    """Run lgeqa and return its exit code and any bug that it showed."""
    try:
        ended = subprocess.run([*LGEQA, *words], capture_output=True, text=True, check=False, timeout=_LIMIT_S)
    except subprocess.TimeoutExpired:
        return 1, "hangs"
    return ended.returncode, fault_said(ended.stderr)


def _try_server(scans: Path, shim: Shim, home: Path, failing: Failing | None) -> Tried:
    """Send scans and ratings to a server in which a call fails, and again to one in which none does."""
    client = _Client(scans)
    with shim.loaded(home, failing), served(home) as (process, address):
        if address:
            client.work(address)
            client.wait(address, 60.0)
            if process.poll() is not None:
                client.faults.append(f"ended by itself with {process.returncode}")
        _end(process, client.faults)
    calls, told = shim.calls(), not address or bool(client.refused)
    if not failing and client.refused:
        client.faults.append(f"{len(client.refused)} requests refused without a failing call")
    with served(home) as (process, address):
        client.look_for_kept(address)
        client.work(address)
        client.wait(address, _LIMIT_S)
        outcome = client.outcome(address)
        _end(process, client.faults)
    return Tried(calls, told, client.faults, outcome)


def _end(process: subprocess.Popen[str], bugs: list[str]) -> None:
    """End a server, and check its output."""
    process.send_signal(signal.SIGTERM)
    try:
        _, output = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        _, output = process.communicate()
        bugs.append("does not end")
    if bug := fault_said(output):
        bugs.append(bug)


@dataclass
class _Client:
    """An owner with scans and a study, and a reader. Requests that failed are sent again by the next `work`.

    Attributes:
        scans: Folder of the scans.
        study: Number of the study, once it exists.
        reader: Token of the reader, once there is one.
        rated: Scans that the reader has rated, by their blind numbers.
        refused: Paths of requests that failed.
        faults: Bugs that were found.
    """

    scans: Path
    study: int = 0
    reader: str = ""
    rated: set[int] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def work(self, address: str) -> None:
        """Send the scans, create a study of them with a reader, and rate each."""
        send(address, first_scans(self.scans))
        if not self.study:
            new = {"name": "Pilot", "folder": str(self.scans), "repeat_share": 0, "seed": 5}
            self.study = (self._ask(address, "/api/studies", new) or {}).get("id", 0)
        if self.study and not self.reader:
            added = self._ask(address, f"/api/studies/{self.study}/readers", {"name": "Ada"}) or {}
            self.reader = added.get("token", "")
        if self.reader and (worklist := self._ask(address, "/api/reading", as_reader=True)):
            for number in (reading["number"] for reading in worklist["readings"]):
                scores = dict.fromkeys(SCALE_NAMES, 3)
                rating = {
                    "scores": scores,
                    "save_id": f"save-{number:08}",
                    "known": 0,
                    "reader_id": worklist["reader_id"],
                }
                if self._ask(address, f"/api/reading/{number}/ratings", rating, as_reader=True):
                    self.rated.add(number)

    def wait(self, address: str, seconds: float) -> None:
        """Wait until all scans are assessed or the time is over."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            listed = self._ask(address, "/api/scans?size=500") or {}
            if all(scan["state"] == "done" for scan in listed.get("scans", ())):
                return
            time.sleep(0.3)

    def look_for_kept(self, address: str) -> None:
        """Check that everything the server confirmed is still there after its restart."""
        studies = self._ask(address, "/api/studies") or []
        if len(studies) != bool(self.study):
            self.faults.append(f"{len(studies)} studies")
        for number in self.rated:
            if not (self._ask(address, f"/api/reading/{number}", as_reader=True) or {}).get("version"):
                self.faults.append(f"rating {number} lost")

    def outcome(self, address: str) -> dict[str, str]:
        """Return the state and verdict of each scan, and the ratings."""
        listed = (self._ask(address, "/api/scans?size=500") or {}).get("scans", ())
        readers = (self._ask(address, f"/api/studies/{self.study}") or {}).get("readers", ())
        lines = sorted(f"{scan['name']} {scan['state']} {scan['end']}" for scan in listed)
        states = {f"scan {index}": line for index, line in enumerate(lines)}
        return states | {"rated": " ".join(str(reader["rated"]) for reader in readers)}

    def _ask(self, address: str, path: str, body: object = None, as_reader: bool = False) -> Any:
        """Send a request and return the answer, None if it failed."""
        headers = {"Content-Type": "application/json"} | (
            {"Authorization": f"Bearer {self.reader}"} if as_reader else {}
        )
        try:
            return json.loads(ask(address, path, json.dumps(body).encode() if body else None, headers))
        except urllib.error.HTTPError as error:
            if error.code == 500:
                self.faults.append(f"{path} answered 500")
        except OSError as error:
            self.faults.append(f"{path}: {error}")
        self.refused.append(path)
        return None


if __name__ == "__main__":
    main()
