"""How unlike the training slices a slice is: a distance between features, put into the quality network's graph.

With f the pooled features of a slice, m their mean over training slices, and v_i and s_i the i-th principal component
of the training features and the standard deviation along it,

novelty(f) = sqrt(1/k * sum over i of ((f - m) . v_i / s_i)^2)

over the first k components: the Mahalanobis distance in the space that they span, divided by sqrt(k), so that a
training slice lies near 1 (Lee et al., arXiv 1807.03888, use such a distance of features to find inputs unlike the
training data). It says whether a scan looks like those that the network learnt from, not whether it is good.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from lgeqa.bundle.bundle import CHUNK, NOVELTY
from lgeqa.bundle.manifest import NoveltyLimits
from lgeqa.errors import TrainingError
from lgeqa.records import FloatArray, IntArray

#: Principal components that the distance is taken in. Noise, inverted scans and brains were told from heart scans best
#: with 64 to 96; with fewer, brains look like hearts.
COMPONENTS = 96
#: Quantile of the training scans' novelty that the limits start from.
QUANTILE = 0.999
#: A scan is for review from the first share of that quantile on, and refused from the second on.
MARGINS = (0.9, 1.25)


@dataclass(frozen=True)
class Whitening:
    """What turns features into a vector whose length is the novelty.

    Attributes:
        mean: (features,) mean over the training slices.
        matrix: (features, components) that whitens, divided by the square root of the number of components.
    """

    mean: FloatArray
    matrix: FloatArray

    def novelty(self, features: FloatArray) -> FloatArray:
        """Return the novelty of each slice, (slice,), from its (slice, features)."""
        distance: FloatArray = np.linalg.norm((features - self.mean) @ self.matrix, axis=1)
        return distance


def fit_whitening(features: FloatArray, components: int = COMPONENTS) -> Whitening:
    """Fit the mean and the whitening matrix of training features.

    Args:
        features: (slice, features) of the training slices.
        components: Number of principal components; fewer if the slices do not span as many.
    """
    mean = features.mean(axis=0, dtype=np.float64)
    _, lengths, axes = np.linalg.svd(features - mean, full_matrices=False)
    n = min(components, int(np.sum(lengths > 1e-6 * lengths[0])))
    deviations = lengths[:n] / np.sqrt(len(features))
    matrix = axes[:n].T / deviations / np.sqrt(n)
    return Whitening(mean.astype(np.float32), matrix.astype(np.float32))


def novelty_limits(novelty: FloatArray, owner: IntArray, data: str) -> NoveltyLimits:
    """Set the limits from the training scans.

    Args:
        novelty: (slice,) of the training slices.
        owner: (slice,) scan that each belongs to.
        data: What the training scans are.
    """
    scans = [float(np.median(novelty[owner == scan])) for scan in np.unique(owner)]
    highest = float(np.quantile(scans, QUANTILE))
    review, refuse = (round(margin * highest, 3) for margin in MARGINS)
    text = f"{MARGINS[0]:g} and {MARGINS[1]:g} times the {QUANTILE:.1%} quantile of {len(scans)} scans: {data}"
    return NoveltyLimits(review=review, refuse=refuse, set_from=text)


def pooled_features(network: Path, slices: FloatArray) -> FloatArray:
    """Return the pooled features (slice, features) of prepared slices (slice, row, column).

    Raises:
        TrainingError: the network has no global pooling.
    """
    model = onnx.load(network)
    name = _pooled(model, network)
    model.graph.output.append(onnx.ValueInfoProto(name=name))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0].name
    chunks = [slices[start : start + CHUNK, None] for start in range(0, len(slices), CHUNK)]
    return np.concatenate([session.run([name], {given: chunk})[0] for chunk in chunks])


def add_novelty(network: Path, path: Path, whitening: Whitening) -> None:
    """Write a quality network again with the output `novelty` (slice,), in the place of an earlier one.

    Args:
        network: ONNX file of the quality network.
        path: the new file; may be the same.
        whitening: as `fit_whitening` gives it.
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
    """Name of the pooled features in a graph."""
    for node in model.graph.node:
        if node.op_type == "ReduceMean":
            return str(node.output[0])
    raise TrainingError(f"{path}: has no global pooling, so nothing can be said about how new a slice is.")
