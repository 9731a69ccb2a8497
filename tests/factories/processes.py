"""Processes that a test has started, as the kernel lists them."""

import time
from pathlib import Path


def children_of(number: int) -> list[int]:
    """Return the processes that the threads of a process have started."""
    told = [path.read_text(encoding="utf-8") for path in Path(f"/proc/{number}/task").glob("*/children")]
    return [int(child) for children in told for child in children.split()]


def are_gone(numbers: list[int], seconds: float = 60) -> bool:
    """Wait until all processes have ended, and return whether they did in time."""
    end = time.monotonic() + seconds
    while any(Path(f"/proc/{number}").exists() for number in numbers):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
