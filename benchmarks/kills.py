"""Kill lgeqa at random moments, fill its disk now and then, and see whether anything is lost, doubled or left behind.

    python benchmarks/kills.py [--kills 25 25 15 10 25] [--seed 0]

One number of kills each for assess, simulate, train, experiment and serve, on scans that are simulated first. Each
command is run once undisturbed. Then it is started in a fresh folder, killed with SIGKILL after a random time and
started again as it was, until it ends by itself; and so on in further folders until it was killed as often as asked.
Once in each folder it is started on a disk that is nearly full, which is freed afterwards. That needs a file system of
its own, a small one in memory, which root alone can mount; for others this part is left out and told so.

For each command: kills, full disks, differences between what the disturbed and the undisturbed runs left (there should
be none), processes that were still there 10 s after their parent was killed, and tracebacks.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from csv import DictReader
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from served import LGEQA, TOKEN, served

#: Marks the processes of this benchmark in their environment.
_MARK = "LGEQA_KILLS"
#: Seconds that the children of a killed process have to end.
_TO_END_S = 10.0
_DISK_MB = 1500
#: Room on a nearly full disk, in kB.
_ROOM_KB = (0, 600)
_SCANS = 6
_TINY = ("loop.slices_per_scan=2", "loop.batch=4", "loop.threads=1")


@dataclass(frozen=True)
class Job:
    """A command that is killed.

    Attributes:
        name: of the command.
        command: gives its arguments for an output folder.
        outcome: what it left there, by name; two runs that went well leave the same.
    """

    name: str
    command: Callable[[Path], Sequence[str]]
    outcome: Callable[[Path], dict[str, str]]


@dataclass
class Tally:
    """What was seen of one command."""

    kills: int = 0
    full_disks: int = 0
    folders: int = 0
    faults: list[str] = field(default_factory=list)


def main() -> None:
    """Kill each command as often as asked, and print the table."""
    parser = argparse.ArgumentParser(description="Kill lgeqa at random moments.")
    parser.add_argument("--kills", nargs=5, type=int, default=(25, 25, 15, 10, 25), metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.environ[_MARK] = str(uuid.uuid4())
    rng = random.Random(options.seed)
    with TemporaryDirectory() as made, _disk() as disk:
        scans = Path(made) / "scans"
        _run([*LGEQA, "simulate", "-o", str(scans), "--n", str(_SCANS), "--seed", "3", "--jobs", "2"])
        print("| command | kills | full disks | folders | faults |\n|---|---|---|---|---|")
        disturb = {job.name: partial(_disturb, job) for job in _jobs(scans)}
        disturb["serve"] = partial(_disturb_server, scans)
        for (name, kill), kills in zip(disturb.items(), options.kills, strict=True):
            if kills:
                tally = kill(disk, kills, rng)
                told = "; ".join(tally.faults) or "none"
                print(f"| {name} | {tally.kills} | {tally.full_disks} | {tally.folders} | {told} |", flush=True)


def _jobs(scans: Path) -> Iterator[Job]:
    """Yield the commands."""
    given, sets = str(scans), [part for value in _TINY for part in ("--set", value)]
    yield Job("assess", lambda out: ["assess", given, "-o", str(out), "--jobs", "2", "--quiet"], _verdicts)
    yield Job("simulate", lambda out: ["simulate", "-o", str(out), "--n", "8", "--seed", "5", "--jobs", "2"], _files)
    detector = ["train", "detector", "--config", "quick-detector", "--cohort", given, "--quiet", *sets]
    yield Job("train", lambda out: [*detector, "-o", str(out)], _weights)
    study = ["experiment", "--config", "quick-experiment", "--cohort", given, "--quiet"]
    smaller = ["--set", "loop.epochs=2", "--set", "pretraining.epochs=2", "--set", "pretraining.batch=4"]
    yield Job("experiment", lambda out: [*study, *sets, *smaller, "-o", str(out)], _weights)


def _verdicts(out: Path) -> dict[str, str]:
    """Return the verdict and probability of each line of the table, and the number of lines."""
    with (out / "results.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(DictReader(lines))
    verdicts = {row["scan_id"]: f"{row['status']} {row['verdict']} {row['p_quality']}" for row in rows}
    records = sorted(path.name for path in (out / "scans").iterdir())
    return verdicts | {"lines": str(len(rows)), "records": " ".join(records)}


def _files(out: Path) -> dict[str, str]:
    """Return the hash of each file that is left, but for locks."""
    paths = [path for path in out.rglob("*") if path.is_file() and path.name != ".lock"]
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def _weights(out: Path) -> dict[str, str]:
    """Return the hash of each network that is left, and the names of the pages."""
    networks = {name: value for name, value in _files(out).items() if name.endswith(".safetensors")}
    return networks | {path.name: "there" for path in out.glob("report.*")}


def _disturb(job: Job, disk: Path | None, kills: int, rng: random.Random) -> Tally:
    """Kill a command as often as asked, in as many folders as that takes."""
    tally = Tally()
    with TemporaryDirectory(dir=disk) as place:
        alone = Path(place) / "alone"
        began = time.monotonic()
        _run([*LGEQA, *job.command(alone)])
        whole_s, expected = time.monotonic() - began, job.outcome(alone)
        while tally.kills < kills:
            tally.folders += 1
            out = Path(place) / f"disturbed-{tally.folders}"
            if disk:
                tally.full_disks += 1
                with _filled(disk, rng):
                    ended = subprocess.run([*LGEQA, *job.command(out)], capture_output=True, text=True, check=False)
                    if ended.returncode == 0:
                        tally.faults.append("a run on a full disk said that all is well")
                    _look(ended.stderr, tally)
            while _kill_once(job.command(out), rng.uniform(0.02, 0.9) * whole_s, tally) and tally.kills < kills:
                pass
            ended = subprocess.run([*LGEQA, *job.command(out)], capture_output=True, text=True, check=False)
            if ended.returncode != 0:
                tally.faults.append(f"did not go on: {ended.stderr.strip()[-200:]}")
            elif (left := job.outcome(out)) != expected:
                names = sorted(name for name in {**left, **expected} if left.get(name) != expected.get(name))
                tally.faults.append(f"{len(names)} differ: {', '.join(names[:3])}")
    return tally


def _kill_once(command: Sequence[str], after_s: float, tally: Tally) -> bool:
    """Start a command and kill it; return whether it was still at work."""
    with subprocess.Popen([*LGEQA, *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        with suppress(subprocess.TimeoutExpired):
            _, said = process.communicate(timeout=after_s)
            _look(said, tally)
            return False
        process.kill()
        _, said = process.communicate()
    tally.kills += 1
    _look(said, tally)
    _look_for_children(tally)
    return True


def _disturb_server(scans: Path, disk: Path | None, kills: int, rng: random.Random) -> Tally:
    """Send scans to a server that is killed as often as asked; each scan must be there once, and judged as if alone."""
    tally = Tally()
    with TemporaryDirectory(dir=disk) as place:
        expected = _served(scans, Path(place) / "alone", [], tally)
        while tally.kills < kills:
            tally.folders += 1
            lives = [rng.uniform(0.5, 9.0) for _ in range(min(6, kills - tally.kills))]
            home = Path(place) / f"disturbed-{tally.folders}"
            if disk:
                tally.full_disks += 1
                with _filled(disk, rng):
                    _serve_for(scans, home, 4.0, tally)
            left = _served(scans, home, lives, tally)
            if left != expected:
                tally.faults.append(f"{len(left)} scans of {len(expected)}, or other verdicts")
    return tally


def _served(scans: Path, home: Path, lives: Sequence[float], tally: Tally) -> list[str]:
    """Return name and verdict of each scan, after a server that was killed after each of `lives` has done them all."""
    for life in lives:
        _serve_for(scans, home, life, tally)
        tally.kills += 1
        _look_for_children(tally)
    with served(home) as (process, address):
        _send(address, scans)
        end = time.monotonic() + 300
        while time.monotonic() < end:
            found = json.loads(_ask(address, "/api/scans?size=500"))["scans"]
            if len(found) >= _SCANS and all(scan["state"] == "done" for scan in found):
                break
            time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    return sorted(f"{scan['name']} {scan['state']} {scan['end']}" for scan in found)


def _serve_for(scans: Path, home: Path, seconds: float, tally: Tally) -> None:
    """Start the server, send what it does not have yet, and kill it after some time."""
    end = time.monotonic() + seconds
    with served(home) as (process, address):
        if address:
            with suppress(OSError):
                _send(address, scans)
        time.sleep(max(0.0, end - time.monotonic()))
        process.kill()
        process.wait()
        assert process.stderr
        _look(process.stderr.read(), tally)


def _send(address: str, scans: Path) -> None:
    """Send each scan under a key of its own, so that one that arrived before is not taken twice."""
    for image in sorted(scans.glob("*/data.nrrd")):
        name, border = image.parent.name, uuid.uuid4().hex
        head = f'--{border}\r\nContent-Disposition: form-data; name="file"; filename="{name}.nrrd"\r\n\r\n'.encode()
        body = head + image.read_bytes() + f"\r\n--{border}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={border}", "Idempotency-Key": f"kills-{name}"}
        with suppress(urllib.error.HTTPError):  # the disk may be full
            _ask(address, "/api/uploads", body, kind)


def _ask(address: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> bytes:
    request = urllib.request.Request(address + path, body, {"Authorization": f"Bearer {TOKEN}", **(headers or {})})
    with urllib.request.urlopen(request, timeout=60) as answer:
        content: bytes = answer.read()
    return content


def _look(said: str, tally: Tally) -> None:
    """Count a traceback as a fault."""
    if "Traceback" in said:
        tally.faults.append(f"traceback: {said.strip().splitlines()[-1][:160]}")


def _look_for_children(tally: Tally) -> None:
    """Count processes as a fault that outlive their killed parent."""
    end = time.monotonic() + _TO_END_S
    while (left := _children()) and time.monotonic() < end:
        time.sleep(0.1)
    if left:
        tally.faults.append(f"{len(left)} processes left")
        for process in left:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def _children() -> list[int]:
    """Return the processes of this benchmark but for itself."""
    mark, found = f"{_MARK}={os.environ[_MARK]}".encode(), []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            with suppress(OSError):
                if mark in (folder / "environ").read_bytes():
                    found.append(int(folder.name))
    return found


@contextmanager
def _disk() -> Iterator[Path | None]:
    """Mount a small disk in memory; None where it cannot be."""
    with TemporaryDirectory() as place:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m", "tmpfs", place]
        if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode != 0:
            print("Full disks are left out: mounting one needs root.\n")
            yield None
            return
        try:
            yield Path(place)
        finally:
            subprocess.run(["umount", place], check=True)


@contextmanager
def _filled(disk: Path, rng: random.Random) -> Iterator[None]:
    """Fill a disk but for a little room, and free it afterwards."""
    ballast = disk / "ballast"
    room = os.statvfs(disk)
    size = room.f_bavail * room.f_frsize - 1024 * rng.randint(*_ROOM_KB)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)
    try:
        yield
    finally:
        ballast.unlink()


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
