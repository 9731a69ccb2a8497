"""Decoder of section 3.2.2 and of the hybrid strategy, from the encoder's features back to the blood-pool mask."""

from itertools import pairwise

from monai.networks.blocks import UpSample
from monai.networks.nets.basic_unet import UpCat
from torch import Tensor, nn
from torch.nn.functional import pad


class Decoder(nn.Module):
    """Half of a U-Net with skips from the encoder's stages, up to the pixels of the slice.

    Args:
        width: Number of channels of the encoder's first stage, at 1/2 of a slice's side. At 1/32 it has eight times as
            many.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        levels = (8 * width, 4 * width, 2 * width, width, width // 2)
        skips = (4 * width, 2 * width, width, width)
        self.rises = nn.ModuleList(
            UpCat(2, coarse, skip, fine, act="relu", norm="batch", bias=False, is_pad=False)
            for (coarse, fine), skip in zip(pairwise(levels), skips, strict=True)
        )
        self.last = nn.Sequential(UpSample(2, levels[-1], 16, 2, mode="deconv"), nn.ReLU(), nn.Conv2d(16, 1, 1))

    def forward(self, stages: list[Tensor], rows: int, columns: int) -> Tensor:
        """Return logits of the blood pool.

        Args:
            stages: Feature maps from fine to coarse, as returned by `Encoder.stages`.
            rows: Number of rows of the encoded slices.
            columns: Number of columns of the encoded slices.

        Returns:
            Logits (slice, 1, row, column) on the pixels of these slices.
        """
        *skips, x = stages
        for rise, skip in zip(self.rises, reversed(skips), strict=True):
            # An odd side was rounded up at the coarser level.
            beyond = (0, 2 * x.shape[3] - skip.shape[3], 0, 2 * x.shape[2] - skip.shape[2])
            x = rise(x, pad(skip, beyond))
        logits: Tensor = self.last(x)[..., :rows, :columns]
        return logits
