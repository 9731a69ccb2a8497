"""A run of six slow scans, to be stopped from outside: `python -m tests.batch.killable FOLDER`."""

import sys
from pathlib import Path

from lgeqa.batch import run_batch
from tests.batch.fakes import attempt, source

if __name__ == "__main__":
    place = Path(sys.argv[1])
    for _ in run_batch([source(place, f"slow-{number}") for number in range(6)], attempt(place), jobs=2):
        pass
