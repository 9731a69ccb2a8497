"""Limits of an assessment: threads of the numerical libraries, memory, and the time that a scan may take."""

import os
from pathlib import Path
from typing import Final

#: Environment of a process before it loads NumPy. The matrices here are small, so BLAS threads spend their time
#: spinning while they wait for each other, which was measured to make a run on two busy cores eight times as long.
ONE_THREAD: Final = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
#: Seconds that one scan may take, unless the user says otherwise; most take a few.
TIMEOUT_S: Final = 300.0
#: Memory that the assessment of a scan may need. Scans of a whole chest were measured to need .6 GB.
_ASSESSMENT_BYTES: Final = 2 * 10**9
#: Folder of the limits of a container, as Linux shows them within it.
_CONTAINER: Final = Path("/sys/fs/cgroup")


def cores() -> int:
    """Return the number of cores that this process may use, which a container may limit."""
    known = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limits = _limits("cpu.max")  # microseconds of processor time, and the period in which they may be used
    return max(1, min(known, limits[0] // limits[1])) if limits else known


def memory_bytes() -> int:
    """Return the memory of this machine or, if that is less, of the container of this process."""
    known = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 8 * 2**30
    return min([known, *_limits("memory.max")])


def most_assessments(n_cores: int, n_bytes: float | None = None) -> int:
    """Return how many scans may be assessed at once: one for each core, as far as there are 2 GB of memory for each.

    Args:
        n_cores: Number of cores.
        n_bytes: Bytes of memory. None for the memory of this machine.
    """
    return max(1, min(n_cores, int((memory_bytes() if n_bytes is None else n_bytes) // _ASSESSMENT_BYTES)))


def _limits(name: str) -> list[int]:
    """Return the numbers in a file of the container's limits, none if there is no container or no limit."""
    try:
        return [int(word) for word in (_CONTAINER / name).read_text(encoding="ascii").split()]
    except (OSError, ValueError):  # no such file, or the word max
        return []
