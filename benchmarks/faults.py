"""Let one system call of lgeqa fail, one after the other, and see whether anything is lost, doubled or called well.

    python benchmarks/faults.py [--each 10] [--seed 0] [--only NAME ...]

Each command first runs undisturbed, and its writes and openings below the output folder and its allocations of a MiB or
more are counted, in all of its processes. Then, in a fresh folder each time, one of them drawn at random fails:

- full: a write, and all writes after it, with "no space left on device" (ENOSPC);
- broken: one write, with "input/output error" (EIO);
- files: one opening, with "too many open files" (EMFILE);
- memory: one large allocation (ENOMEM).

A write is anything that changes the disk: `write`, `fsync`, `rename`, `mkdir`, the opening of a new file. The command
is then run again as it was. Faults are: a traceback, "all is well" (exit code 0) without the whole outcome, a run that
goes on for more than ten minutes, and an outcome after the second run that differs from that of an undisturbed one. The
server takes scans and ratings; what it answered well must be there after its restart, once. Its faults are also
answers of 500, and its end before it is told to. Needs a C compiler and glibc.
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

#: Longest time of a run, and that the server has for all scans, in seconds.
_LIMIT_S = 600.0
#: Counters of `faults.c`.
_COUNTERS = 3


@dataclass(frozen=True)
class Kind:
    """A way in which a call fails.

    Attributes:
        name: in the table.
        counter: of `faults.c`, by which it is counted.
        error: number of the error.
        stays: whether all later calls fail, too.
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
    """What stands between a command and the C library.

    Attributes:
        library: `faults.c`, built.
        counts: file of its counters.
    """

    library: Path
    counts: Path

    @contextmanager
    def loaded(self, below: Path, failing: Failing | None) -> Iterator[None]:
        """Let what is started in the block count its calls from 0 on, and let one fail."""
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
    """What came of a disturbed run and the one after it.

    Attributes:
        calls: how many were counted in the first run, by counter.
        told: whether the first run said that something was wrong.
        faults: what must not be.
        outcome: what was left in the end, by name.
    """

    calls: Sequence[int]
    told: bool
    faults: Sequence[str]
    outcome: dict[str, str]


#: Works in a fresh folder, with a call that fails or with none.
Attempt = Callable[[Path, Failing | None], Tried]


def main() -> None:
    """Print a table of commands and kinds."""
    parser = argparse.ArgumentParser(description="Let system calls of lgeqa fail.")
    parser.add_argument("--each", type=int, default=10, help="failing calls for each command and kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", default=(), help="names of commands")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with TemporaryDirectory() as made:
        place = Path(made)
        shim, scans = Shim(place / "faults.so", place / "counts"), place / "scans"
        source = Path(__file__).with_name("faults.c")
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", str(shim.library), str(source), "-ldl"], check=True)
        simulate_scans(scans)
        attempts: dict[str, Attempt] = {job.name: partial(_try_job, job, shim) for job in list_jobs(scans)}
        attempts["serve"] = partial(_try_server, scans, shim)
        print("| command | kind | calls | failed | told | faults |\n|---|---|---|---|---|---|")
        for name, attempt in attempts.items():
            if not options.only or name in options.only:
                _try_all(name, attempt, options.each, rng)


def _try_all(name: str, attempt: Attempt, each: int, rng: random.Random) -> None:
    """Let some calls of each kind fail, and print a row for each kind."""
    plain = _in_fresh_folder(attempt, None)
    for kind in _KINDS:
        calls, told, faults = plain.calls[kind.counter], 0, list(plain.faults)
        numbers = sorted(rng.sample(range(1, calls + 1), min(each, calls)))
        for number in numbers:
            tried = _in_fresh_folder(attempt, Failing(kind, number))
            told += tried.told
            wrong = [*tried.faults, differences(tried.outcome, plain.outcome)]
            faults += [f"call {number}: {fault}" for fault in wrong if fault]
        print(
            f"| {name} | {kind.name} | {calls} | {len(numbers)} | {told} | {'; '.join(faults) or 'none'} |", flush=True
        )


def _in_fresh_folder(attempt: Attempt, failing: Failing | None) -> Tried:
    with TemporaryDirectory() as place:
        return attempt(Path(place) / "out", failing)


def _try_job(job: Job, shim: Shim, out: Path, failing: Failing | None) -> Tried:
    """Run a command with a failing call, and again without."""
    with shim.loaded(out, failing):
        code, fault = _run(job.command(out))
    faults, first = [fault], _outcome(job, out)
    if failing:
        again, fault = _run(job.command(out))
        faults += [fault, f"did not go on: exit code {again}" if again else ""]
        if code == 0 and (lost := differences(first, _outcome(job, out))):
            faults.append(f"said that all is well, but {lost}")
    return Tried(shim.calls(), code != 0, [fault for fault in faults if fault], _outcome(job, out))


def _outcome(job: Job, out: Path) -> dict[str, str]:
    try:
        return job.outcome(out)
    except OSError as fault:
        return {"outcome": f"none ({fault.strerror})"}


def _run(words: Sequence[str]) -> tuple[int, str]:
    """Run lgeqa; return its exit code, and what it must not have said or done."""
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
    with served(home) as (process, address):
        client.look_for_kept(address)
        client.work(address)
        client.wait(address, _LIMIT_S)
        outcome = client.outcome(address)
        _end(process, client.faults)
    return Tried(calls, told, client.faults, outcome)


def _end(process: subprocess.Popen[str], faults: list[str]) -> None:
    """Tell a server to end, and look at what it said."""
    process.send_signal(signal.SIGTERM)
    try:
        _, said = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        _, said = process.communicate()
        faults.append("does not end")
    if fault := fault_said(said):
        faults.append(fault)


@dataclass
class _Client:
    """An owner with scans and a study, and a reader. What was not answered well is sent again by the next `work`.

    Attributes:
        scans: folder of the scans.
        study: number of the study, once it is made.
        reader: token of the reader, once there is one.
        rated: scans that the reader has rated, by their blind numbers.
        refused: paths that were not answered well.
        faults: what must not be.
    """

    scans: Path
    study: int = 0
    reader: str = ""
    rated: set[int] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def work(self, address: str) -> None:
        """Send the scans, make a study of them with a reader, and rate each."""
        send(address, first_scans(self.scans))
        if not self.study:
            new = {"name": "Pilot", "folder": str(self.scans), "repeat_share": 0, "seed": 5}
            self.study = (self._ask(address, "/api/studies", new) or {}).get("id", 0)
        if self.study and not self.reader:
            added = self._ask(address, f"/api/studies/{self.study}/readers", {"name": "Ada"}) or {}
            self.reader = added.get("token", "")
        if self.reader and (own := self._ask(address, "/api/reading", as_reader=True)):
            for number in (one["number"] for one in own["readings"]):
                scores = dict.fromkeys(("nulling", "sharpness", "enhancement", "quality"), 3)
                given = {"scores": scores, "save_id": f"save-{number:08}", "known": 0, "reader_id": own["reader_id"]}
                if self._ask(address, f"/api/reading/{number}/ratings", given, as_reader=True):
                    self.rated.add(number)

    def wait(self, address: str, seconds: float) -> None:
        """Wait until no scan is to be assessed any more, or the time is over."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            listed = self._ask(address, "/api/scans?size=500") or {}
            if all(scan["state"] == "done" for scan in listed.get("scans", ())):
                return
            time.sleep(0.3)

    def look_for_kept(self, address: str) -> None:
        """See that what was answered well outlived the server."""
        studies = self._ask(address, "/api/studies") or []
        if len(studies) != bool(self.study):
            self.faults.append(f"{len(studies)} studies")
        for number in self.rated:
            if not (self._ask(address, f"/api/reading/{number}", as_reader=True) or {}).get("version"):
                self.faults.append(f"rating {number} lost")

    def outcome(self, address: str) -> dict[str, str]:
        """Return the state and verdict of each scan, and the ratings."""
        listed = (self._ask(address, "/api/scans?size=500") or {}).get("scans", ())
        [reader] = (self._ask(address, f"/api/studies/{self.study}") or {}).get("readers", [{}])
        found = sorted(f"{scan['name']} {scan['state']} {scan['end']}" for scan in listed)
        states = {f"scan {at}": told for at, told in enumerate(found)}
        return states | {"rated": str(reader.get("rated"))}

    def _ask(self, address: str, path: str, body: object = None, as_reader: bool = False) -> Any:
        """Ask and return the answer; None if it was not well."""
        headers = {"Content-Type": "application/json"} | (
            {"Authorization": f"Bearer {self.reader}"} if as_reader else {}
        )
        try:
            return json.loads(ask(address, path, json.dumps(body).encode() if body else None, headers))
        except urllib.error.HTTPError as fault:
            if fault.code == 500:
                self.faults.append(f"{path} answered 500")
        except OSError as fault:
            self.faults.append(f"{path}: {fault}")
        self.refused.append(path)
        return None


if __name__ == "__main__":
    main()
