"""From a simulated cohort through both trainings to a bundle, and the two worlds compared on one scan."""

import csv
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from lgeqa.cohort import content_of, load_split, read_cohort, save_split
from lgeqa.errors import CohortError, UsageError
from lgeqa.inference.bundle import default_bundle, open_bundle
from lgeqa.inference.bundle.build import Description
from lgeqa.inference.pipeline import AssessSettings, assess_source
from lgeqa.io import Source
from lgeqa.preprocessing import prepare_for_quality
from lgeqa.scales import SCALE_NAMES
from lgeqa.training.bundle_export import build_bundle, bundle_of_detector_run, default_detector_description, stage_2
from lgeqa.training.case_reading import read_case
from lgeqa.training.detector import DetectorConfig
from lgeqa.training.networks import QualityNetwork
from lgeqa.training.quality import ContrastiveConfig, QualityConfig
from lgeqa.training.run import run_detector, run_quality
from lgeqa.training.slice_store import SliceDataset
from tests.factories.cohorts import write_phantoms
from tests.inference.bundle.test_bundle import ABOUT

# Lightning warns of its own dependencies, and of loaders without workers.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

QUICK = {"epochs": 1, "batch": 4, "slices_per_scan": 1, "threads": 1}
DETECTOR = {
    "width": 4,
    "canvas": 80,
    "window": 64,
    "degraded": 0,
    "composites": 0,
    "test": 0.34,
    "validation": 0.4,
    "loop": QUICK,
}
BASELINE = {"weights": "random", "width": 8, "test": 0.34, "validation": 0.4, "loop": QUICK}


@dataclass(frozen=True)
class World:
    cohort: Path
    detector: Path
    quality: Path
    bundle: Path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    root = tmp_path_factory.mktemp("world")
    made = World(root / "cohort", root / "detector", root / "quality", root / "bundle")
    write_phantoms(made.cohort, n=6)
    run_detector([made.cohort], DetectorConfig.of(DETECTOR), made.detector, quiet=True)
    split = made.detector / "split.json"
    run_quality("baseline", [made.cohort], QualityConfig.of(BASELINE), made.quality, split=split, quiet=True)
    with pytest.MonkeyPatch.context() as patch:  # one epoch of one slice a scan may teach nothing
        patch.setattr("lgeqa.training.bundle_export.constant_cautions", lambda *_: [])
        build_bundle(made.detector, made.quality, made.bundle, "full", Description.of(ABOUT))
    return made


@pytest.fixture(autouse=True)
def constant_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let networks that have learnt nothing make bundles."""
    monkeypatch.setattr("lgeqa.training.bundle_export.constant_cautions", lambda *_: [])


def test_a_run_keeps_its_settings_split_and_weights(world: World) -> None:
    for run in (world.detector, world.quality):
        assert {"config.json", "split.json", "network.safetensors", "network.onnx"} <= {p.name for p in run.iterdir()}
    split = load_split(world.detector / "split.json", read_cohort(world.cohort))
    assert set(split.values()) == {"train", "validation", "test"}
    assert load_split(world.quality / "split.json", read_cohort(world.cohort)) == split


def test_training_sees_no_slice_of_a_kept_out_patient(world: World) -> None:
    cases = read_cohort(world.cohort)
    split = load_split(world.quality / "split.json", cases)
    for part in ("training", "validation"):
        seen = json.loads((world.quality / "prepared" / part / "store.json").read_text())["scans"]
        expected = {content_of(case) for case in cases if split[case.patient] == part.removesuffix("ing")}
        expected |= {content_of(case) for case in cases if (split[case.patient], part) == ("train", "training")}
        assert {content for content, _ in seen} == expected


def test_the_two_worlds_agree_on_a_scan(world: World) -> None:
    """Slices prepared for training equal those of assessing to 1e-6, probabilities to 1e-3."""
    cases = read_cohort(world.cohort)
    split = load_split(world.quality / "split.json", cases)
    first = next(case for case in cases if split[case.patient] == "train")
    store = SliceDataset(world.quality / "prepared" / "training")
    scan, atrium = read_case(first)
    bundle = open_bundle(world.bundle)
    prepared = prepare_for_quality(scan.voxels, atrium, scan.spacing_mm, bundle.manifest.quality.preparation)
    np.testing.assert_allclose(store.slices[store.owner == 0], prepared, atol=1e-6)

    network = QualityNetwork(width=8).eval()
    network.load_state_dict(load_file(world.quality / "network.safetensors"))
    with torch.inference_mode():
        eager = torch.sigmoid(network(torch.from_numpy(prepared)[:, None])).numpy()
    source = Source(first.scan_id, "volume", first.image, (first.image,), first.mask)
    result = assess_source(source, bundle, AssessSettings(given_masks=True)).result
    found = np.array([[getattr(one, f"p_{name}") for name in SCALE_NAMES] for one in result.slices])
    np.testing.assert_allclose(found, eager, atol=1e-3)
    assert result.mask_source == "supplied"


def test_a_compact_bundle_is_smaller_and_says_nearly_the_same(world: World, tmp_path: Path) -> None:
    build_bundle(world.detector, world.quality, tmp_path / "compact", "compact", Description.of(ABOUT))
    compact, full = (sum(f.stat().st_size for f in b.glob("*.onnx")) for b in (tmp_path / "compact", world.bundle))
    assert compact < 0.5 * full
    given = SliceDataset(world.quality / "prepared" / "validation").slices[::5]
    small, large = (open_bundle(folder).score(given) for folder in (tmp_path / "compact", world.bundle))
    np.testing.assert_allclose(small.probabilities, large.probabilities, atol=0.1)
    assert small.maps is not None
    assert large.maps is not None
    assert small.maps.shape == large.maps.shape == (len(given), 4, 4, 4)
    assert small.novelty is not None
    assert small.novelty.shape == (len(given),)


def test_compact_bundle_keeps_the_detector_of_a_bundle(world: World, tmp_path: Path) -> None:
    made = build_bundle(world.bundle, world.quality, tmp_path / "made", "compact", Description.of(ABOUT))
    given = open_bundle(world.bundle).manifest
    assert (tmp_path / "made" / "detector.onnx").read_bytes() == (world.bundle / "detector.onnx").read_bytes()
    assert (made.detector.preparation, made.detector.rule) == (given.detector.preparation, given.detector.rule)
    small, large = ((folder / "quality.onnx").stat().st_size for folder in (tmp_path / "made", world.bundle))
    assert small < 0.5 * large


def test_a_run_that_is_not_finished_makes_no_bundle(world: World, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no network.onnx; its training is not finished"):
        build_bundle(tmp_path, world.quality, tmp_path / "bundle", "full", Description.of(ABOUT))


def test_a_reader_who_scored_nothing(world: World, tmp_path: Path) -> None:
    config = QualityConfig.of(BASELINE | {"label": {"reader": "nobody"}})
    with pytest.raises(CohortError, match=r"label of quality by the reader 'nobody'; scores are by .*truth"):
        run_quality("baseline", [world.cohort], config, tmp_path)


def test_invalid_detector_is_reported_before_training(world: World, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere: holds no network.onnx"):
        run_quality("baseline", [world.cohort], QualityConfig.of(BASELINE), tmp_path, detector=tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


def test_a_run_taken_up_with_other_settings_is_refused(world: World) -> None:
    config = QualityConfig.of(BASELINE | {"loop": QUICK | {"epochs": 2}})
    with pytest.raises(UsageError, match=r"holds a run with loop.epochs = 1, and now it is 2. Name a new folder"):
        run_quality("baseline", [world.cohort], config, world.quality)


def test_a_quality_run_ends_in_a_bundle_that_assesses(world: World) -> None:
    bundle = open_bundle(world.quality / "bundle")
    assert bundle.manifest.strategy == "baseline (section 3.2.1)"
    assert bundle.manifest.labels == "simulated"
    assert "the label is that of truth" in bundle.manifest.training_data
    [moved] = bundle.manifest.metrics
    assert 0 <= moved.value < 1e-3
    case = read_cohort(world.cohort)[0]
    source = Source(case.scan_id, "volume", case.image, (case.image,), case.mask)
    # A network that hardly learnt anything finds many a scan unlike those that it learnt from.
    assessment = assess_source(source, bundle, AssessSettings(given_masks=True, force=True))
    assert assessment.result.status == "assessed"
    assert assessment.maps is not None


def test_a_finished_run_started_again_is_exported_again(world: World, tmp_path: Path) -> None:
    run = tmp_path / "quality"
    shutil.copytree(world.quality, run)
    (run / "network.onnx").unlink()

    run_quality("baseline", [world.cohort], QualityConfig.of(BASELINE), run, quiet=True)

    before, after = (load_file(folder / "network.safetensors") for folder in (world.quality, run))
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert open_bundle(run / "bundle").explains


def test_detector_run_makes_a_bundle_with_the_default_stage_2(world: World) -> None:
    folder = world.detector / "bundle"
    bundle, default = open_bundle(folder), open_bundle()
    assert (folder / "detector.onnx").read_bytes() == (world.detector / "network.onnx").read_bytes()
    assert bundle.manifest.sha256["quality.onnx"] == default.manifest.sha256[default.manifest.quality.file]
    assert bundle.manifest.detector.preparation == DetectorConfig.of(DETECTOR).preparation
    assert bundle.manifest.quality.preparation == default.manifest.quality.preparation
    assert (bundle.manifest.labels, bundle.manifest.strategy) == (default.manifest.labels, default.manifest.strategy)
    [moved] = bundle.manifest.metrics
    assert 0 <= moved.value < 1e-3
    split = load_split(world.detector / "split.json", read_cohort(world.cohort))
    learnt = sum(part == "train" for part in split.values())
    card = (folder / "MODEL_CARD.md").read_text()
    assert (
        f"Detector: {learnt} scans of {learnt} patients, with masks. Quality network, that of {default.stamp.name}"
        in (card)
    )


def test_detector_run_accepts_stage_2_of_a_run_or_a_bundle(world: World, tmp_path: Path) -> None:
    assert stage_2(world.quality) == world.quality / "bundle"
    assert stage_2(world.bundle) == world.bundle
    assert stage_2(None) == default_bundle()
    shutil.copytree(world.detector, tmp_path / "run")
    manifest = bundle_of_detector_run(tmp_path / "run", stage_2(world.quality), Description.of(ABOUT))
    assert manifest == open_bundle(tmp_path / "run" / "bundle").manifest
    assert manifest.name == ABOUT["name"]
    assert (tmp_path / "run" / "bundle" / "quality.onnx").read_bytes() == (
        world.quality / "bundle" / "quality.onnx"
    ).read_bytes()
    told = default_detector_description("mine", read_cohort(world.cohort), stage_2(world.quality), 0.0)
    assert (told.labels, told.strategy) == ("simulated", "baseline (section 3.2.1)")
    assert told.training_data.endswith("the label is that of truth.")


def test_invalid_stage_2_is_reported_before_training(world: World, tmp_path: Path) -> None:
    config = DetectorConfig.of(DETECTOR)
    with pytest.raises(UsageError, match=r"nowhere: is neither a bundle nor a finished quality run"):
        run_detector([world.cohort], config, tmp_path / "run", quality=tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


def test_unlabelled_scans_take_part_in_the_pretraining_alone(world: World, tmp_path: Path) -> None:
    cohort = tmp_path / "cohort"
    shutil.copytree(world.cohort, cohort)
    rows = list(csv.DictReader((cohort / "scores.csv").read_text().splitlines()))
    split = load_split(world.quality / "split.json", read_cohort(cohort))
    unscored = next(patient for patient, part in split.items() if part == "train")
    with (cohort / "scores.csv").open("w", newline="") as lines:
        table = csv.DictWriter(lines, rows[0])
        table.writeheader()
        table.writerows(row | dict.fromkeys(SCALE_NAMES, "") if row["patient"] == unscored else row for row in rows)
    values = BASELINE | {"unlabelled": True, "pretraining": QUICK | {"keep": "last"}}
    run = tmp_path / "run"
    run_quality(
        "contrastive",
        [cohort],
        ContrastiveConfig.of(values),
        run,
        split=world.quality / "split.json",
        detector=world.detector,
        quiet=True,
    )
    whole, learnt = (SliceDataset(run / "prepared" / name) for name in ("pretraining", "training"))
    assert len(whole.labels) == len(learnt.labels) + 1
    assert np.isnan(whole.labels).all(axis=1).sum() == 1
    assert not np.isnan(learnt.labels).any()
    assert open_bundle(run / "bundle").manifest.strategy == "contrastive (section 3.2.3)"


def test_a_split_of_other_patients(world: World, tmp_path: Path) -> None:
    save_split({"somebody": "train"}, tmp_path / "split.json")
    with pytest.raises(CohortError, match=r"has no part for the patient\(s\) phantom-0000"):
        run_detector([world.cohort], DetectorConfig.of(DETECTOR), tmp_path / "run", split=tmp_path / "split.json")


def test_a_detector_may_learn_from_every_patient(world: World, tmp_path: Path) -> None:
    cases = read_cohort(world.cohort)
    save_split({case.patient: "train" for case in cases}, tmp_path / "split.json")
    picking, going_on = DETECTOR, DETECTOR | {"loop": QUICK | {"patience": 0, "keep": "last"}}
    with pytest.raises(CohortError, match=r"No patient is in the validation part.*loop\.patience=0"):
        run_detector(
            [world.cohort], DetectorConfig.of(picking), tmp_path / "a", split=tmp_path / "split.json", quiet=True
        )
    run_detector([world.cohort], DetectorConfig.of(going_on), tmp_path / "b", split=tmp_path / "split.json", quiet=True)
    learnt = json.loads((tmp_path / "b" / "prepared" / "training" / "store.json").read_text())["scans"]
    assert learnt == [content_of(case) for case in cases]


def test_network_trained_on_windows_gets_the_middle_window(world: World, tmp_path: Path) -> None:
    config = BASELINE | {"loop": QUICK | {"augmentation": {"window": 0.75}}}
    split = world.detector / "split.json"
    run_quality("baseline", [world.cohort], QualityConfig.of(config), tmp_path, split=split, quiet=True)
    bundle = open_bundle(tmp_path / "bundle")
    seen = bundle.manifest.quality.preparation
    assert (seen.pixels, seen.field_mm) == (96, 120)
    dealt = load_split(split, read_cohort(world.cohort))
    first = next(case for case in read_cohort(world.cohort) if dealt[case.patient] == "train")
    scan, atrium = read_case(first)
    store = SliceDataset(tmp_path / "prepared" / "training")
    prepared = prepare_for_quality(scan.voxels, atrium, scan.spacing_mm, seen)
    np.testing.assert_allclose(store.middle(96).slices[store.owner == 0], prepared, atol=1e-6)
    assert store[[0]]["slice"].shape[-1] == 128
    build_bundle(world.detector, tmp_path, tmp_path / "compact", "compact", Description.of(ABOUT))
    small = open_bundle(tmp_path / "compact")
    np.testing.assert_allclose(small.score(prepared).probabilities, bundle.score(prepared).probabilities, atol=0.05)
