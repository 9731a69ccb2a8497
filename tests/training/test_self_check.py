"""The check of a trained network against a constant, on an ONNX network and slices on disk."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from lgeqa.records import FloatArray
from lgeqa.training.self_check import constant_cautions, prevalence_cautions
from lgeqa.training.slice_store import SliceDataset, Slices, open_store

PASSES = np.array([1, 1, 0, 1, 0, 0, 1], np.float32)


def store(folder: Path, labels: FloatArray) -> SliceDataset:
    """Return seven scans of three slices, whose pixels hold 1 on good scans and -1 on poor ones."""
    scans = [
        Slices(
            np.full((3, 2, 2), 2 * good - 1, np.float32), np.zeros((3, 2, 2), np.uint8), np.full(4, label, np.float32)
        )
        for good, label in zip(PASSES, labels, strict=True)
    ]
    return open_store(folder, {}, lambda: scans)


def network(path: Path, slope: float) -> Path:
    """Write a network whose four probabilities are the sigmoid of `slope` times the slice's mean."""
    nodes = [
        helper.make_node("ReduceMean", ["slices"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["mean", "slope"], ["logit"]),
        helper.make_node("Unsqueeze", ["logit", "axis"], ["column"]),
        helper.make_node("Expand", ["column", "four"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info("slices", TensorProto.FLOAT, ["slice", 1, 2, 2])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["slice", 4])],
        [
            helper.make_tensor("slope", TensorProto.FLOAT, [], [slope]),
            helper.make_tensor("axis", TensorProto.INT64, [1], [1]),
            helper.make_tensor("four", TensorProto.INT64, [2], [1, 4]),
        ],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_network_that_separates_scans_passes(tmp_path: Path) -> None:
    slices = store(tmp_path / "store", PASSES)
    path = network(tmp_path / "network.onnx", 2)
    assert constant_cautions(path, slices) == prevalence_cautions(path, slices, slices) == []


def test_constant_network_is_reported_on_each_scale(tmp_path: Path) -> None:
    slices = store(tmp_path / "store", PASSES)
    cautions = constant_cautions(network(tmp_path / "network.onnx", 0.01), slices)
    assert [caution.split(":")[0] for caution in cautions] == [
        "Quality for fibrosis assessment",
        "Myocardium nulling",
        "Sharpness",
        "Enhancement of aorta and valve",
    ]
    assert "a probability of .50 to .50" in cautions[0]


def test_network_that_says_the_opposite_is_reported(tmp_path: Path) -> None:
    slices = store(tmp_path / "store", PASSES)
    cautions = prevalence_cautions(network(tmp_path / "network.onnx", -2), slices, slices)
    assert len(cautions) == 4
    assert "of always saying 0.57, the share of diagnostic scans" in cautions[0]


@pytest.mark.parametrize("known", [0, 4])
def test_scans_without_a_label_are_left_out(tmp_path: Path, known: int) -> None:
    labels = np.where(np.arange(7) < known, PASSES, np.nan)
    slices = store(tmp_path / "store", labels)
    assert prevalence_cautions(network(tmp_path / "network.onnx", -2), slices, slices) == []
