"""Processes that a test has started, as the kernel lists them."""

import time
from pathlib import Path


def children_of(pid: int) -> list[int]:
    """Return the processes that the threads of a process have started."""
    lists = [path.read_text(encoding="utf-8") for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(child) for children in lists for child in children.split()]


def are_gone(pids: list[int], seconds: float = 60) -> bool:
    """Wait until all processes have ended, and return whether they did in time."""
    end = time.monotonic() + seconds
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
