"""Reading and writing of weights in files that cannot run code."""

from pathlib import Path

from safetensors.torch import load_file, save
from torch import Tensor, nn

from lgeqa.atomic_io import write_through
from lgeqa.errors import ConfigError


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a `.safetensors` file.

    Raises:
        ConfigError: The file has another format, is missing or is damaged.
    """
    if path.suffix != ".safetensors":
        raise ConfigError(f"weights = {path}: only .safetensors files are loaded, since pickled ones can run code.")
    try:
        return load_file(path)
    except Exception as error:
        raise ConfigError(f"weights = {path}: cannot be read ({error}). Name a .safetensors file.") from None


def save_weights(network: nn.Module, path: Path) -> None:
    """Write the weights of a network to a `.safetensors` file, completely or not at all.

    Raises:
        OutputError: The file cannot be written.
    """
    content = save({name: tensor.contiguous() for name, tensor in network.state_dict().items()})
    write_through(path, lambda draft: draft.write_bytes(content))


def load_weights(network: nn.Module, path: Path) -> None:
    """Fill a network in place with the weights of an earlier one of the same shape.

    Raises:
        ConfigError: The file cannot be read, or its weights do not fit.
    """
    try:
        network.load_state_dict(read_weights(path))
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise ConfigError(f"weights = {path}: do not fit this network ({reason}).") from None
