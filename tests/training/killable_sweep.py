"""A sweep that can be killed in a training step: `python -m tests.training.killable_sweep COHORT OUT SPLIT STEP`."""

import sys
from pathlib import Path

from lgeqa.training.quality import QualityConfig
from lgeqa.training.sweep import run_sweep
from lgeqa.training.sweep_ranges import read_ranges
from tests.training.killable import kill_in

#: Two epochs of two steps for each of three trials.
CONFIG = QualityConfig.of(
    {
        "weights": "random",
        "width": 8,
        "loop": {"epochs": 2, "batch": 2, "slices_per_scan": 1, "threads": 1},
    }
)
RANGES = read_ranges({"loop.learning_rate": "1e-4:1e-1:log", "loop.augmentation.flip": "true,false"}, CONFIG)
TRIALS = 3


def sweep(cohort: Path, out: Path, split: Path) -> None:
    run_sweep("baseline", [cohort], CONFIG, RANGES, out, trials=TRIALS, split=split, quiet=True)


if __name__ == "__main__":
    kill_in(int(sys.argv[4]))
    sweep(*map(Path, sys.argv[1:4]))
