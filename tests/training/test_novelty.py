"""Novelty: the distance, its limits, and its output of the network."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from lgeqa.errors import TrainingError
from lgeqa.records import FloatArray
from lgeqa.training.novelty import add_novelty, fit_whitening, novelty_limits, pooled_features

CHANNELS = 6


def features(n: int = 400) -> FloatArray:
    """Features that go together, each with a scale of its own."""
    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(n, CHANNELS)) @ rng.normal(size=(CHANNELS, CHANNELS)) * [1, 2, 3, 4, 5, 6] + 10
    return mixed.astype(np.float32)


def pooling_network(path: Path, kind: str = "ReduceMean") -> Path:
    """A network whose pooled features are the channels' means, times 1 to 6."""
    nodes = [
        helper.make_node("Mul", ["slices", "factors"], ["channels"]),
        helper.make_node(kind, ["channels", "axes"], ["pooled"], keepdims=0),
        helper.make_node("Sigmoid", ["pooled"], ["probabilities"]),
    ]
    constants = [
        helper.make_tensor("factors", TensorProto.FLOAT, [1, CHANNELS, 1, 1], np.arange(1.0, 1 + CHANNELS)),
        helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3]),
    ]
    taken = helper.make_tensor_value_info("slices", TensorProto.FLOAT, ["slice", 1, 4, 4])
    given = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["slice", CHANNELS])
    graph = helper.make_graph(nodes, "pooling", [taken], [given], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


def test_novelty_is_the_mahalanobis_distance() -> None:
    given = features()
    others = np.random.default_rng(1).normal(10, 20, (9, CHANNELS)).astype(np.float32)
    inverse = np.linalg.inv(np.cov(given.T, bias=True))
    offsets = others - given.mean(axis=0)
    expected = [np.sqrt(offset @ inverse @ offset / CHANNELS) for offset in offsets]
    np.testing.assert_allclose(fit_whitening(given).novelty(others), expected, rtol=1e-3)


def test_training_slices_have_a_novelty_about_1() -> None:
    novelty = fit_whitening(features()).novelty(features())
    assert np.sqrt(np.mean(novelty**2)) == pytest.approx(1, rel=1e-4)


def test_leading_components_alone_count() -> None:
    given = features()
    leading = fit_whitening(given, components=2)
    assert leading.matrix.shape == (CHANNELS, 2)
    _, _, axes = np.linalg.svd(given - given.mean(axis=0), full_matrices=False)
    along = (given.mean(axis=0) + 1000 * axes[5])[None].astype(np.float32)
    assert leading.novelty(along) < 0.1
    assert fit_whitening(given).novelty(along) > 100


def test_directions_that_no_training_slice_takes_are_left_out() -> None:
    flat = features()
    flat[:, 3] = 7
    assert fit_whitening(flat).matrix.shape == (CHANNELS, CHANNELS - 1)


def test_limits_start_from_the_medians_of_scans() -> None:
    owner = np.repeat(np.arange(5), 9)
    novelty = np.tile(np.array([1, 1, 1, 1, 1, 1, 1, 50, 90], np.float32), 5)
    novelty[owner == 2] *= 2
    limits = novelty_limits(novelty, owner, "five scans")
    highest = np.quantile([1, 1, 1, 1, 2], 0.999)
    assert (limits.review, limits.refuse) == pytest.approx((0.9 * highest, 1.25 * highest), abs=1e-3)
    assert limits.set_from == "0.9 and 1.25 times the 99.9% quantile of 5 scans: five scans"


def test_the_network_gives_the_novelty(tmp_path: Path) -> None:
    network = pooling_network(tmp_path / "network.onnx")
    slices = np.random.default_rng(0).uniform(0, 2, (19, 4, 4)).astype(np.float32)
    pooled = pooled_features(network, slices[:, None])
    np.testing.assert_allclose(pooled, slices.mean(axis=(1, 2))[:, None] * np.arange(1, 1 + CHANNELS), rtol=1e-5)
    first, whitening = fit_whitening(features()), fit_whitening(features() * 3)
    add_novelty(network, tmp_path / "novel.onnx", first)
    add_novelty(tmp_path / "novel.onnx", tmp_path / "again.onnx", whitening)
    session = onnxruntime.InferenceSession((tmp_path / "again.onnx").read_bytes(), providers=["CPUExecutionProvider"])
    assert [output.name for output in session.get_outputs()] == ["probabilities", "novelty"]
    probabilities, novelty = session.run(None, {"slices": slices[:, None]})
    np.testing.assert_allclose(probabilities, 1 / (1 + np.exp(-pooled)), rtol=1e-5)
    np.testing.assert_allclose(novelty, whitening.novelty(pooled), rtol=1e-4)


def test_a_network_without_pooling_is_refused(tmp_path: Path) -> None:
    network = pooling_network(tmp_path / "network.onnx", "ReduceMax")
    with pytest.raises(TrainingError, match=r"network.onnx: has no global pooling"):
        add_novelty(network, tmp_path / "novel.onnx", fit_whitening(features()))
