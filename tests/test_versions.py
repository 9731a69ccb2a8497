"""Versions of packages that a result depends on."""

from importlib.metadata import PackageNotFoundError

import pytest

from lgeqa import versions


@pytest.mark.parametrize("package", ["onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino"])
def test_onnx_runtime_counts_from_whichever_package_brings_it(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name.startswith("onnxruntime") and name != package:
            raise PackageNotFoundError(name)
        return f"9.9 of {name}"

    monkeypatch.setattr(versions, "version", version)
    assert versions.versions.__wrapped__()["onnxruntime"] == f"9.9 of {package}"


def test_a_missing_onnx_runtime_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(versions, "version", missing)
    with pytest.raises(PackageNotFoundError, match="onnxruntime"):
        versions._runtime()
