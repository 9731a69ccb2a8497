"""Kill lgeqa at random moments, fill its disk sometimes, and check that nothing is lost, doubled or left behind.

    python benchmarks/kills.py [--kills 25 25 15 10 25] [--seed 0]

`--kills` takes one number each for assess, simulate, train, experiment and serve, on scans that are simulated first.
Each command is run once undisturbed. Then it is started in a new folder, killed with SIGKILL after a random time and
started again with the same arguments, until it ends by itself. This is repeated in further folders until it has been
killed as often as requested. Once in each folder it is started on a disk that is nearly full, which is freed
afterwards. That needs a separate file system, a small one in memory, which only root can mount. Other users get a
message that this part is left out.

For each command: kills, full disks, differences between the output of the disturbed and the undisturbed runs (there
should be none), processes that still exist 10 s after their parent was killed, and tracebacks.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from commands import SCANS, Job, differences, fault_said, first_scans, list_jobs, run, simulate_scans
from served import LGEQA, ask, send, served

#: Environment variable that marks the processes of this benchmark.
_MARK = "LGEQA_KILLS"
#: Seconds within which the children of a killed process must end.
_TO_END_S = 10.0
_DISK_MB = 6000
#: Kills of a server in a row. After three on one scan the server sets that scan aside, on purpose.
_IN_A_ROW = 2
#: Range of free space on a nearly full disk, in kB.
_ROOM_KB = (0, 600)


@dataclass
class Tally:
    """Observations on one command."""

    kills: int = 0
    full_disks: int = 0
    folders: int = 0
    faults: list[str] = field(default_factory=list)


def main() -> None:
    """Kill each command as often as requested, and print the table."""
    parser = argparse.ArgumentParser(description="Kill lgeqa at random moments.")
    parser.add_argument("--kills", nargs=5, type=int, default=(25, 25, 15, 10, 25), metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.environ[_MARK] = str(uuid.uuid4())
    rng = random.Random(options.seed)
    with TemporaryDirectory() as folder, _disk() as disk:
        scans = Path(folder) / "scans"
        simulate_scans(scans)
        print("| command | kills | full disks | folders | faults |\n|---|---|---|---|---|")
        disturb = {job.name: partial(_disturb, job) for job in list_jobs(scans)}
        disturb["serve"] = partial(_disturb_server, scans)
        for (name, kill), kills in zip(disturb.items(), options.kills, strict=True):
            if kills:
                tally = kill(disk, kills, rng)
                bugs = "; ".join(tally.faults) or "none"
                print(f"| {name} | {tally.kills} | {tally.full_disks} | {tally.folders} | {bugs} |", flush=True)


def _disturb(job: Job, disk: Path | None, kills: int, rng: random.Random) -> Tally:
    """Kill a command as often as requested, in as many folders as necessary."""
    tally = Tally()
    with TemporaryDirectory(dir=disk) as place:
        alone = Path(place) / "alone"
        began = time.monotonic()
        run(*job.command(alone))
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
            elif bug := differences(job.outcome(out), expected):
                tally.faults.append(bug)
            shutil.rmtree(out, ignore_errors=True)
    return tally


def _kill_once(command: Sequence[str], after_s: float, tally: Tally) -> bool:
    """Start a command, kill it, and return whether it was still running."""
    with subprocess.Popen([*LGEQA, *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        with suppress(subprocess.TimeoutExpired):
            _, output = process.communicate(timeout=after_s)
            _look(output, tally)
            return False
        process.kill()
        _, output = process.communicate()
    tally.kills += 1
    _look(output, tally)
    _look_for_children(tally)
    return True


def _disturb_server(scans: Path, disk: Path | None, kills: int, rng: random.Random) -> Tally:
    """Send scans to a server that is killed repeatedly, and check that each is there once with its usual verdict."""
    tally = Tally()
    with TemporaryDirectory(dir=disk) as place:
        expected = _served(scans, Path(place) / "alone", [], tally)
        while tally.kills < kills:
            tally.folders += 1
            lives = [rng.uniform(0.5, 9.0) for _ in range(min(_IN_A_ROW, kills - tally.kills))]
            home = Path(place) / f"disturbed-{tally.folders}"
            if disk:
                tally.full_disks += 1
                with _filled(disk, rng):
                    _serve_for(scans, home, 4.0, tally)
            left = _served(scans, home, lives, tally)
            if left != expected:
                tally.faults.append(f"{sorted(set(left) ^ set(expected))[:3]}, {len(left)} scans of {len(expected)}")
    return tally


def _served(scans: Path, home: Path, lives: Sequence[float], tally: Tally) -> list[str]:
    """Return name and verdict of each scan from a server that was killed after each of `lives` before."""
    for life in lives:
        _serve_for(scans, home, life, tally)
        tally.kills += 1
        _look_for_children(tally)
    with served(home) as (process, address):
        send(address, first_scans(scans))
        end = time.monotonic() + 300
        while time.monotonic() < end:
            records = json.loads(ask(address, "/api/scans?size=500"))["scans"]
            if len(records) >= SCANS and all(scan["state"] == "done" for scan in records):
                break
            time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    return sorted(f"{scan['name']} {scan['state']} {scan['end']}" for scan in records)


def _serve_for(scans: Path, home: Path, seconds: float, tally: Tally) -> None:
    """Start the server, send the scans that it does not have yet, and kill it after some time."""
    end = time.monotonic() + seconds
    with served(home) as (process, address):
        if address:
            with suppress(OSError):
                send(address, first_scans(scans))
        time.sleep(max(0.0, end - time.monotonic()))
        process.kill()
        process.wait()
        assert process.stderr
        _look(process.stderr.read(), tally)


def _look(output: str, tally: Tally) -> None:
    """Count a traceback as a bug."""
    if bug := fault_said(output):
        tally.faults.append(bug)


def _look_for_children(tally: Tally) -> None:
    """Count processes that outlive their killed parent as a bug."""
    end = time.monotonic() + _TO_END_S
    while (left := _children()) and time.monotonic() < end:
        time.sleep(0.1)
    if left:
        tally.faults.append(f"{len(left)} processes left")
        for process in left:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def _children() -> list[int]:
    """Return the processes of this benchmark except itself."""
    mark, processes = f"{_MARK}={os.environ[_MARK]}".encode(), []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            with suppress(OSError):
                if mark in (folder / "environ").read_bytes():
                    processes.append(int(folder.name))
    return processes


@contextmanager
def _disk() -> Iterator[Path | None]:
    """Mount a small disk in memory and yield its path, None if it cannot be mounted."""
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
    """Fill a disk up to a little space, and free it afterwards."""
    ballast = disk / "ballast"
    room = os.statvfs(disk)
    size = room.f_bavail * room.f_frsize - 1024 * rng.randint(*_ROOM_KB)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)
    try:
        yield
    finally:
        ballast.unlink()


if __name__ == "__main__":
    main()
