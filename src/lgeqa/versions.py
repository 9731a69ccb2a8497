"""The versions that a result depends on."""

import platform
from functools import cache
from importlib.metadata import version

_PACKAGES = ("lgeqa", "numpy", "onnxruntime", "pydicom", "scipy", "SimpleITK")


@cache
def versions() -> dict[str, str]:
    """Version of each package that takes part in assessing a scan, and of Python; nothing heavy is imported."""
    return {name: version(name) for name in _PACKAGES} | {"python": platform.python_version()}
