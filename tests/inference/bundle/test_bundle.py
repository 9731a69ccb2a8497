import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from lgeqa.errors import BundleError, OutputError, UsageError
from lgeqa.inference.bundle import open_bundle
from lgeqa.inference.bundle.build import Description, write_bundle
from lgeqa.inference.bundle.manifest import CARD, MANIFEST
from lgeqa.measures import measured_reader
from tests.toy import SLOPES, toy_bundle


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return toy_bundle(tmp_path / "toy")


#: Parts of a manifest that give the measured reader a share.
SHARE = {"measured_share": 0.25, "measured_reader": measured_reader().version}


def change(folder: Path, **values: object) -> Path:
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | values))
    return folder


def test_a_bundle_runs_its_networks(folder: Path) -> None:
    bundle = open_bundle(folder)
    slices = np.random.default_rng(0).uniform(0, 2, (19, 32, 48)).astype(np.float32)
    alone = np.arange(19)[:, None]
    np.testing.assert_allclose(bundle.detect(slices, alone), 1 / (1 + np.exp(20 * (1.3 - slices))), atol=1e-5)
    np.testing.assert_allclose(
        bundle.detect(slices, alone[::-1]), 1 / (1 + np.exp(20 * (1.3 - slices[::-1]))), atol=1e-5
    )
    scores = bundle.score(np.zeros((19, 128, 128), np.float32)).probabilities
    np.testing.assert_allclose(scores, np.tile(1 / (1 + np.exp(-np.array([1, 0, -1, -1]))), (19, 1)), atol=1e-6)


def test_probabilities_and_maps_come_from_one_run(folder: Path, tmp_path: Path) -> None:
    bundle = open_bundle(toy_bundle(tmp_path / "explaining", maps=SLOPES))
    slices = np.zeros((19, 128, 128), np.float32)
    slices[np.arange(19), 40:60, 100:120] = np.linspace(-1, 1, 19)[:, None, None]

    probabilities, maps, *_ = bundle.score(slices)

    assert bundle.explains
    np.testing.assert_array_equal(probabilities, open_bundle(folder).score(slices).probabilities)
    assert maps is not None
    expected = np.zeros((19, 4, 4, 4))
    expected[:, :, 1, 3] = np.linspace(-1, 1, 19)[:, None] * SLOPES * (20 / 128) ** 2
    np.testing.assert_allclose(maps, expected, atol=1e-5)
    assert maps.dtype == np.float32


def test_a_bundle_without_maps_scores_and_does_not_explain(folder: Path) -> None:
    bundle = open_bundle(folder)
    assert not bundle.explains
    outputs = bundle.score(np.zeros((2, 128, 128), np.float32))
    assert outputs.probabilities.shape == (2, 4)
    assert outputs[1:] == (None,) * 6


def test_the_measured_reader_has_its_share_in_each_probability(folder: Path) -> None:
    slices = np.linspace(-1, 1, 19, dtype=np.float32)[:, None, None] * np.ones((128, 128), np.float32)
    alone = open_bundle(folder).score(slices).probabilities
    measured = np.array([0.9, np.nan, 0.0, 1.0], np.float32)

    outputs = open_bundle(change(folder, **SHARE)).score(slices, measured=measured)

    np.testing.assert_allclose(outputs.probabilities[:, [0, 2, 3]], 0.75 * alone[:, [0, 2, 3]] + [0.225, 0, 0.25])
    np.testing.assert_array_equal(outputs.probabilities[:, 1], alone[:, 1])
    np.testing.assert_array_equal(outputs.network, alone)
    assert outputs.probabilities.dtype == np.float32


def test_without_a_share_or_measures_the_network_decides(folder: Path) -> None:
    slices = np.zeros((2, 128, 128), np.float32)
    without = open_bundle(folder).score(slices, measured=np.ones(4, np.float32))
    unmeasured = open_bundle(change(folder, **SHARE)).score(slices)
    np.testing.assert_array_equal(without.probabilities, unmeasured.probabilities)
    assert without.network is None
    assert unmeasured.network is None


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_that_leaves_the_network_nothing_is_refused(folder: Path, share: float) -> None:
    with pytest.raises(BundleError, match="measured_share"):
        open_bundle(change(folder, measured_share=share))


def test_another_measured_reader_than_the_one_with_the_share_is_refused(folder: Path) -> None:
    open_bundle(change(folder, measured_share=0.0, measured_reader="0"))
    for named, shown in (("0", "0"), ("", "unknown")):
        with pytest.raises(BundleError, match=rf"version {shown} of the measured reader, this lgeqa has .*\. Use"):
            open_bundle(change(folder, measured_share=0.25, measured_reader=named))


def test_a_provider_that_is_not_installed_is_refused_with_its_package(folder: Path) -> None:
    assert open_bundle(folder).provider == "cpu"
    with pytest.raises(
        UsageError, match=r"--provider openvino: .* Install onnxruntime-openvino in place of onnxruntime"
    ):
        open_bundle(folder, provider="openvino")


def test_a_provider_that_onnx_runtime_drops_is_not_replaced_in_silence(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    session = onnxruntime.InferenceSession
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda model, options, providers: session(model, options))
    bundle = open_bundle(folder, provider="cuda")
    with pytest.raises(BundleError, match=r"toy: cuda cannot run detector.onnx here\. See that onnxruntime-gpu finds"):
        bundle.make_ready()


def test_a_share_in_weighed_slices_is_refused(tmp_path: Path) -> None:
    bundle = open_bundle(change(toy_bundle(tmp_path, attention=True), **SHARE))
    with pytest.raises(BundleError, match=r"measured_share = 0.25 averages probabilities, .* Set it to 0"):
        bundle.make_ready()


def with_output(folder: Path, name: str, source: str, kind: int = onnx.TensorProto.FLOAT) -> Path:
    """Give the quality network another output, a copy of one of its tensors."""
    path = folder / "quality.onnx"
    model = onnx.load(path)
    model.graph.node.append(onnx.helper.make_node("Cast", [source], [name], to=kind))
    model.graph.output.append(onnx.helper.make_tensor_value_info(name, kind, None))
    onnx.save(onnx.shape_inference.infer_shapes(model), path)
    hashes = json.loads((folder / MANIFEST).read_text())["sha256"]
    return change(folder, sha256=hashes | {"quality.onnx": hashlib.sha256(path.read_bytes()).hexdigest()})


def test_novelty_has_one_number_a_slice(folder: Path) -> None:
    path = folder / "quality.onnx"
    model = onnx.load(path)
    axes = onnx.helper.make_tensor("axes", onnx.TensorProto.INT64, [1], [1])
    model.graph.initializer.append(axes)
    model.graph.node.append(onnx.helper.make_node("Squeeze", ["flat", "axes"], ["signal"]))
    onnx.save(model, path)
    slices = np.linspace(0, 2, 19, dtype=np.float32)[:, None, None] * np.ones((128, 128), np.float32)
    novelty = open_bundle(with_output(folder, "novelty", "signal")).score(slices).novelty
    assert novelty is not None
    np.testing.assert_allclose(novelty, np.linspace(0, 2, 19), rtol=1e-3)


def test_novelty_of_another_shape_is_refused(folder: Path) -> None:
    bundle = open_bundle(with_output(folder, "novelty", "flat"))
    with pytest.raises(
        BundleError, match=r"gives novelty as tensor\(float\) \['slices', 1\], .* tensor\(float\) \(slice\)"
    ):
        bundle.make_ready()


def test_novelty_of_another_type_is_refused(folder: Path) -> None:
    bundle = open_bundle(with_output(folder, "novelty", "flat", onnx.TensorProto.DOUBLE))
    with pytest.raises(BundleError, match=r"gives novelty as tensor\(double\)"):
        bundle.make_ready()


def test_the_normalisation_of_an_earlier_version_is_refused(folder: Path) -> None:
    part = json.loads((folder / MANIFEST).read_text())["quality"]
    part["preparation"]["normalisation"] = "blood-pool"
    with pytest.raises(BundleError, match=r"made with the normalisation 'blood-pool', .* `lgeqa train bundle`"):
        open_bundle(change(folder, quality=part))


def test_limits_of_novelty_in_the_wrong_order_are_refused(folder: Path) -> None:
    part = json.loads((folder / MANIFEST).read_text())["quality"]
    limits = {"review": 3.0, "refuse": 2.0, "set_from": "nothing"}
    with pytest.raises(BundleError, match=r"refuse = 2 is below review = 3"):
        open_bundle(change(folder, quality=part | {"novelty": limits}))


@pytest.mark.parametrize("maps", [SLOPES[:3], SLOPES + SLOPES])
def test_maps_of_another_shape_are_refused(tmp_path: Path, maps: tuple[float, ...]) -> None:
    bundle = open_bundle(toy_bundle(tmp_path, maps=maps))
    told = (
        rf"toy: quality.onnx gives maps as tensor\(float\) \['slices', {len(maps)}, 4, 4\], this lgeqa reads .* 4, row"
    )
    with pytest.raises(BundleError, match=told):
        bundle.score(np.zeros((2, 128, 128), np.float32))


def test_the_stamp_differs_between_manifests(folder: Path) -> None:
    stamp = open_bundle(folder).stamp
    assert (stamp.name, stamp.version) == ("toy", "0.1")
    assert stamp.sha256 == hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    assert open_bundle(change(folder, threshold=0.6)).stamp.sha256 != stamp.sha256


def test_an_altered_file_is_refused(folder: Path) -> None:
    with (folder / "quality.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(BundleError, match=r"quality.onnx: was altered or cut short"):
        open_bundle(folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "detector.onnx").unlink()
    with pytest.raises(BundleError, match=r"detector.onnx: cannot be read \(No such file"):
        open_bundle(folder)


def test_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"bundle.json: cannot be read .* Name the folder of a bundle"):
        open_bundle(tmp_path)


def test_a_manifest_of_another_kind_is_refused(folder: Path) -> None:
    with pytest.raises(BundleError, match=r"not a manifest that this lgeqa reads.*format"):
        open_bundle(change(folder, format=2))
    (folder / MANIFEST).write_text("{")
    with pytest.raises(BundleError, match="not a manifest"):
        open_bundle(folder)


def test_a_file_outside_of_the_folder_is_refused(folder: Path) -> None:
    with pytest.raises(BundleError, match=r"names a file outside of its folder: '../toy/quality.onnx'"):
        open_bundle(change(folder, sha256={"../toy/quality.onnx": "0"}))


def test_a_file_without_a_hash_is_refused(folder: Path) -> None:
    with pytest.raises(BundleError, match=r"gives no SHA-256 of detector.onnx"):
        open_bundle(change(folder, sha256={}))


def test_outputs_in_another_order_are_refused(folder: Path) -> None:
    part = json.loads((folder / MANIFEST).read_text())["quality"]
    with pytest.raises(BundleError, match=r"its outputs are \('quality',\)"):
        open_bundle(change(folder, quality=part | {"outputs": ["quality"]}))


def with_network(folder: Path, name: str, content: bytes) -> Path:
    """Put another network into a bundle, with its hash."""
    (folder / name).write_bytes(content)
    hashes = json.loads((folder / MANIFEST).read_text())["sha256"]
    return change(folder, sha256=hashes | {name: hashlib.sha256(content).hexdigest()})


@pytest.mark.parametrize("content", [b"", b"nothing", b"\x3a\x7f", b"\x08" + b"\xff" * 20, b"\x3b"])
def test_what_is_no_network_is_refused_when_it_is_needed(folder: Path, content: bytes) -> None:
    bundle = open_bundle(with_network(folder, "detector.onnx", content))
    with pytest.raises(BundleError, match=r"toy: detector.onnx is not an ONNX network"):
        bundle.detect(np.zeros((1, 16, 16), np.float32), np.zeros((1, 1), np.int64))


def external_tensor() -> onnx.TensorProto:
    tensor = onnx.TensorProto(name="weights", data_type=onnx.TensorProto.FLOAT, dims=[1, 4])
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    return tensor


def in_graph(model: onnx.ModelProto, tensor: onnx.TensorProto) -> None:
    model.graph.initializer.append(tensor)


def in_node(model: onnx.ModelProto, tensor: onnx.TensorProto) -> None:
    model.graph.node.append(onnx.helper.make_node("Constant", [], ["other"], value=tensor))


def in_branch(model: onnx.ModelProto, tensor: onnx.TensorProto) -> None:
    branch = onnx.helper.make_graph([], "branch", [], [], initializer=[tensor])
    model.graph.node.append(onnx.helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch))


def in_sparse(model: onnx.ModelProto, tensor: onnx.TensorProto) -> None:
    model.graph.sparse_initializer.append(onnx.SparseTensorProto(values=tensor))


def in_function(model: onnx.ModelProto, tensor: onnx.TensorProto) -> None:
    node = onnx.helper.make_node("Constant", [], ["other"], value=tensor)
    model.functions.append(onnx.FunctionProto(name="f", node=[node]))


def in_training(model: onnx.ModelProto, tensor: onnx.TensorProto) -> None:
    graph = onnx.helper.make_graph([], "start", [], [], initializer=[tensor])
    model.training_info.append(onnx.TrainingInfoProto(initialization=graph))


@pytest.mark.parametrize("place", [in_graph, in_node, in_branch, in_sparse, in_function, in_training])
@pytest.mark.parametrize("part", ["location", "names", "both"])
def test_weights_in_another_file_are_refused(
    part: str, place: Callable[[onnx.ModelProto, onnx.TensorProto], None], folder: Path
) -> None:
    model, tensor = onnx.load(folder / "quality.onnx"), external_tensor()
    if part == "location":
        del tensor.external_data[:]
    elif part == "names":
        tensor.ClearField("data_location")
    place(model, tensor)
    with pytest.raises(BundleError, match=r"quality.onnx: keeps weights in another file"):
        open_bundle(with_network(folder, "quality.onnx", model.SerializeToString()))


def test_a_group_hides_no_tensor(folder: Path) -> None:
    model = onnx.load(folder / "quality.onnx")
    in_graph(model, external_tensor())
    with pytest.raises(BundleError, match=r"quality.onnx: keeps weights in another file"):
        open_bundle(with_network(folder, "quality.onnx", b"\xf3\x3f\xf4\x3f" + model.SerializeToString()))


def test_folder_of_links_is_reported_as_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").symlink_to(tmp_path)
    with pytest.raises(BundleError, match=r"bundle\.json"):
        open_bundle(tmp_path)


@pytest.mark.parametrize("name", ["bundle.json", "detector.onnx", "MODEL_CARD.md"])
def test_a_link_in_a_bundle_is_refused(folder: Path, name: str, tmp_path: Path) -> None:
    (folder / name).touch()
    (folder / name).rename(tmp_path / name)
    (folder / name).symlink_to(tmp_path / name)
    with pytest.raises(BundleError, match=f"{name}: is a link. Copy the file itself into the bundle"):
        open_bundle(folder)


def test_a_link_to_a_bundle_is_fine(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(folder)
    assert open_bundle(tmp_path / "current").stamp.name == "toy"


@pytest.mark.timeout(100)
@pytest.mark.parametrize("name", ["bundle.json", "quality.onnx"])
def test_a_pipe_in_a_bundle_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(BundleError, match=f"{name}: is not a regular file"):
        open_bundle(folder)


ABOUT = {
    "name": "mine",
    "version": "2",
    "created": "2026-01-01",
    "strategy": "baseline",
    "labels": "simulated",
    "training_data": "12 phantoms.",
    "intended_use": "Tests.",
    "license": "Apache-2.0",
    "metrics": [{"name": "AUROC of quality", "value": 0.875, "measured_on": "3 scans"}],
}
PARTS = {
    "detector": {"preparation": {"pixel_mm": 1.5}, "rule": {"threshold": 0.4}},
    "quality": {"preparation": {"field": "full"}},
}


def test_a_written_bundle_opens_and_keeps_its_settings(folder: Path, tmp_path: Path) -> None:
    write_bundle(tmp_path / "new", folder / "detector.onnx", folder / "quality.onnx", PARTS, Description.of(ABOUT))
    manifest = open_bundle(tmp_path / "new").manifest
    assert manifest.detector.preparation.pixel_mm == 1.5
    assert manifest.detector.rule.threshold == 0.4
    assert manifest.quality.preparation.field == "full"
    assert manifest.metrics[0].value == 0.875


def test_the_default_bundle_opens() -> None:
    open_bundle()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"threshold": 0.5', '"threshold": 0.6'),
        ('"threshold": 0.4', '"threshold": 0.3'),
        ('"pixel_mm": 1.5', '"pixel_mm": 1.6'),
        ('"field": "full"', '"field": "atrium"'),
        ('"refuse": 3.5', '"refuse": 99.0'),
        ('"measured_share": 0.0', '"measured_share": 0.5'),
        ('"measured_reader": ""', '"measured_reader": "0"'),
    ],
)
def test_an_altered_decisive_value_is_refused(folder: Path, tmp_path: Path, old: str, new: str) -> None:
    limits = {"review": 2.0, "refuse": 3.5, "set_from": "twelve phantoms"}
    parts = PARTS | {"quality": {"preparation": {"field": "full"}, "novelty": limits}}
    write_bundle(tmp_path / "new", folder / "detector.onnx", folder / "quality.onnx", parts, Description.of(ABOUT))
    manifest = tmp_path / "new" / MANIFEST
    assert old in manifest.read_text()
    manifest.write_text(manifest.read_text().replace(old, new))
    with pytest.raises(BundleError, match=r"bundle.json: the networks, .* or threshold were altered after"):
        open_bundle(tmp_path / "new")


@pytest.mark.parametrize(("share", "version"), [(0.0, ""), (0.5, measured_reader().version)])
def test_a_share_names_the_version_of_the_measured_reader(
    folder: Path, tmp_path: Path, share: float, version: str
) -> None:
    about = Description.of({**ABOUT, "measured_share": share})
    new = tmp_path / "new"
    assert write_bundle(new, folder / "detector.onnx", folder / "quality.onnx", PARTS, about).measured_reader == version
    assert open_bundle(new).manifest.measured_reader == version
    assert (f"(the measured reader, version {version})" in (new / CARD).read_text()) == (share > 0)


def test_words_of_a_manifest_may_be_corrected(folder: Path, tmp_path: Path) -> None:
    write_bundle(tmp_path / "new", folder / "detector.onnx", folder / "quality.onnx", PARTS, Description.of(ABOUT))
    assert open_bundle(change(tmp_path / "new", caution="Look at the measures.")).manifest.decisive_sha256


def test_the_card_says_what_the_labels_are(folder: Path, tmp_path: Path) -> None:
    for labels in ("simulated", "expert"):
        about = Description.of(ABOUT | {"labels": labels, "caution": "Look at the measures."})
        write_bundle(tmp_path / labels, folder / "detector.onnx", folder / "quality.onnx", PARTS, about)
        assert "\n**Look at the measures.**\n" in (tmp_path / labels / CARD).read_text()
    simulated, expert = ((tmp_path / labels / CARD).read_text() for labels in ("simulated", "expert"))
    assert "simulated, not given by experts" in simulated
    assert "simulated" not in expert
    for card in (simulated, expert):
        assert "not a medical device" in card
        assert "| AUROC of quality | 0.875 | 3 scans |" in card
        assert "above 0.4" in card


def test_the_card_says_what_novelty_is_refused(folder: Path, tmp_path: Path) -> None:
    limits = {"review": 2.0, "refuse": 3.5, "set_from": "twelve phantoms"}
    for name, novelty in (("with", limits), ("without", None)):
        parts = PARTS | {"quality": {"preparation": {}, "novelty": novelty}}
        write_bundle(tmp_path / name, folder / "detector.onnx", folder / "quality.onnx", parts, Description.of(ABOUT))
    card = (tmp_path / "with" / CARD).read_text()
    assert "| novelty from 2 is for review, from 3.5 refused; twelve phantoms |" in card
    assert "| not recognised |" in (tmp_path / "without" / CARD).read_text()


def test_a_bundle_is_not_written_over_another(folder: Path) -> None:
    with pytest.raises(BundleError, match="toy: is not empty"):
        write_bundle(folder, folder / "detector.onnx", folder / "quality.onnx", PARTS, Description.of(ABOUT))


def test_full_disk_leaves_no_bundle(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = shutil.copyfile

    def full(source: Path, target: Path) -> None:
        if "quality" in target.name:
            target.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        copy(source, target)

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(OutputError, match=r"quality\.onnx: cannot be written \(no space left"):
        write_bundle(tmp_path / "new", folder / "detector.onnx", folder / "quality.onnx", PARTS, Description.of(ABOUT))
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["detector.onnx"]


def test_card_says_what_decides_on_a_scan(tmp_path: Path) -> None:
    cards = {}
    for attention in (False, True):
        toy = toy_bundle(tmp_path / f"toy-{attention}", attention=attention)
        folder = tmp_path / f"made-{attention}"
        write_bundle(folder, toy / "detector.onnx", toy / "quality.onnx", PARTS, Description.of(ABOUT))
        cards[attention] = " ".join((folder / CARD).read_text().split())
    assert "The verdict of a scan is the vote of its slices at the threshold 0.5." in cards[False]
    assert "the side of the threshold 0.5 on which its probability lies" in cards[True]
    assert "vote" not in cards[True]
    assert "calibrated" not in cards[False]
