"""A toy bundle that runs in milliseconds, and toy scans for it: the atrium is whatever is bright."""

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper
from scipy.ndimage import map_coordinates

from lgeqa.inference.bundle import Manifest
from lgeqa.inference.bundle.manifest import MANIFEST, DetectorPart, QualityPart
from lgeqa.inference.detection import SliceRule
from lgeqa.inference.gate.likeness import mean_heart
from lgeqa.preprocessing import DetectorPreparation, QualityPreparation
from lgeqa.records import BoolArray, FloatArray, Grid
from tests.images import sitk, to_image

Shape = list[str | int]
#: By how much each logit of a toy bundle rises with a slice's mean signal.
SLOPES = (-4.0, 4.0, 8.0, 9.0)
#: Slices, rows and columns of a toy scan.
SHAPE = (24, 96, 88)
#: Steps of the grid of the gate's mean heart.
MEAN_HEART_MM = (8.0, 6.0, 6.0)


def toy_bundle(
    folder: Path, version: str = "0.1", maps: tuple[float, ...] | None = None, *, attention: bool = False
) -> Path:
    """Write a bundle whose detector takes bright pixels and whose quality falls with the slice's mean signal.

    Args:
        folder: of the bundle.
        version: of the model.
        maps: by how much each of its maps says that a logit rises, `SLOPES` for the truth; None for a bundle that
            does not explain.
        attention: whether it weighs slices, brighter ones more.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {"detector.onnx": _detector(), "quality.onnx": _quality(maps, attention)}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    manifest = Manifest(
        name="toy",
        version=version,
        created="2026-01-01",
        strategy="none",
        detector=DetectorPart(file="detector.onnx", preparation=DetectorPreparation(), rule=SliceRule()),
        quality=QualityPart(file="quality.onnx", preparation=QualityPreparation()),
        labels="simulated",
        training_data="None.",
        intended_use="For tests of lgeqa; not a medical device.",
        license="Apache-2.0",
        sha256={name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    )
    (folder / MANIFEST).write_text(manifest.model_dump_json(), encoding="utf-8")
    return folder


def toy_scan(path: Path, seed: int = 0, *, atrium: bool = True, slices: slice = slice(None)) -> Path:
    """Write a volume of 24 slices, or some of them, with a bright ball of 48 mm, or with two dim halves and no ball.

    The surroundings of the ball are a faint picture of the mean heart, so that the gate takes it for one.
    """
    levels = _ground() if atrium else np.broadcast_to(np.where(np.arange(SHAPE[2]) < SHAPE[2] / 2, 10, 26), SHAPE)
    voxels = np.random.default_rng(seed).uniform(levels, levels + 4).astype(np.float32)
    return _write(path, voxels[slices])


def toy_mask(path: Path, *, empty: bool = False) -> Path:
    """Write the mask of the ball in a toy scan, or one without a voxel."""
    return _write(path, (_ball() & (not empty)).astype(np.float32))


def _ball() -> BoolArray:
    """Return the voxels (slice, row, column) of the ball in a toy scan."""
    z, y, x = (mm**2 for mm in _from_centre_mm())
    inside: BoolArray = z + y + x < 24**2
    return inside


@cache
def _ground() -> npt.NDArray[np.float64]:
    """Return the grey levels of a toy scan without noise: 210 in the ball, at most 80 around it."""
    heart = np.nan_to_num(mean_heart())
    axes = zip(_from_centre_mm(), MEAN_HEART_MM, heart.shape, strict=True)
    places = [mm / step + (n - 1) / 2 for mm, step, n in axes]
    around = 10 + 60 * map_coordinates(heart, np.broadcast_arrays(*places), order=1, mode="nearest")
    levels: npt.NDArray[np.float64] = np.where(_ball(), 210, around)
    return levels


def _from_centre_mm() -> list[npt.NDArray[np.float64]]:
    """Return the place of each slice, row and column, in mm from the middle of a toy scan."""
    axes = [(np.arange(n) - (n - 1) / 2) * mm for n, mm in zip(SHAPE, (2.5, 1.25, 1.25), strict=True)]
    return list(np.ix_(*axes))


def _write(path: Path, voxels: FloatArray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    grid = Grid(voxels.shape[::-1], (1.25, 1.25, 2.5), (0, 0, 0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    sitk.WriteImage(to_image(voxels, grid), str(path))
    return path


def _detector() -> bytes:
    nodes = [
        helper.make_node("Sub", ["slices", "cut"], ["above"]),
        helper.make_node("Mul", ["above", "steepness"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["atrium"]),
    ]
    constants = [
        helper.make_tensor("cut", TensorProto.FLOAT, [1], [1.3]),
        helper.make_tensor("steepness", TensorProto.FLOAT, [1], [20.0]),
    ]
    shape: Shape = ["slices", 1, "rows", "columns"]
    return _model(nodes, constants, ("slices", shape), [("atrium", shape)])


def _quality(maps: tuple[float, ...] | None, attention: bool) -> bytes:
    nodes = [
        helper.make_node("GlobalAveragePool", ["slices"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weights", "bias"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["probabilities"]),
    ]
    constants = [
        helper.make_tensor("weights", TensorProto.FLOAT, [1, 4], SLOPES),
        helper.make_tensor("bias", TensorProto.FLOAT, [4], [1.0, 0.0, -1.0, -1.0]),
    ]
    given: list[tuple[str, Shape]] = [("probabilities", ["slices", 4])]
    if maps:
        nodes += [
            helper.make_node("AveragePool", ["slices"], ["cells"], kernel_shape=[32, 32], strides=[32, 32]),
            helper.make_node("Mul", ["cells", "shares"], ["maps"]),
        ]
        constants.append(helper.make_tensor("shares", TensorProto.FLOAT, [len(maps), 1, 1], [one / 16 for one in maps]))
        given.append(("maps", ["slices", len(maps), 4, 4]))
    if attention:
        nodes.append(helper.make_node("Squeeze", ["flat", "axis"], ["attention"]))
        constants.append(helper.make_tensor("axis", TensorProto.INT64, [1], [1]))
        given += [("logits", ["slices", 4]), ("attention", ["slices"])]
    return _model(nodes, constants, ("slices", ["slices", 1, 128, 128]), given)


def _model(
    nodes: list[onnx.NodeProto],
    constants: list[onnx.TensorProto],
    taken: tuple[str, Shape],
    given: list[tuple[str, Shape]],
) -> bytes:
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info(taken[0], TensorProto.FLOAT, taken[1])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in given],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content
