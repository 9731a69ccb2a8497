"""What the assessment of a scan costs: processor time, bytes read and written, memory and space for the results.

    PYTHONPATH=. python benchmarks/cost.py SCANS [--jobs 2]

Runs `lgeqa assess` over the scans of a folder, and over the first of them alone, to take off what a run costs however
many scans it has. Prints the figures of one scan. It works on Linux.
"""

import argparse
import ctypes
import os
import resource
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from lgeqa.io import discover

#: Number by which Linux makes a process the parent of those that its own children leave behind (prctl).
_SUBREAPER = 36


@dataclass(frozen=True)
class Cost:
    """What a run has cost.

    Attributes:
        scans: Number of scans.
        seconds: Seconds that passed.
        processor_s: Processor seconds of all its processes.
        read_mb: Megabytes that its processes asked for, also where they came from memory.
        written_mb: Megabytes that its processes wrote.
        kept_mb: Megabytes of the output folder.
        memory_mb: Most memory of a process.
    """

    scans: int
    seconds: float
    processor_s: float
    read_mb: float
    written_mb: float
    kept_mb: float
    memory_mb: float


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Measure what the assessment of a scan costs.")
    parser.add_argument("scans", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    first = discover([options.scans])[0].location
    with TemporaryDirectory(dir=Path.cwd()) as folder:
        one = _run(first, Path(folder) / "one", options.jobs)
        many = _run(options.scans, Path(folder) / "many", options.jobs)
    more = many.scans - one.scans
    print(f"{many.scans} scans with {options.jobs} jobs in {many.seconds:.1f} s; the run itself: {one.seconds:.1f} s")
    for name in ("seconds", "processor_s", "read_mb", "written_mb", "kept_mb"):
        print(f"{name} a scan: {(getattr(many, name) - getattr(one, name)) / more:.3f}")
    print(f"most memory of a process: {many.memory_mb:.0f} MB")


def _run(scans: Path, out: Path, jobs: int) -> Cost:
    before, (read, written), start = resource.getrusage(resource.RUSAGE_CHILDREN), _transferred(), time.monotonic()
    command = [shutil.which("lgeqa") or sys.exit("lgeqa is not installed"), "assess", str(scans), "-o", str(out)]
    subprocess.run([*command, "--jobs", str(jobs), "--quiet"], check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - start
    with suppress(ChildProcessError):  # what the run left behind, such as the process that starts workers
        while True:
            os.wait()
    after, (read_now, written_now) = resource.getrusage(resource.RUSAGE_CHILDREN), _transferred()
    processor_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    kept = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    n_scans = len(list((out / "scans").iterdir()))
    moved = (read_now - read) / 1e6, (written_now - written) / 1e6
    return Cost(n_scans, seconds, processor_s, *moved, kept / 1e6, after.ru_maxrss / 1024)


def _transferred() -> tuple[int, int]:
    """Return the bytes that this process and those that it has waited for have read and written."""
    lines = dict(line.split(": ") for line in Path("/proc/self/io").read_text(encoding="ascii").splitlines())
    return int(lines["rchar"]), int(lines["wchar"])


if __name__ == "__main__":
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    main()
