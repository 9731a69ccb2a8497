"""A toy bundle that runs in milliseconds, and toy scans for it: the atrium is whatever is bright."""

import hashlib
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper
from SimpleITK import WriteImage

from lgeqa.bundle import Manifest
from lgeqa.bundle.manifest import MANIFEST, DetectorPart, QualityPart
from lgeqa.detect import SliceRule
from lgeqa.prepare import DetectorPreparation, QualityPreparation
from lgeqa.read.itk import to_image
from lgeqa.records import Grid

Shape = list[str | int]
#: By how much each logit of a toy bundle rises with a slice's mean signal.
SLOPES = (-4.0, 4.0, 8.0, 40.0)


def toy_bundle(folder: Path, version: str = "0.1", maps: tuple[float, ...] | None = None) -> Path:
    """Write a bundle whose detector takes bright pixels and whose quality falls with the slice's mean signal.

    Args:
        folder: of the bundle.
        version: of the model.
        maps: by how much each of its maps says that a logit rises, `SLOPES` for the truth; None for a bundle that
            does not explain.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {"detector.onnx": _detector(), "quality.onnx": _quality(maps)}
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


def toy_scan(path: Path, seed: int = 0, *, atrium: bool = True) -> Path:
    """Write a volume of 12 slices with a bright ball in dim noise, or with the noise alone."""
    voxels = np.random.default_rng(seed).uniform(10, 30, (12, 48, 40)).astype(np.float32)
    z, y, x = np.ogrid[:12, :48, :40]
    if atrium:
        voxels[((z - 6) * 2.5) ** 2 + (1.25 * (y - 24)) ** 2 + (1.25 * (x - 20)) ** 2 < 10**2] += 200
    path.parent.mkdir(parents=True, exist_ok=True)
    grid = Grid((40, 48, 12), (1.25, 1.25, 2.5), (0, 0, 0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    WriteImage(to_image(voxels, grid), str(path))
    return path


def _detector() -> bytes:
    nodes = [
        helper.make_node("Sub", ["slices", "cut"], ["above"]),
        helper.make_node("Sigmoid", ["above"], ["atrium"]),
    ]
    cut = helper.make_tensor("cut", TensorProto.FLOAT, [1], [4.0])
    shape: Shape = ["slices", 1, "rows", "columns"]
    return _model(nodes, [cut], ("slices", shape), [("atrium", shape)])


def _quality(maps: tuple[float, ...] | None) -> bytes:
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
