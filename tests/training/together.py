"""A training in two processes on this machine (`python -m tests.training.together RUN`), each writing its end."""

import sys
from pathlib import Path

from safetensors.torch import save_file

from lgeqa.training.processes import rank
from lgeqa.training.quality import STRATEGIES, Prepared, QualityConfig
from tests.training.killable import LOOP, store

if __name__ == "__main__":
    run = Path(sys.argv[1])
    data = store(run / "store", 128)
    config = QualityConfig.of(
        {"weights": "random", "width": 8, "loop": LOOP | {"batch": 1, "devices": 2, "patience": 0}}
    )
    network = STRATEGIES["baseline"].train(Prepared(data, data, data), config, run, False)
    save_file(
        {name: tensor.contiguous() for name, tensor in network.state_dict().items()}, run / f"{rank()}.safetensors"
    )
