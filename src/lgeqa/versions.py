"""The versions that a result depends on."""

import platform
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = ("lgeqa", "nibabel", "numpy", "onnxruntime", "pydicom", "scipy")
#: Packages that each bring ONNX Runtime, of which one is enough.
_RUNTIMES = ("onnxruntime-openvino", "onnxruntime-gpu", "onnxruntime")
#: Packages that also determine a trained network or the figures of an evaluation.
_TRAINING_PACKAGES = (
    "lightning",
    "monai",
    "onnx",
    "onnxscript",
    "pytorch-optimizer",
    "scikit-learn",
    "torch",
    "torchmetrics",
    "umap-learn",
)


@cache
def versions() -> dict[str, str]:
    """Return the version of Python and of each package that takes part in an assessment, without heavy imports."""
    return _installed(_PACKAGES) | {"python": platform.python_version()}


@cache
def training_versions() -> dict[str, str]:
    """Return `versions`, and those of the packages of the extra `train` that take part in a training or evaluation."""
    return versions() | _installed(_TRAINING_PACKAGES)


def _runtime() -> str:
    """Return the version of the ONNX Runtime that is installed."""
    for name in _RUNTIMES:
        with suppress(PackageNotFoundError):
            return version(name)
    raise PackageNotFoundError(_RUNTIMES[-1])


def _installed(packages: tuple[str, ...]) -> dict[str, str]:
    return {name: _runtime() if name == "onnxruntime" else version(name) for name in packages}
