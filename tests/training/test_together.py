import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_two_processes_train_one_network(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.training.together", str(tmp_path)]
    ended = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=1200)
    assert ended.returncode == 0, ended.stderr
    one, other = (load_file(tmp_path / f"{rank}.safetensors") for rank in (0, 1))
    assert all(torch.equal(one[name], other[name]) for name in one)
    told = [line for line in ended.stderr.splitlines() if line.startswith("Baseline: epoch")]
    assert len(told) == 3
    assert "sync_dist" not in ended.stderr
    assert len(list((tmp_path / "logs").iterdir())) == 1
