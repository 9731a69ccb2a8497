"""Novelty of a slice: the distance of its features from the training slices', part of the quality network's graph.

With f the pooled features of a slice, m their mean over training slices, and v_i and s_i the i-th principal component
of the training features and the standard deviation along it,

novelty(f) = sqrt(1/k * sum over i of ((f - m) . v_i / s_i)^2)

over the first k components: the Mahalanobis distance in the space that they span, divided by sqrt(k), so that a
training slice has a novelty near 1 (Lee et al., arXiv 1807.03888, use such a distance of features to find inputs unlike
the training data). It measures whether a scan resembles the training scans, not whether its quality is good.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from lgeqa.errors import TrainingError
from lgeqa.inference.bundle.bundle import CHUNK, NOVELTY
from lgeqa.inference.bundle.manifest import NoveltyLimits
from lgeqa.records import FloatArray, IntArray

#: Number of principal components. With fewer, a brain looks like a heart to some networks; with more, kept-out hearts
#: with heavy artefacts come near the limit of refusal.
COMPONENTS = 256
#: Quantile of the training scans' novelty from which the limits are derived.
QUANTILE = 0.999
#: Multiples of that quantile from which a scan needs review and from which it is refused.
MARGINS = (0.9, 1.25)


@dataclass(frozen=True)
class Whitening:
    """A linear map of features to a vector whose length is the novelty.

    Attributes:
        mean: Mean over the training slices, (features,).
        matrix: Whitening matrix divided by the square root of the number of components, (features, components).
    """

    mean: FloatArray
    matrix: FloatArray

    def novelty(self, features: FloatArray) -> FloatArray:
        """Return the novelty (slice,) of features (slice, features)."""
        distance: FloatArray = np.linalg.norm((features - self.mean) @ self.matrix, axis=1)
        return distance


def fit_whitening(features: FloatArray, components: int = COMPONENTS) -> Whitening:
    """Fit the mean and the whitening matrix of training features.

    Args:
        features: Features of the training slices, (slice, features).
        components: Number of principal components. Fewer are used if the slices do not span as many.
    """
    mean = features.mean(axis=0, dtype=np.float64)
    _, lengths, axes = np.linalg.svd(features - mean, full_matrices=False)
    n = min(components, int(np.sum(lengths > 1e-6 * lengths[0])))
    deviations = lengths[:n] / np.sqrt(len(features))
    matrix = axes[:n].T / deviations / np.sqrt(n)
    return Whitening(mean.astype(np.float32), matrix.astype(np.float32))


def novelty_limits(novelty: FloatArray, owner: IntArray, data: str) -> NoveltyLimits:
    """Derive the limits of the novelty from the training scans.

    Args:
        novelty: Novelty of the training slices, (slice,).
        owner: Scan that each slice belongs to, (slice,).
        data: Description of the training scans.
    """
    scans = [float(np.median(novelty[owner == scan])) for scan in np.unique(owner)]
    highest = float(np.quantile(scans, QUANTILE))
    review, refuse = (round(margin * highest, 3) for margin in MARGINS)
    text = f"{MARGINS[0]:g} and {MARGINS[1]:g} times the {QUANTILE:.1%} quantile of {len(scans)} scans: {data}"
    return NoveltyLimits(review=review, refuse=refuse, set_from=text)


def pooled_features(network: Path, slices: FloatArray) -> FloatArray:
    """Return the pooled features (slice, features) of slices (slice, channel, row, column).

    Raises:
        TrainingError: The network has no global pooling.
    """
    model = onnx.load(network)
    name = _pooled(model, network)
    model.graph.output.append(onnx.ValueInfoProto(name=name))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    input_name = session.get_inputs()[0].name
    chunks = [slices[start : start + CHUNK] for start in range(0, len(slices), CHUNK)]
    return np.concatenate([session.run([name], {input_name: chunk})[0] for chunk in chunks])


def add_novelty(network: Path, path: Path, whitening: Whitening) -> None:
    """Write a quality network with the output `novelty` (slice,), replacing an earlier output of this name.

    Args:
        network: ONNX file of the quality network.
        path: File to write, which may be the same file.
        whitening: Whitening returned by `fit_whitening`.
    """
    model = onnx.load(network)
    graph = model.graph
    for items in (graph.node, graph.initializer, graph.output):
        others = [item for item in items if not item.name.startswith(NOVELTY)]
        del items[:]
        items.extend(others)
    constants: dict[str, npt.NDArray[np.float32] | npt.NDArray[np.int64]] = {
        "mean": whitening.mean,
        "matrix": whitening.matrix,
        "axes": np.array([1], np.int64),
    }
    graph.initializer.extend(numpy_helper.from_array(value, f"{NOVELTY}_{name}") for name, value in constants.items())
    steps = (
        ("Sub", (_pooled(model, network), f"{NOVELTY}_mean"), f"{NOVELTY}_offset"),
        ("MatMul", (f"{NOVELTY}_offset", f"{NOVELTY}_matrix"), f"{NOVELTY}_whitened"),
        ("ReduceL2", (f"{NOVELTY}_whitened", f"{NOVELTY}_axes"), NOVELTY),
    )
    for kind, inputs, output in steps:
        node = helper.make_node(kind, inputs, [output], name=f"{NOVELTY}_{kind}")
        if kind == "ReduceL2":
            node.attribute.append(helper.make_attribute("keepdims", 0))
        graph.node.append(node)
    slices = graph.input[0].type.tensor_type.shape.dim[0].dim_param or "slice"
    graph.output.append(helper.make_tensor_value_info(NOVELTY, TensorProto.FLOAT, [slices]))
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _pooled(model: onnx.ModelProto, path: Path) -> str:
    """Return the name of the pooled features in a graph."""
    for node in model.graph.node:
        if node.op_type == "ReduceMean":
            return str(node.output[0])
    raise TrainingError(f"{path}: has no global pooling, so nothing can be said about how new a slice is.")
