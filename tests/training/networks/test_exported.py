"""A network that can be trained on, from the ONNX file of a bundle."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from lgeqa.errors import ConfigError
from lgeqa.inference.bundle import default_bundle, open_bundle
from lgeqa.training.networks import QualityNetwork
from lgeqa.training.networks.exported import quality_network_of
from lgeqa.training.networks.quality import QualityFrom
from lgeqa.training.onnx_export import export_onnx
from tests.toy import toy_bundle


def trained(quality_from: QualityFrom) -> QualityNetwork:
    """Return a small network whose batch normalisations have learnt something."""
    torch.manual_seed(0)
    network = QualityNetwork(quality_from, 4)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.weight, module.running_var):
                nn.init.uniform_(values, 0.5, 1.5)  # type: ignore[arg-type]
            for values in (module.bias, module.running_mean):
                nn.init.normal_(values)  # type: ignore[arg-type]
    return network.eval()


@pytest.mark.parametrize("quality_from", ["logits", "features"])
@pytest.mark.slow
def test_exported_network_says_the_same(tmp_path: Path, quality_from: QualityFrom) -> None:
    network = trained(quality_from)
    export_onnx(network, (1, 64, 64), None, tmp_path / "network.onnx")
    again = quality_network_of(tmp_path / "network.onnx")
    slices = torch.rand(3, 1, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(again(slices), network(slices), atol=1e-4, rtol=1e-4)
    assert (again.quality_from, again.encoder.width, again.training) == (quality_from, 4, False)


def test_default_bundle_can_be_trained_on() -> None:
    bundle = open_bundle()
    network = quality_network_of(default_bundle() / bundle.manifest.quality.file)
    side = bundle.manifest.quality.preparation.pixels
    slices = np.random.default_rng(0).uniform(0, 2, (4, side, side)).astype(np.float32)
    with torch.inference_mode():
        probabilities = torch.sigmoid(network(torch.from_numpy(slices)[:, None])).numpy()
    # The bundle computes with 8 bits.
    np.testing.assert_allclose(probabilities, bundle.score(slices).probabilities, atol=0.05)


def test_other_networks_are_refused(tmp_path: Path) -> None:
    path = toy_bundle(tmp_path) / "quality.onnx"
    with pytest.raises(ConfigError, match=r"quality\.onnx: is not a quality network that lgeqa exported .*Start from"):
        quality_network_of(path)
