"""How stages of runs and bundles are joined; what is 8-bit, and on which slices its ranges are found."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from lgeqa.cohort import Case
from lgeqa.errors import BundleError, UsageError
from lgeqa.inference.bundle.build import Description
from lgeqa.inference.bundle.manifest import Manifest
from lgeqa.inference.detection import SliceRule
from lgeqa.records import FloatArray
from lgeqa.training import bundle_export as bundling
from lgeqa.training.bundle_export import (
    build_bundle,
    bundle_of_detector_run,
    bundle_of_quality_run,
    seen_by_detector,
    stage_2,
)
from lgeqa.training.detector import DetectorConfig
from lgeqa.training.quality import QualityConfig
from lgeqa.training.run_layout import TRAINING
from lgeqa.training.slice_store import SliceDataset, Slices, open_store
from lgeqa.versions import training_versions
from tests.inference.bundle.test_bundle import ABOUT, change
from tests.toy import toy_bundle

RULE = SliceRule(threshold=0.3, largest_component=True)
DESCRIPTION = Description.of(ABOUT)


def finished_run(folder: Path, config: DetectorConfig | QualityConfig, value: float) -> Path:
    """A finished run, with training slices of three scans that hold `value` and other validation slices."""
    for part, held in (("training", value), ("validation", value + 1)):
        scans = [
            Slices(np.full((n, 2, 2), held, np.float32), np.zeros((n, 2, 2), np.uint8), np.zeros(4, np.float32))
            for n in (90, 95, 100)
        ]
        open_store(folder / "prepared" / part, {}, lambda scans=scans: scans)  # type: ignore[misc]
    (folder / "config.json").write_text(config.model_dump_json())
    (folder / "network.onnx").write_text(f"network of {folder.name}")
    return folder


@pytest.fixture(autouse=True)
def _stand_ins_weigh_no_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts stand in for the networks, whose outputs the model card would ask for."""
    monkeypatch.setattr("lgeqa.inference.bundle.bundle.Bundle.weighs_slices", False)


@pytest.fixture
def detector(tmp_path: Path) -> Path:
    return finished_run(tmp_path / "detector", DetectorConfig(rule=RULE), 1)


@pytest.fixture
def quality(tmp_path: Path) -> Path:
    return finished_run(tmp_path / "quality", QualityConfig.of({"preparation": {"pixels": 64}}), 5)


@pytest.fixture(autouse=True)
def novelty(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, FloatArray]]:
    """Calls for pooled features: the network, and the slices. The networks here are texts, which stay as they are."""
    calls: list[tuple[str, FloatArray]] = []

    def pooled_features(network: Path, slices: FloatArray) -> FloatArray:
        calls.append((network.read_text(), slices))
        return np.random.default_rng(0).normal(size=(len(slices), 8)).astype(np.float32)

    monkeypatch.setattr(bundling, "pooled_features", pooled_features)
    monkeypatch.setattr(bundling, "add_novelty", lambda network, path, _: path.write_text(network.read_text()))
    return calls


@pytest.fixture(autouse=True)
def cautions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is said about the quality network, which a test may change: whether it is constant on training slices."""
    told: list[str] = []

    def constant_cautions(network: Path, training: SliceDataset) -> list[str]:
        assert (network.read_text(), training.slices.max()) == ("network of quality", 5)
        return told

    monkeypatch.setattr(bundling, "constant_cautions", constant_cautions)
    return told


@dataclass(frozen=True)
class Call:
    source: str
    calibration: list[FloatArray]


@pytest.fixture
def quantised(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """Calls of the quantisation, which writes that it was at work."""
    calls: list[Call] = []

    def quantise(source: Path, path: Path, calibration: list[FloatArray], _scratch: Path) -> None:
        calls.append(Call(source.read_text(), calibration))
        path.write_text(f"8-bit {source.read_text()}")

    monkeypatch.setattr(bundling, "quantise", quantise)
    return calls


def networks(bundle: Path) -> tuple[str, str]:
    return (bundle / "detector.onnx").read_text(), (bundle / "quality.onnx").read_text()


def test_settings_of_runs_are_those_of_the_bundle(detector: Path, quality: Path, tmp_path: Path) -> None:
    made = build_bundle(detector, quality, tmp_path / "made", "full", DESCRIPTION)
    assert networks(tmp_path / "made") == ("network of detector", "network of quality")
    assert (made.detector.preparation, made.detector.rule) == (DetectorConfig().preparation, RULE)
    assert made.quality.preparation.pixels == 64


def test_settings_of_a_bundle_are_those_of_the_next(quality: Path, tmp_path: Path) -> None:
    toy = toy_bundle(tmp_path / "toy")
    rule = RULE.model_dump()
    part = Manifest.model_validate_json((toy / "bundle.json").read_text()).detector.model_dump() | {"rule": rule}
    made = bundle_of_quality_run(quality, change(toy, detector=part), DESCRIPTION, SliceDataset(quality / TRAINING))
    assert made.detector.rule == RULE
    assert (quality / "bundle" / "detector.onnx").read_bytes() == (toy / "detector.onnx").read_bytes()


def test_networks_are_quantised_on_their_own_training_slices(
    quantised: list[Call], detector: Path, quality: Path, tmp_path: Path
) -> None:
    build_bundle(detector, quality, tmp_path / "made", "compact", DESCRIPTION)
    assert networks(tmp_path / "made") == ("8-bit network of detector", "8-bit network of quality")
    for call in quantised:
        slices = np.concatenate(call.calibration)
        assert len(slices) == 256  # 86 of each scan, in batches of 32
        assert set(slices.flatten()) == {1 if call.source == "network of detector" else 5}


def test_a_network_of_a_bundle_stays_as_it_is(quantised: list[Call], quality: Path, tmp_path: Path) -> None:
    toy = toy_bundle(tmp_path / "toy")
    build_bundle(toy, quality, tmp_path / "made", "compact", DESCRIPTION)
    assert [call.source for call in quantised] == ["network of quality"]
    assert (tmp_path / "made" / "detector.onnx").read_bytes() == (toy / "detector.onnx").read_bytes()


@pytest.mark.usefixtures("quantised")
@pytest.mark.parametrize("lacking", ["detector", "quality"])
def test_a_run_without_its_prepared_slices_is_reported(
    lacking: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    runs = {name: request.getfixturevalue(name) for name in ("detector", "quality")}
    (runs[lacking] / TRAINING / "slices.npy").unlink()
    with pytest.raises(UsageError, match=r"training: lacks slices\.npy, .* Copy them back"):
        build_bundle(runs["detector"], runs["quality"], tmp_path / "made", "compact", DESCRIPTION)


def test_constant_network_makes_no_bundle(detector: Path, quality: Path, cautions: list[str], tmp_path: Path) -> None:
    cautions.append("Sharpness: the same.")
    with pytest.raises(UsageError, match=r"quality: makes no bundle. Sharpness: the same. Train it longer"):
        build_bundle(detector, quality, tmp_path / "made", "full", DESCRIPTION)
    assert not (tmp_path / "made").exists()


def test_a_damaged_bundle_is_reported_before_it_is_needed(tmp_path: Path) -> None:
    toy = toy_bundle(tmp_path / "toy")
    with (toy / "quality.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(BundleError, match=r"quality.onnx: was altered or cut short"):
        stage_2(toy)


def test_novelty_is_fitted_on_the_training_slices_of_the_run(
    quantised: list[Call], novelty: list[tuple[str, FloatArray]], detector: Path, quality: Path, tmp_path: Path
) -> None:
    made = build_bundle(detector, quality, tmp_path / "made", "compact", DESCRIPTION)
    assert len(quantised) == 2
    [(network, slices)] = novelty
    assert network == "8-bit network of quality"
    assert slices.shape == (285, 1, 2, 2)  # all of them, since there are few
    assert set(slices.flatten()) == {5}
    limits = made.quality.novelty
    assert limits is not None
    assert 0.8 < limits.review < limits.refuse < 1.4
    assert "3 scans: those that it was trained on" in limits.set_from


def test_novelty_goes_from_bundle_to_bundle(detector: Path, quality: Path, tmp_path: Path) -> None:
    limits = build_bundle(detector, quality, tmp_path / "made", "full", DESCRIPTION).quality.novelty
    made = bundle_of_detector_run(detector, tmp_path / "made", DESCRIPTION)
    assert limits is not None
    assert made.quality.novelty == limits


def test_run_of_an_earlier_version_is_normalised_as_now(detector: Path, quality: Path, tmp_path: Path) -> None:
    config = (quality / "config.json").read_text()
    (quality / "config.json").write_text(config.replace("blood-level", "blood-pool"))
    assert "blood-pool" in (quality / "config.json").read_text()
    made = build_bundle(detector, quality, tmp_path / "made", "full", DESCRIPTION)
    assert made.quality.preparation.normalisation == "blood-level"


def test_bundle_keeps_what_each_stage_was_trained_on(detector: Path, quality: Path, tmp_path: Path) -> None:
    (detector / "training_scans.json").write_text('["01", "02"]')
    (quality / "training_scans.json").write_text('["03"]')
    of_run = build_bundle(detector, quality, tmp_path / "one", "full", DESCRIPTION)
    assert of_run.training_scans == {"detector": ("01", "02"), "quality": ("03",)}
    assert of_run.training_versions == training_versions()
    (quality / "training_scans.json").write_text('["04"]')
    of_bundle = build_bundle(tmp_path / "one", quality, tmp_path / "two", "full", DESCRIPTION)
    assert of_bundle.training_scans == {"detector": ("01", "02"), "quality": ("04",)}
    (detector / "training_scans.json").write_text('["05"]')
    assert bundle_of_detector_run(detector, tmp_path / "two", DESCRIPTION).training_scans == {
        "detector": ("05",),
        "quality": ("04",),
    }


def test_runs_of_earlier_versions_do_not_say_what_they_learnt(detector: Path, quality: Path, tmp_path: Path) -> None:
    assert build_bundle(detector, quality, tmp_path / "one", "full", DESCRIPTION).training_scans == {}


def test_detector_knows_scans_by_hash_and_patients_by_its_split(detector: Path, tmp_path: Path) -> None:
    tested = [Case(name, patient, Path(name), None) for name, patient in (("a", "p"), ("b", "q"), ("c", "r"))]
    cohort = [(case, (case.scan_id,)) for case in tested]
    assert seen_by_detector(tested, cohort, detector) == {}  # of an earlier version, without a split
    (detector / "training_scans.json").write_text('["a"]')
    assert seen_by_detector(tested, cohort, detector) == {"detector": ("a",)}
    (detector / "split.json").write_text('{"p": "test", "q": "validation", "r": "test"}')
    assert seen_by_detector(tested, cohort, detector) == {"detector": ("a", "b")}
    assert seen_by_detector(tested, cohort, toy_bundle(tmp_path / "toy")) == {}
