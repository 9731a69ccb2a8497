"""Stage 1: 2-D U-Net that finds the atrial blood pool (section 3.1)."""

from monai.networks.nets import BasicUNet
from torch import Tensor, nn


class Detector(nn.Module):
    """U-Net with four levels of halving and batch normalisation.

    Args:
        width: Number of channels of the first level, doubled at each further level.
        context: Number of slices that it sees at once as channels, the current slice and its neighbours.
    """

    def __init__(self, width: int = 16, context: int = 1) -> None:
        super().__init__()
        levels = (width, 2 * width, 4 * width, 8 * width, 16 * width, width)
        self.unet = BasicUNet(2, in_channels=context, out_channels=1, features=levels, act="relu", norm="batch")
        for rise in (self.unet.upcat_1, self.unet.upcat_2, self.unet.upcat_3, self.unet.upcat_4):
            # Sides are multiples of 16, so the two halves of each skip fit. Padding by nothing takes a fifth of a step.
            rise.is_pad = False

    def forward(self, slices: Tensor) -> Tensor:  # (slice, context, row, column), sides multiples of 16
        """Return logits of the blood pool, (slice, 1, row, column)."""
        logits: Tensor = self.unet(slices)
        return logits
