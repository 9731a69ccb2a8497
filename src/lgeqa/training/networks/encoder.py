"""ResNet34 encoder of stage 2, and the source of its initial weights (section 3.2)."""

from pathlib import Path
from typing import Literal

from monai.networks.nets import ResNet
from torch import Tensor, nn

from lgeqa.errors import ConfigError
from lgeqa.training.networks.weights import read_weights

#: Repository and file of the ImageNet weights on the hub.
HUB_REPOSITORY = "timm/resnet34.tv_in1k"
HUB_FILE = "model.safetensors"
#: Prefixes of the ResNet34's keys in the weights of a network with an encoder, and of an `Encoder`.
_IN_NETWORK, _OURS = "encoder.", "resnet."

#: Number of channels of a ResNet34's first stage.
WIDTH = 64

Start = Literal["random", "hub"] | Path


class Encoder(nn.Module):
    """ResNet34 for one or more slices as channels, down to 512 pooled features.

    Args:
        width: Number of channels of the first stage. If it is below the 64 of a ResNet34, all stages are narrower in
            proportion and there are fewer features.
        channels: Number of slices that it sees at once, the current slice and its neighbours.

    Attributes:
        width: Number of channels of the first stage.
        features: Number of pooled features, eight times the width.
    """

    def __init__(self, width: int = WIDTH, channels: int = 1) -> None:
        super().__init__()
        self.width = width
        self.features = 8 * width
        self.resnet = ResNet(
            "basic",
            [3, 4, 6, 3],
            [width, 2 * width, 4 * width, 8 * width],
            spatial_dims=2,
            n_input_channels=channels,
            conv1_t_size=7,
            conv1_t_stride=2,
            shortcut_type="B",
            bias_downsample=False,
            feed_forward=False,
        )

    def stages(self, slices: Tensor) -> list[Tensor]:
        """Return feature maps from fine to coarse.

        Returns:
            For a (slice, channel, 128, 128) batch and a width of 64: (slice, 64, 64, 64), (slice, 64, 32, 32),
            (slice, 128, 16, 16), (slice, 256, 8, 8) and (slice, 512, 4, 4).
        """
        net = self.resnet
        maps = [net.act(net.bn1(net.conv1(slices)))]
        x = net.maxpool(maps[0])
        for layer in (net.layer1, net.layer2, net.layer3, net.layer4):
            x = layer(x)
            maps.append(x)
        return maps

    def forward(self, slices: Tensor) -> Tensor:  # (slice, channel, row, column)
        """Return pooled features, (slice, features)."""
        return self.stages(slices)[-1].mean(dim=(2, 3))


def load_first_weights(encoder: Encoder, start: Start) -> None:
    """Fill an encoder with its initial weights.

    The first convolution of the ImageNet weights is summed over its three colour channels and spread evenly over the
    slices that the encoder sees at once, so that equal slices give the same features as one. The same is done with that
    of an encoder of ours that saw another number of slices.

    Args:
        encoder: Encoder that is filled in place.
        start: Source of the weights. `random` leaves the encoder as it is. `hub` downloads the ImageNet weights, which
            requires internet access. A path names a `.safetensors` file with the keys of a torchvision or timm
            ResNet34, a whole quality network, such as the `network.safetensors` of a run, whose heads are left out, or
            only an encoder, such as the `pretraining/encoder.safetensors` of a contrastive run.

    Raises:
        ConfigError: The weights cannot be obtained or do not fit. Random weights never replace them.
    """
    if start == "random":
        return
    path = _download() if start == "hub" else Path(start)
    weights = read_weights(path)
    if any(key.startswith(_IN_NETWORK) for key in weights):
        weights = {
            key.removeprefix(_IN_NETWORK): value for key, value in weights.items() if key.startswith(_IN_NETWORK)
        }
    own = any(key.startswith(_OURS) for key in weights)
    state = {key.removeprefix(_OURS): value for key, value in weights.items() if not key.startswith("fc.")}
    if "conv1.weight" in state:
        first, channels = state["conv1.weight"], encoder.resnet.conv1.weight.shape[1]
        if not (own and first.shape[1] == channels):
            state["conv1.weight"] = first.sum(dim=1, keepdim=True).expand(-1, channels, -1, -1) / channels
    try:
        missing, unknown = encoder.resnet.load_state_dict(state, strict=False)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise ConfigError(f"weights = {path}: do not fit a ResNet34 of width {encoder.width} ({reason}).") from None
    missing = [key for key in missing if not key.endswith("num_batches_tracked")]
    if missing or unknown:
        raise ConfigError(f"weights = {path}: do not fit a ResNet34: missing {missing[:3]}, unknown {unknown[:3]}.")


def _download() -> Path:
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(HUB_REPOSITORY, HUB_FILE))
    except Exception as error:
        reason = f"{type(error).__name__}"
        raise ConfigError(
            f'weights = "hub": {HUB_REPOSITORY} could not be downloaded ({reason}). Name a local .safetensors file, '
            'or say weights = "random".'
        ) from error
