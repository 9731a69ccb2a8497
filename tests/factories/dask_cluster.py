"""A Dask scheduler and Dask workers on loopback, started as somebody else would start them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path


def scheduler(port: int) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Run a scheduler at a port."""
    return _started("scheduler", "--host", "127.0.0.1", "--port", str(port))


def workers(
    port: int, *, daemon: bool = False, folder: Path | None = None
) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Run two workers of a scheduler, each with a thread, below a process that starts lost ones again.

    Args:
        port: Port of the scheduler.
        daemon: Whether they may not start processes, as is Dask's default.
        folder: Working folder.
    """
    arguments = ("--nworkers", "2", "--nthreads", "1", "--death-timeout", "120")
    return _started("worker", f"tcp://127.0.0.1:{port}", *arguments, daemon=daemon, folder=folder)


@contextmanager
def _started(
    command: str, *arguments: str, daemon: bool = False, folder: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {"DASK_DISTRIBUTED__WORKER__DAEMON": str(daemon)}
    words = [sys.executable, "-m", f"distributed.cli.dask_{command}", *arguments, "--dashboard-address", "127.0.0.1:0"]
    process = subprocess.Popen(words, env=environment, cwd=folder, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
