"""Which scans, files and words a run hands from one of its steps to the next; nothing is trained or exported."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file
from torch import Tensor, nn

from lgeqa.cohort import Case, LabelRule, Scores, draw_split, read_split, save_split
from lgeqa.errors import CohortError, UsageError
from lgeqa.inference.bundle import default_bundle, open_bundle
from lgeqa.inference.bundle.build import Description
from lgeqa.preprocessing import DetectorPreparation
from lgeqa.training import run as runs
from lgeqa.training.bundle_export import default_detector_description, default_quality_description
from lgeqa.training.detector import DetectorConfig, validation_copies
from lgeqa.training.quality import STRATEGIES, AdaptConfig, ContrastiveConfig, Prepared, QualityConfig
from lgeqa.training.run import run_detector, run_quality
from lgeqa.training.run_layout import training_scans
from lgeqa.training.slice_store import SliceDataset, Slices, open_store
from tests.inference.bundle.test_bundle import ABOUT, change
from tests.toy import toy_bundle

MOVED = 2.5e-4
GOOD, POOR = (5.0,) * 4, (1.0,) * 4
PARTS = ("train", "train", "train", "validation", "validation", "test")


#: Shares that six patients can be dealt by.
DEALT = {"test": 0.34, "validation": 0.4}


def case(number: int, *, mask: bool = True, scored: bool = True) -> Case:
    scores: dict[str, Scores] = {"truth": (GOOD, POOR)[number % 2]} if scored else {}
    image = Path(f"{number}.nrrd")
    return Case(f"scan-{number}", f"patient-{number}", image, Path(f"{number}-mask.nrrd") if mask else None, scores)


@dataclass
class Steps:
    """What the steps of a run were given.

    Attributes:
        cases: of the cohort that is read.
        stores: numbers of the scans, settings and folder, store by store.
        trained: the slices, as the training got them.
        exported: shape and multiple.
        checked: number of each slice whose parity was checked.
        bundled: the arguments.
        constant: what is said about scales on which the network is constant.
        no_better: what is said about scales on which it is no better than the share of diagnostic scans.
    """

    cases: list[Case]
    stores: list[tuple[list[int], Any, Path]] = field(default_factory=list)
    trained: list[Any] = field(default_factory=list)
    exported: list[tuple[tuple[int, ...], int | None]] = field(default_factory=list)
    checked: list[list[int]] = field(default_factory=list)
    bundled: list[tuple[Any, ...]] = field(default_factory=list)
    constant: list[str] = field(default_factory=list)
    no_better: list[str] = field(default_factory=list)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    """A cohort of scans 0 to 5 with masks and scores, 6 without a mask and 7 without scores; each step is noted."""
    made = Steps([*map(case, range(6)), case(6, mask=False), case(7, scored=False)])

    def store(cases: Sequence[Case], settings: Any, folder: Path) -> SliceDataset:
        made.stores.append(([int(case.image.stem) for case in cases], settings, folder))
        return numbered(folder)

    def export(_network: nn.Module, shape: tuple[int, ...], multiple: int | None, path: Path) -> None:
        made.exported.append((shape, multiple))
        path.touch()

    def check(_network: nn.Module, _path: Path, slices: Tensor) -> float:
        made.checked.append(slices[:, 0, 0, 0].int().tolist())
        return MOVED

    def train_detector(training: SliceDataset, validation: SliceDataset, *_: Any) -> nn.Module:
        made.trained.append((training, validation))
        return network()

    def train(data: Prepared, *_: Any) -> Any:
        made.trained.append(data)
        return network()

    monkeypatch.setattr(runs, "read_cohort", lambda _: made.cases)
    monkeypatch.setattr(runs, "detector_store", store)
    monkeypatch.setattr(
        runs, "quality_store", lambda cases, preparation, rule, folder, *_: store(cases, (preparation, rule), folder)
    )
    monkeypatch.setattr(runs, "train_detector", train_detector)
    monkeypatch.setattr(runs, "find_strategy", lambda name: replace(STRATEGIES[name], train=train))
    monkeypatch.setattr(runs, "export_onnx", export)
    monkeypatch.setattr(runs, "check_parity", check)
    monkeypatch.setattr(runs, "constant_cautions", lambda *_: made.constant)
    monkeypatch.setattr(runs, "prevalence_cautions", lambda *_: made.no_better)
    for name in ("bundle_of_detector_run", "bundle_of_quality_run"):
        monkeypatch.setattr(runs, name, lambda *given: made.bundled.append(given))
    return made


def network() -> nn.Module:
    made = nn.Linear(1, 1)
    nn.init.constant_(made.weight, 7)
    return made


def numbered(folder: Path) -> SliceDataset:
    """100 slices of three channels, each filled with its number."""

    def make() -> list[Slices]:
        slices = np.broadcast_to(np.arange(100, dtype=np.float32)[:, None, None], (100, 2, 2))
        context = np.arange(100)[:, None].repeat(3, axis=1)
        return [Slices(slices, np.zeros((100, 2, 2), np.uint8), np.zeros(4, np.float32), context)]

    return open_store(folder, {}, make)


def folder_of(store: SliceDataset) -> Path:
    return Path(store.slices.filename).parent


@pytest.fixture
def split(tmp_path: Path) -> Path:
    """Scans 0, 1, 2 and 7 to learn from, 3 and 4 to validate on, 5 and 6 kept out."""
    dealt = {f"patient-{number}": part for number, part in enumerate((*PARTS, "test", "train"))}
    save_split(dealt, tmp_path / "given.json")  # type: ignore[arg-type]
    return tmp_path / "given.json"


def test_a_detector_run_from_its_scans_to_its_bundle(steps: Steps, tmp_path: Path, split: Path) -> None:
    run = tmp_path / "run"
    config = DetectorConfig(preparation=DetectorPreparation(multiple=8))

    run_detector([tmp_path], config, run, split=split, quiet=True)

    # Scores do not matter here; a scan without a mask has nothing to teach.
    assert steps.stores == [
        ([0, 1, 2, 7], config, run / "prepared" / "training"),
        ([3, 4], validation_copies(config), run / "prepared" / "validation"),
    ]
    assert validation_copies(config) != config
    [(training, validation)] = steps.trained
    assert [folder_of(store) for store in (training, validation)] == [folder for _, _, folder in steps.stores]
    assert steps.exported == [((3, 32, 32), 8)]
    assert load_file(run / "network.safetensors")["weight"].item() == 7
    learnt = [steps.cases[number] for number in (0, 1, 2, 7)]
    assert steps.bundled == [
        (run, default_bundle(), default_detector_description("run", learnt, default_bundle(), MOVED))
    ]


def test_a_quality_run_from_its_scans_to_its_bundle(steps: Steps, tmp_path: Path, split: Path) -> None:
    run = tmp_path / "run"
    config = QualityConfig.of({"preparation": {"pixels": 64}})
    settings = (config.preparation, LabelRule(reader="truth"))

    run_quality("multitask", [tmp_path], config, run, split=split, detector=default_bundle(), quiet=True)

    assert steps.stores == [
        ([0, 1, 2], settings, run / "prepared" / "training"),
        ([3, 4], settings, run / "prepared" / "validation"),
    ]
    [data] = steps.trained
    assert data.pretraining is data.training
    assert folder_of(data.validation) == run / "prepared" / "validation"
    assert steps.exported == [((3, 64, 64), None)]
    assert load_file(run / "network.safetensors")["weight"].item() == 7
    settled = config.model_copy(update={"label": LabelRule(reader="truth")})
    told = default_quality_description("multitask", "run", steps.cases[:3], settled, MOVED)
    [(*rest, seen)] = steps.bundled
    assert rest == [run, default_bundle(), told]
    assert folder_of(seen) == folder_of(data.training) == run / "prepared" / "training"


def test_failed_split_leaves_the_folder_free_for_other_settings(steps: Steps, tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="7 patients cannot be split into 10 folds"):
        run_quality("baseline", [tmp_path], QualityConfig(), tmp_path / "run", quiet=True)
    run_quality("baseline", [tmp_path], QualityConfig.of(DEALT), tmp_path / "run", quiet=True)
    assert len(steps.bundled) == 1


@pytest.mark.parametrize("unlabelled", [True, False])
def test_scans_without_scores_are_pretrained_on_when_requested(
    steps: Steps, tmp_path: Path, split: Path, unlabelled: bool
) -> None:
    config = ContrastiveConfig(unlabelled=unlabelled)
    run_quality("contrastive", [tmp_path], config, tmp_path / "run", split=split, quiet=True)
    prepared = {folder.name: scans for scans, _, folder in steps.stores}
    assert prepared == {"training": [0, 1, 2], "validation": [3, 4]} | (
        {"pretraining": [0, 1, 2, 7]} if unlabelled else {}
    )
    assert (steps.trained[0].pretraining is steps.trained[0].training) is not unlabelled


def test_what_a_person_says_of_the_bundle_is_in_it(steps: Steps, tmp_path: Path, split: Path) -> None:
    about = Description.of(ABOUT)
    run_detector([tmp_path], DetectorConfig(), tmp_path / "detector", split=split, about=about, quiet=True)
    run_quality("baseline", [tmp_path], QualityConfig(), tmp_path / "run", split=split, about=about, quiet=True)
    assert [given[2] for given in steps.bundled] == [about, about]


def test_parity_is_checked_on_slices_of_the_whole_validation(steps: Steps, tmp_path: Path, split: Path) -> None:
    run_quality("baseline", [tmp_path], QualityConfig(), tmp_path / "run", split=split, quiet=True)
    [checked] = steps.checked
    assert len(set(checked)) == 64
    assert (checked[0], checked[-1]) == (0, 99)
    assert max(np.diff(checked)) == 2


def test_a_run_taken_up_again_keeps_its_split(steps: Steps, tmp_path: Path, split: Path) -> None:
    def run(name: str, given: Path | None) -> list[list[int]]:
        steps.stores.clear()
        run_quality("baseline", [tmp_path], QualityConfig.of(DEALT), tmp_path / name, split=given, quiet=True)
        return [scans for scans, _, _ in steps.stores]

    assert run("given", split) == run("given", None) == run("given", split) == [[0, 1, 2], [3, 4]]
    drawn = run("drawn", None)
    assert drawn == run("drawn", None) == run("other", tmp_path / "drawn" / "split.json") != [[0, 1, 2], [3, 4]]


def test_split_follows_shares_seed_and_label_of_quality(steps: Steps, tmp_path: Path) -> None:
    steps.cases[:] = [replace(case(number), scores={"truth": GOOD if number < 4 else POOR}) for number in range(12)]
    settings: dict[str, Any] = {"test": 0.5, "validation": 0.34, "loop": {"seed": 4}}
    run_quality("baseline", [tmp_path], QualityConfig.of(settings), tmp_path, quiet=True)
    run_detector([tmp_path], DetectorConfig.of(settings), tmp_path / "detector", quiet=True)
    by_label, blindly = (read_split(run / "split.json") for run in (tmp_path, tmp_path / "detector"))
    assert by_label == draw_split(steps.cases, [1] * 4 + [0] * 8, 0.5, 0.34, 4)
    assert blindly == draw_split(steps.cases, [0] * 12, 0.5, 0.34, 4)
    assert by_label != blindly
    assert Counter(blindly.values()) == {"test": 6, "validation": 2, "train": 4}


def test_a_run_taken_up_with_another_split_is_refused(steps: Steps, tmp_path: Path, split: Path) -> None:
    run, config = tmp_path / "run", QualityConfig.of(DEALT)
    run_quality("baseline", [tmp_path], config, run, quiet=True)
    kept = (run / "split.json").read_bytes()
    with pytest.raises(UsageError, match=r"run: holds a run with another split than .*given.json"):
        run_quality("baseline", [tmp_path], config, run, split=split, quiet=True)
    assert (run / "split.json").read_bytes() == kept
    assert len(steps.trained) == 1


def test_settings_and_split_are_never_seen_in_part(
    steps: Steps, tmp_path: Path, split: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, seen = tmp_path / "run", []
    write = Path.write_text

    def slowly(path: Path, text: str, **how: str) -> int:
        write(path, text[:5], **how)
        seen.append({name: (run / name).exists() for name in ("config.json", "split.json")})
        return write(path, text, **how)

    monkeypatch.setattr(Path, "write_text", slowly)
    run_quality("baseline", [tmp_path], QualityConfig(), run, split=split, quiet=True)
    assert seen[:2] == [{"config.json": False, "split.json": False}, {"config.json": True, "split.json": False}]
    assert {path.name for path in run.iterdir() if path.is_file()} == {
        "config.json",
        "training_scans.json",
        "split.json",
        "network.onnx",
        "network.safetensors",
    }


def test_only_the_main_process_writes_the_run(
    steps: Steps, tmp_path: Path, split: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "is_main", lambda: False)
    run_detector([tmp_path], DetectorConfig(), tmp_path / "detector", split=split, quiet=True)
    run_quality("baseline", [tmp_path], QualityConfig(), tmp_path / "run", split=split, quiet=True)
    assert len(steps.trained) == 2
    for run in ("detector", "run"):
        assert [path.name for path in (tmp_path / run).iterdir()] == ["prepared"]
    assert steps.exported == steps.bundled == []


def test_the_settled_rule_is_printed_and_stored(
    steps: Steps, tmp_path: Path, split: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    run_quality("baseline", [tmp_path], QualityConfig(), run, split=split)
    stored = QualityConfig.model_validate_json((run / "config.json").read_text(encoding="utf-8"))
    assert stored.label == LabelRule(reader="truth")
    assert "Labels: scores before reader noise (truth), for " in capsys.readouterr().err


def test_a_cohort_that_has_nothing_to_learn_from(steps: Steps, tmp_path: Path) -> None:
    steps.cases[:] = [case(0, mask=False)]
    with pytest.raises(CohortError, match=r"no scan has a mask \(shrinkwrap.nrrd\) to learn from"):
        run_detector([tmp_path], DetectorConfig(), tmp_path / "run")
    steps.cases[:] = [case(0, mask=False, scored=False)]
    with pytest.raises(CohortError, match="no scan has scores"):
        run_quality("baseline", [tmp_path], QualityConfig(), tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def described(strategy: str, cases: Sequence[Case], **rule: str) -> Description:
    config = QualityConfig(label=LabelRule.of(dict(rule)))
    return default_quality_description(strategy, "mine", cases, config, MOVED)


def test_default_description_of_a_quality_run_without_a_person() -> None:
    cases = [case(0), case(1), replace(case(2), patient="patient-0")]
    told = described("baseline", cases, reader="truth")
    assert (told.name, told.strategy, told.labels) == ("mine", "baseline (section 3.2.1)", "simulated")
    assert told.training_data == "3 scans of 2 patients; the label is that of truth."
    assert told.metrics[0]["value"] == MOVED

    experts = [replace(one, scores={"A": GOOD, "B": POOR}) for one in cases]
    joined = described("multitask", experts, rule="median")
    assert (joined.labels, joined.strategy) == ("expert", "multitask (section 3.2.2)")
    assert joined.training_data == "3 scans of 2 patients; the label is the median of the readers."
    measured = described("hybrid", cases, reader="measured")
    assert (measured.labels, measured.strategy) == ("measured", "hybrid (section 5)")
    graded = described("baseline", experts, rule="graded", reader="measured")
    assert graded.labels == "measured"
    assert "the label is how likely an expert's score of 3 or more is" in graded.training_data
    alone = [replace(one, scores={"A": (math.nan, 2, math.nan, 4)}) for one in cases[:2]]
    assert described("baseline", [*alone, cases[2]], reader="A").training_data.endswith(
        "that of A. No scan had a label on myocardium_nulling, enhancement: the answers on it mean nothing."
    )
    # One simulated scan among real ones is enough not to call the whole clinical.
    assert described("baseline", [*experts, case(3)], reader="A").labels == "simulated"


def test_description_of_an_adapted_network_names_its_start() -> None:
    start = open_bundle(default_bundle()).manifest
    config = AdaptConfig(label=LabelRule(reader="A"))
    alone = replace(case(0), scores={"A": (math.nan, 2, 3, 4)})
    description = default_quality_description("adapt", "mine", [alone], config, MOVED)
    assert description.strategy == "adapt (training on from a bundle)"
    assert f"Before that, as {start.name} {start.version}: {start.training_data}" in description.training_data
    assert "No scan had a label on myocardium_nulling: its answers are of before." in description.training_data


@pytest.mark.parametrize("constant", [["Always .5.", "Always .6."], []])
def test_constant_network_is_reported_and_marked(
    steps: Steps, tmp_path: Path, split: Path, caplog: pytest.LogCaptureFixture, constant: list[str]
) -> None:
    steps.constant, steps.no_better = constant, ["No better."]
    about = Description.of(ABOUT | {"caution": "Mine."})
    run_quality("baseline", [tmp_path], QualityConfig(), tmp_path / "run", split=split, about=about, quiet=True)
    expected = constant or ["No better."]
    assert steps.bundled[0][2].caution == " ".join(["Mine.", *expected])
    assert caplog.messages == expected


def test_scans_without_an_atrium_are_named(
    steps: Steps, tmp_path: Path, split: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def store(without: int) -> Callable[..., SliceDataset]:
        def make(cases: Sequence[Case], *given: Any) -> SliceDataset:
            slices = numbered(given[2])
            slices.without_slices = list(range(min(without, len(cases))))
            return slices

        return make

    monkeypatch.setattr(runs, "quality_store", store(2))
    with pytest.raises(CohortError, match=r"No left atrium was found on any of 2 scans\. Check that they are LGE-MRI"):
        run_quality("baseline", [tmp_path], QualityConfig(), tmp_path / "run", split=split, quiet=True)
    assert caplog.messages == ["No left atrium was found on 2 of 3 scans, which are left out: scan-0, scan-1."]


def test_default_description_of_a_detector_run_without_a_person(tmp_path: Path) -> None:
    toy = change(toy_bundle(tmp_path / "toy", version="0.7"), threshold=0.7)
    cases = [case(0), replace(case(1), patient="patient-0")]
    told = default_detector_description("mine", cases, toy, MOVED)
    shared = default_detector_description("mine", cases, default_bundle(), MOVED)
    assert (told.measured_share, shared.measured_share) == (0, open_bundle().manifest.measured_share)
    assert shared.measured_share > 0
    assert (told.name, told.strategy, told.labels, told.threshold) == ("mine", "none", "simulated", 0.7)
    assert told.metrics[0]["value"] == MOVED
    assert told.training_data == (
        "Detector: 2 scans of 1 patients, with masks. Quality network, that of toy 0.7: None."
    )


def test_run_writes_the_hashes_of_all_scans_it_saw(
    steps: Steps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training, validation and pre-training scans, by the hash of the real scan."""
    names = {"training": "t", "validation": "v", "pretraining": "p"}

    def store(_cases: Sequence[Case], _preparation: Any, _rule: LabelRule, folder: Path, *_: Any) -> SliceDataset:
        made = numbered(folder)
        made.hashes = [("own", names[folder.name])]
        return made

    monkeypatch.setattr(runs, "quality_store", store)
    save_split({f"patient-{i}": part for i, part in enumerate((*PARTS, "train", "train"))}, tmp_path / "split.json")  # type: ignore[misc]
    config, toy, split = ContrastiveConfig(unlabelled=True), toy_bundle(tmp_path / "toy"), tmp_path / "split.json"
    run_quality("contrastive", [tmp_path], config, tmp_path / "run", split=split, detector=toy, quiet=True)
    assert training_scans(tmp_path / "run") == ("p", "t", "v")
    assert training_scans(tmp_path) is None


def test_test_patients_that_the_detector_knows_are_told(
    steps: Steps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(runs, "read_hashes", lambda case: (case.scan_id,))
    bundle = toy_bundle(tmp_path / "toy")
    change(bundle, training_scans={"detector": ["scan-5", "scan-0"]})
    parts = (*PARTS, "train", "train")
    save_split({case.patient: part for case, part in zip(steps.cases, parts, strict=True)}, tmp_path / "split.json")  # type: ignore[misc]

    run_quality(
        "baseline",
        [tmp_path],
        QualityConfig(),
        tmp_path / "run",
        split=tmp_path / "split.json",
        detector=bundle,
        quiet=True,
    )

    assert caplog.messages[0] == (
        "The detector was trained on 1 of the 1 test scans or on other scans of their patients (scan-5). "
        "Evaluate the bundle with --given-masks, or train a detector on the training part of the same split."
    )


def test_scans_of_the_start_are_listed_with_the_own_ones(tmp_path: Path) -> None:
    store = numbered(tmp_path / "store")
    store.hashes = [("own", "t")]
    runs._save_scans((store,), tmp_path, ("a", "z"))
    assert training_scans(tmp_path) == ("a", "t", "z")
