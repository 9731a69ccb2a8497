"""Optional packages: the modules of each extra, and a clear message if one is missing."""

from importlib.util import find_spec
from typing import Final

from lgeqa.errors import MissingExtraError

#: For each extra of the package, the modules that show it is installed.
EXTRAS: Final = {
    "agreement": ("krippendorff", "pandas", "pingouin", "sklearn"),
    "dicom": ("pylibjpeg", "libjpeg", "openjpeg"),
    "train": (
        "torch",
        "lightning",
        "markdown_it",
        "monai",
        "matplotlib",
        "sklearn",
        "onnx",
        "onnxscript",
        "pyarrow",
        "pytorch_optimizer",
        "safetensors",
        "tensorboard",
        "torchmetrics",
        "huggingface_hub",
        "umap",
    ),
    "web": (
        "alembic",
        "fastapi",
        "krippendorff",
        "pandas",
        "pingouin",
        "python_multipart",
        "sklearn",
        "sqlalchemy",
        "uvicorn",
    ),
}


def missing(extra: str) -> tuple[str, ...]:
    """Return the modules of `extra` that cannot be found, without importing any."""
    return tuple(module for module in EXTRAS[extra] if find_spec(module) is None)


def require(extra: str, feature: str) -> None:
    """Make sure that `extra` is installed before `feature` imports from it.

    Raises:
        MissingExtraError: A module of the extra is missing. The message names it and the install command.
    """
    absent = missing(extra)
    if absent:
        raise MissingExtraError(
            f'{feature} needs {", ".join(absent)}, which a plain install leaves out. Run: pip install "lgeqa[{extra}]"'
        )
