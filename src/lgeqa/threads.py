"""Limits of an assessment: threads of the numerical libraries, and the time that a scan may take."""

import os
from typing import Final

#: Environment of a process before it loads NumPy. The matrices here are small, so BLAS threads spend their time
#: spinning while they wait for each other, which was measured to make a run on two busy cores eight times as long.
ONE_THREAD: Final = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
#: Seconds that one scan may take, unless the user says otherwise; most take a few.
TIMEOUT_S: Final = 300.0


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
