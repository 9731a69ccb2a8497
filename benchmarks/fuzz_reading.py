"""Read damaged files of every format in workers, and print crashes, hangs and excessive use of memory.

PYTHONPATH=. python benchmarks/fuzz_reading.py [--mutations N] [--seed S] [--jobs N] [--keep DIR]

The files come from `tests/fuzz`. The exit code is 0 if every file gave a scan or a reason why there is none.
"""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fuzz.reading import faults_of, fuzz, write_corpus


def main() -> None:
    """Print bugs as they are found, and the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutations", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="keep the damaged files of each number below this folder")
    options = parser.parse_args()
    started = time.monotonic()
    counts: Counter[str] = Counter()
    n_bugs = 0
    with TemporaryDirectory() as corpus:
        write_corpus(Path(corpus))
        numbers = range(options.seed, options.seed + options.mutations)
        for bug in faults_of(fuzz(numbers, Path(corpus), options.jobs, options.keep), counts):
            n_bugs += 1
            print(bug, flush=True)
    print(f"{dict(counts)} in {time.monotonic() - started:.0f} s; {n_bugs} that must not be")
    sys.exit(bool(n_bugs))


if __name__ == "__main__":
    main()
