"""Kill Dask workers at random moments of a run, and count what was assessed, lost and stored.

    PYTHONPATH=. python benchmarks/killed_workers.py [--scans 700] [--kills 50] [--seed 0]

Each scan is a file of a few bytes, whose assessment takes .3 s and leaves a note. Each time one of two workers is
killed with SIGKILL, which its supervisor replaces. Figures are printed. The exit code is 1 if a scan is
lost or stored twice.
"""

import argparse
import csv
import os
import random
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from lgeqa.batch import run_batch
from lgeqa.cluster import OnCluster
from tests.batch.fakes import asked, attempt, source
from tests.factories.dask_cluster import scheduler, workers
from tests.factories.listener import free_port
from tests.factories.processes import children_of

#: Longest and shortest time between two kills, in seconds.
PAUSE_S = (0.5, 5.0)


def main() -> int:
    """Print the figures, and return the exit code."""
    parser = argparse.ArgumentParser(description="Kill Dask workers at random moments of a run.")
    parser.add_argument("--scans", type=int, default=700)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with TemporaryDirectory(dir=Path.cwd()) as folder:
        return _measure(Path(folder), options.scans, options.kills, random.Random(options.seed))


def _measure(folder: Path, n_scans: int, n_kills: int, rng: random.Random) -> int:
    sources = [source(folder, f"slow-{number:05}") for number in range(n_scans)]
    port, finished = free_port(), threading.Event()
    killed: list[float] = []

    def kill(supervisor: int) -> None:
        while len(killed) < n_kills and not finished.wait(rng.uniform(*PAUSE_S)):
            if living := children_of(supervisor):
                with suppress(ProcessLookupError):
                    os.kill(living[rng.randrange(len(living))], signal.SIGKILL)
                    killed.append(time.monotonic())

    start = time.monotonic()
    with scheduler(port), workers(port) as supervisor:
        killer = threading.Thread(target=kill, args=(supervisor.pid,))
        killer.start()
        items = list(run_batch(sources, attempt(folder), 1, cluster=OnCluster(f"tcp://127.0.0.1:{port}")))
        finished.set()
        killer.join()
    seconds = time.monotonic() - start
    with (folder / "out" / "results.csv").open(encoding="utf-8-sig", newline="") as table:
        lines = [row["scan_id"] for row in csv.DictReader(table)]
    done = asked(folder)
    failed = [item.scan_id for item in items if item.result.status == "failed"]
    names = sorted(one.scan_id for one in sources)
    print(f"{len(killed)} workers killed in {seconds:.0f} s")
    print(f"{n_scans} scans, of which {len(done) - n_scans} were begun again")
    print(f"answers {len(items)}, lines of the table {len(lines)}, set aside {len(failed)}")
    return int(sorted(lines) != names or sorted(item.scan_id for item in items) != names or bool(failed))


if __name__ == "__main__":
    sys.exit(main())
