"""The versions that a result depends on."""

import platform
from functools import cache
from importlib.metadata import version

_PACKAGES = ("lgeqa", "nibabel", "numpy", "onnxruntime", "pydicom", "scipy")


@cache
def versions() -> dict[str, str]:
    """Return the version of Python and of each package that takes part in an assessment, without heavy imports."""
    return {name: version(name) for name in _PACKAGES} | {"python": platform.python_version()}
