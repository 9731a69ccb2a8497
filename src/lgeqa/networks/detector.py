"""Stage 1: the 2-D U-Net that finds the atrial blood pool (section 3.1)."""

from monai.networks.nets import BasicUNet
from torch import Tensor, nn


class Detector(nn.Module):
    """U-Net with four levels of halving and batch normalisation.

    Args:
        width: channels of the first level; each level doubles them.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        levels = (width, 2 * width, 4 * width, 8 * width, 16 * width, width)
        self.unet = BasicUNet(spatial_dims=2, in_channels=1, out_channels=1, features=levels, act="relu", norm="batch")

    def forward(self, slices: Tensor) -> Tensor:  # (slice, 1, row, column), rows and columns multiples of 16
        """Logits of the blood pool, (slice, 1, row, column)."""
        logits: Tensor = self.unet(slices)
        return logits
