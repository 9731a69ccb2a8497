"""Names of the files in the folder of a training run."""

import json
from pathlib import Path
from typing import Final

from lgeqa.errors import UsageError

CONFIG: Final = "config.json"
SPLIT: Final = "split.json"
WEIGHTS: Final = "network.safetensors"
NETWORK: Final = "network.onnx"
BUNDLE: Final = "bundle"
#: Hashes of the scans that the run was trained on or that selected its weights, as in a manifest.
SCANS: Final = "training_scans.json"
CHECKPOINTS: Final = "checkpoints"
#: Folder of the first step of the contrastive and the hybrid strategy, itself a run inside the run.
FIRST_STEP: Final = "pretraining"
TRAINING: Final = Path("prepared", "training")
VALIDATION: Final = Path("prepared", "validation")
PRETRAINING: Final = Path("prepared", "pretraining")


def network_of(run: Path) -> Path:
    """Return the path of a run's ONNX network.

    Raises:
        UsageError: The run is not finished.
    """
    network = run / NETWORK
    if not network.is_file():
        raise UsageError(f"{run}: holds no {NETWORK}; its training is not finished. Start it again to continue.")
    return network


def training_scans(run: Path) -> tuple[str, ...] | None:
    """Return the hashes of the scans of a run, or None for a run of an earlier version, which has no such file."""
    path = run / SCANS
    return tuple(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None
