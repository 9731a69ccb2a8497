"""Networks of a bundle as PyTorch modules, for MONAI and other programs that compose such modules."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from lgeqa.inference.bundle import open_bundle
from lgeqa.inference.bundle.manifest import StageName


class BundleModule(nn.Module):
    """A network of a bundle, run by ONNX Runtime. It has no weights that PyTorch could train.

    Args:
        folder: Folder of the bundle.
        stage: Network to run.

    Raises:
        BundleError: The bundle cannot be used.
    """

    def __init__(self, folder: Path | str, stage: StageName) -> None:
        super().__init__()
        self._bundle = open_bundle(Path(folder))
        self._stage = stage

    def forward(self, slices: Tensor) -> Tensor:
        """Return the probabilities of prepared slices, with the channels that the bundle's `context_mm` describes.

        Args:
            slices: Prepared slices, float32 (slice, channel, row, column).

        Returns:
            For the detector, the probability of left-atrial blood pool, (slice, 1, row, column). For the quality
            network, the probability of being diagnostic on each scale, (slice, 4), in the order of
            `scales.SCALE_NAMES`.
        """
        images = slices.detach().cpu().numpy().reshape(-1, *slices.shape[2:])
        channels = np.arange(len(images)).reshape(slices.shape[:2])
        if self._stage == "detector":
            probabilities = self._bundle.detect(images, channels)[:, None]
        else:
            probabilities = self._bundle.score(images, channels).probabilities
        return torch.from_numpy(probabilities).to(slices.device)
