"""The MONAI bundle of a bundle, checked and run by MONAI itself."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from monai.bundle import ConfigWorkflow, run, verify_metadata, verify_net_in_out

import lgeqa
from lgeqa.inference.bundle import open_bundle
from lgeqa.scales import SCALE_NAMES
from lgeqa.training.bundle_module import BundleModule
from tests.factories.command import lgeqa as command
from tests.toy import toy_bundle, toy_scan

#: What MONAI's schema of 2024-07-25 demands, in short.
TENSOR = {
    "type": "object",
    "required": ["type", "format", "num_channels", "spatial_shape", "dtype", "value_range"],
    "properties": {"num_channels": {"type": "integer"}, "is_patch_data": {"type": "boolean"}},
}
NETWORK = {
    "type": "object",
    "required": ["inputs", "outputs"],
    "additionalProperties": {"type": "object", "additionalProperties": TENSOR},
}
TEXTS = ("schema", "version", "monai_version", "pytorch_version", "numpy_version", "task", "description", "authors")
SCHEMA = {
    "type": "object",
    "required": [*TEXTS, "copyright", "required_packages_version", "network_data_format"],
    "properties": {name: {"type": "string"} for name in TEXTS} | {"required_packages_version": {"type": "object"}},
    "patternProperties": {"_data_format$": NETWORK},
}

#: MONAI warns that it checks no hash of the schema, and that a config runs code.
pytestmark = pytest.mark.filterwarnings("ignore:No hash value:UserWarning", "ignore:parsing config_file:UserWarning")


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_bundle(tmp_path_factory.mktemp("toy"))


@pytest.fixture
def exported(toy: Path, tmp_path: Path) -> Path:
    done = command("export-monai", "-o", tmp_path / "monai", "--bundle", toy)
    assert (done.returncode, str(tmp_path / "monai" / "docs" / "README.md") in done.stdout) == (0, True), done.stderr
    return tmp_path / "monai"


def _config(folder: Path) -> str:
    return str(folder / "configs" / "inference.json")


def _metadata(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "configs" / "metadata.json").read_text(encoding="utf-8"))
    return content


def _verify(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA), encoding="utf-8")
    verify_metadata(meta_file=str(folder / "configs" / "metadata.json"), filepath=str(tmp_path / "schema.json"))


def test_folder_holds_what_a_monai_bundle_needs(exported: Path) -> None:
    files = {str(path.relative_to(exported)) for path in exported.rglob("*") if path.is_file()}
    models = {f"models/{name}" for name in ("bundle.json", "detector.onnx", "quality.onnx")}
    assert files == models | {"LICENSE", "configs/inference.json", "configs/metadata.json", "docs/README.md"}
    assert "Apache License" in (exported / "LICENSE").read_text(encoding="utf-8")


def test_monai_accepts_the_metadata(exported: Path, tmp_path: Path) -> None:
    _verify(exported, tmp_path)
    metadata = _metadata(exported)
    assert metadata["required_packages_version"]["lgeqa"] == lgeqa.__version__
    assert metadata["monai_version"] == "1.5"
    del metadata["quality_data_format"]["outputs"]["pred"]["dtype"]
    (exported / "configs" / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    with pytest.raises(ValueError, match="dtype"):
        _verify(exported, tmp_path)


def test_monai_accepts_both_networks(exported: Path) -> None:
    metadata = _metadata(exported)
    for network, data_format in (("network_def", "network_data_format"), ("quality_def", "quality_data_format")):
        verify_net_in_out(
            net_id=network,
            meta_file=str(exported / "configs" / "metadata.json"),
            config_file=_config(exported),
            device="cpu",
            bundle_root=str(exported),
            **{"_meta_#network_data_format": metadata[data_format]},
        )


def test_workflow_has_what_monai_requires(exported: Path) -> None:
    workflow = ConfigWorkflow(_config(exported), workflow_type="infer", bundle_root=str(exported), logging_file=False)
    workflow.initialize()
    assert not workflow.check_properties()
    slices = torch.rand(2, 1, 16, 32)
    assert workflow.inferer(slices, workflow.network_def).shape == slices.shape


@pytest.mark.parametrize("stage", ["detector", "quality"])
def test_modules_give_what_the_bundle_gives(toy: Path, stage: Any) -> None:
    slices = np.random.default_rng(0).uniform(0, 2, (5, 128, 128)).astype(np.float32)
    context = np.arange(5)[:, None]
    bundle = open_bundle(toy)
    expected = bundle.detect(slices, context)[:, None] if stage == "detector" else bundle.score(slices).probabilities
    given = BundleModule(toy, stage)(torch.from_numpy(slices)[:, None])
    assert given.shape[:2] == (5, 1 if stage == "detector" else len(SCALE_NAMES))
    np.testing.assert_array_equal(given.numpy(), expected)


def test_channels_are_those_of_each_slice(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module, slices = BundleModule(toy, "detector"), torch.rand(2, 3, 4, 4)
    detect = Mock(return_value=np.zeros((2, 4, 4), np.float32))
    monkeypatch.setattr(module._bundle, "detect", detect)
    module(slices)
    images, channels = detect.call_args.args
    np.testing.assert_array_equal(images[channels], slices.numpy())


def test_a_folder_that_is_not_empty_is_left_alone(toy: Path, tmp_path: Path) -> None:
    (tmp_path / "own.txt").touch()
    done = command("export-monai", "-o", tmp_path, "--bundle", toy)
    assert (done.returncode, f"{tmp_path}: exists and is not an empty folder" in done.stderr) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["own.txt"]


def _records(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted((folder / "scans").iterdir()):
        record = json.loads(path.read_text(encoding="utf-8"))
        yield {name: value for name, value in record.items() if name not in {"finished_at", "seconds"}}


def _run(monai: Path, scans: Path, out: Path) -> list[dict[str, Any]]:
    run(config_file=_config(monai), bundle_root=str(monai), dataset_dir=str(scans), output_dir=str(out))
    return list(_records(out))


def test_monai_runs_it_as_lgeqa_does(exported: Path, toy: Path, tmp_path: Path) -> None:
    toy_scan(tmp_path / "scans" / "a.nrrd")
    records = _run(exported, tmp_path / "scans", tmp_path / "by-monai")
    lgeqa.assess_many(tmp_path / "scans", out=tmp_path / "direct", bundle=toy)
    assert records == list(_records(tmp_path / "direct"))
    assert [path.name for path in (tmp_path / "by-monai" / "masks").iterdir()] == ["a.nrrd"]


@pytest.mark.slow
def test_default_bundle_gives_the_same_on_a_real_scan(real_folder: Path, tmp_path: Path) -> None:
    assert command("export-monai", "-o", tmp_path / "monai").returncode == 0
    [record] = _run(tmp_path / "monai", real_folder / "lge-001", tmp_path / "out")
    expected = lgeqa.assess(real_folder / "lge-001")
    names = [f"p_{name}" for name in SCALE_NAMES]
    assert [record[name] for name in names] == pytest.approx([getattr(expected, name) for name in names], abs=1e-4)
