"""Killed in the middle of an epoch and started again, a training ends in the same weights as one left alone."""

import csv
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.training.killable import KILLED_AT, train

ROOT = Path(__file__).parents[2]

# Lightning warns of its own dependencies, and of loaders without workers.
pytestmark = pytest.mark.filterwarnings("ignore")


def first_epoch(run: Path) -> int:
    """The epoch that the latest start of a run began with."""
    logs = max((run / "logs").iterdir(), key=lambda folder: int(folder.name.removeprefix("version_")))
    with (logs / "metrics.csv").open(newline="") as lines:
        return min(int(row["epoch"]) for row in csv.DictReader(lines))


@pytest.mark.slow
@pytest.mark.parametrize("strategy", KILLED_AT)
def test_killed_training_resumes_to_identical_weights(strategy: str, tmp_path: Path) -> None:
    alone = train(strategy, tmp_path / "alone")
    run = tmp_path / "killed"
    for step in KILLED_AT[strategy]:
        command = [sys.executable, "-m", "tests.training.killable", strategy, str(run), str(step)]
        ended = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, timeout=600)
        assert ended.returncode == -signal.SIGKILL, ended.stderr
    resumed = train(strategy, run)
    assert first_epoch(run) > 0
    assert resumed.keys() == alone.keys()
    assert [name for name in alone if not torch.equal(alone[name], resumed[name])] == []
    if strategy in ("contrastive", "hybrid"):
        # The second step leaves the encoder as the first one made it, its running means too.
        learnt = load_file(run / "pretraining" / "encoder.safetensors")
        assert [name for name in learnt if not torch.equal(learnt[name], alone[f"encoder.{name}"])] == []
