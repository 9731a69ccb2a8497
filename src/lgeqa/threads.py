"""How many threads the numerical libraries may use where scans are assessed, and how long a scan may take."""

import os
from typing import Final

#: For the environment of a process, before it loads NumPy. The matrices here are small: threads of BLAS spend their
#: time waiting for each other by spinning, which was measured to make a run on two busy cores eight times as long.
ONE_THREAD: Final = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
#: Seconds that one scan may take, unless the user says otherwise; most take a few.
TIMEOUT_S: Final = 300.0


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
