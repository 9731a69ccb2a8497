"""Damaged files of every format, read in workers: what breaks, hangs or takes memory is printed; see `tests/fuzz`.

PYTHONPATH=. python benchmarks/fuzz_reading.py [--mutations N] [--seed S] [--jobs N] [--keep DIR]

The exit code tells whether nothing but scans, and reasons why there is none, came of it.
"""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fuzz.reading import faults_of, fuzz, write_corpus


def main() -> None:
    """Print what must not be as it is found, and the counts."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--mutations", type=int, default=10_000)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--jobs", type=int, default=1)
    options.add_argument("--keep", type=Path, help="keep the damaged files of each number below this folder")
    given = options.parse_args()
    started = time.monotonic()
    counts: Counter[str] = Counter()
    bad = 0
    with TemporaryDirectory() as corpus:
        write_corpus(Path(corpus))
        numbers = range(given.seed, given.seed + given.mutations)
        for fault in faults_of(fuzz(numbers, Path(corpus), given.jobs, given.keep), counts):
            bad += 1
            print(fault, flush=True)
    print(f"{dict(counts)} in {time.monotonic() - started:.0f} s; {bad} that must not be")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
