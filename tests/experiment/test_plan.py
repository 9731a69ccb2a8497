"""Which scans are trained on and tested in each iteration, and with which settings; nothing is trained."""

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lgeqa.cohort import (
    Case,
    LabelRule,
    Scores,
    Split,
    fold_splits,
    patients_of,
    read_cohort,
    read_hashes,
    strata_of,
)
from lgeqa.errors import CohortError, ConfigError, UsageError
from lgeqa.experiment.plan import Plan, Run, make_plan
from lgeqa.experiment.run import run_experiment
from lgeqa.experiment.settings import ExperimentConfig
from lgeqa.experiment.trainings import check_detector, train_one
from lgeqa.training.quality import STRATEGIES, Prepared, Strategy, quality_store
from lgeqa.training.slice_store import Slices, open_store
from tests.cohort.made import Made
from tests.experiment.quick import SETTINGS, SHARES
from tests.factories.cohorts import write_phantoms
from tests.images import sitk
from tests.toy import toy_bundle


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine scans, each of another patient, of which five are diagnostic."""
    made = Made(tmp_path_factory.mktemp("cohort"))
    for number in range(9):
        made.add(f"s{number}", "truth,1,1,1,1" if number % 2 else "truth,5,5,5,5")
    return made.root


def test_a_corrected_mask_is_prepared_again(tmp_path: Path) -> None:
    write_phantoms(tmp_path / "cohort", n=1)
    cases = read_cohort(tmp_path / "cohort")
    config = ExperimentConfig.of(SETTINGS)

    def pixels() -> int:
        store = quality_store(cases, config.preparation, config.label, tmp_path / "prepared")
        return int(store[list(range(len(store)))]["mask"].sum())

    before, path = pixels(), cases[0].mask
    assert path
    assert pixels() == before
    mask = sitk.ReadImage(str(path))
    held = sitk.GetArrayFromImage(mask)
    held[:, :, : held.shape[2] // 2] = 0
    corrected = sitk.GetImageFromArray(held)
    corrected.CopyInformation(mask)
    sitk.WriteImage(corrected, str(path))
    assert pixels() < before


def test_iterations_share_the_test_part_and_differ_in_the_rest(cohort: Path) -> None:
    plan = make_plan([cohort], ExperimentConfig.of(SETTINGS | {"iterations": 3}))
    tested = {tuple(plan.numbers(i, "test")) for i in range(3)}
    checked = {tuple(plan.numbers(i, "validation")) for i in range(3)}
    assert len(tested) == 1
    assert len(checked) > 1
    names = ["baseline-0", "multitask-0", "contrastive-0", "hybrid-0", "baseline-1"]
    assert [run.name for run in plan.runs[:5]] == names
    assert len(plan.splits) == 3


def test_folds_test_every_scan_once(cohort: Path) -> None:
    plan = make_plan([cohort], ExperimentConfig.of(SETTINGS | {"iterations": 3, "splits": "folds"}))
    assert sorted(number for i in range(3) for number in plan.numbers(i, "test")) == list(range(9))


def test_fewer_scans_leave_the_folds_as_they_are(cohort: Path) -> None:
    changes = SETTINGS | {"iterations": 3, "splits": "folds"}
    whole, fewer, more = (make_plan([cohort], ExperimentConfig.of(changes | {"scans": n})) for n in (0, 3, 4))
    patients = {case.patient for case in whole.cases}
    for i in range(3):
        assert whole.numbers(i, "test") == fewer.numbers(i, "test") == more.numbers(i, "test")
        few, many = (set(plan.numbers(i, "train") + plan.numbers(i, "validation")) for plan in (fewer, more))
        assert (len(few), len(many)) == (3, 4)
        assert few < many
        order = np.random.default_rng(0).permutation(sorted(patients))
        free = [patient for patient in order if patient not in patients_of(whole.splits[i], "test")]
        assert {fewer.cases[number].patient for number in few} == set(free[:3])
        assert set(fewer.splits[i]) == {fewer.cases[number].patient for number in few | set(fewer.numbers(i, "test"))}


def test_without_a_limit_folds_are_those_of_the_cohort(cohort: Path) -> None:
    config = ExperimentConfig.of(SETTINGS | {"iterations": 3, "splits": "folds"})
    plan = make_plan([cohort], config)
    strata = strata_of(plan.cases, config.label)
    assert list(plan.splits) == fold_splits(plan.cases, strata, 3, config.validation, config.seed)


def test_fewer_scans_leave_the_test_part_as_it_is(cohort: Path) -> None:
    whole = make_plan([cohort], ExperimentConfig.of(SETTINGS))
    plans = [make_plan([cohort], ExperimentConfig.of(SETTINGS | {"scans": n})) for n in (4, 5)]

    def named(plan: Any, *parts: str) -> set[str]:
        return {plan.cases[number].scan_id for part in parts for number in plan.numbers(0, part)}

    assert {frozenset(named(plan, "test")) for plan in (whole, *plans)} == {frozenset(named(whole, "test"))}
    fewer, more = (named(plan, "train", "validation") for plan in plans)
    assert (len(fewer), len(more)) == (4, 5)
    assert fewer < more


def test_too_few_scans_are_refused(cohort: Path) -> None:
    with pytest.raises(CohortError, match=r"1 patients cannot be split into 2 folds"):
        make_plan([cohort], ExperimentConfig.of(SETTINGS | {"scans": 1}))


def test_each_training_has_the_common_settings_and_its_own_seed() -> None:
    config = ExperimentConfig.of(SETTINGS | {"seed": 7, "quality_from": "features"})
    baseline, contrastive, hybrid = (config.of_run(name, 2) for name in ("baseline", "contrastive", "hybrid"))
    assert baseline.loop == config.loop.model_copy(update={"seed": 9})
    assert contrastive.loop == baseline.loop
    assert contrastive.pretraining.seed == 9  # type: ignore[attr-defined]
    assert hybrid == contrastive
    assert baseline.preparation == config.preparation
    assert baseline.quality_from == contrastive.quality_from == "features"


def test_strategies_beyond_the_paper_have_settings_of_their_own() -> None:
    config = ExperimentConfig.of(SETTINGS | {"pseudo_bags": 3, "strategies": ["baseline", "soft", "mil"]})
    baseline, soft, mil = (config.of_run(name, 0) for name in config.strategies)
    assert baseline.label == mil.label == config.label
    assert soft.label == LabelRule(rule="soft")
    assert mil.pseudo_bags == 3  # type: ignore[attr-defined]
    assert config.rules == (config.label, soft.label)


def test_scans_that_a_strategy_cannot_learn_from_are_in_none(cohort: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [replace(case, scores=case.scores | {"reader-1": (3.0,) * 4}) for case in read_cohort(cohort)]
    without = replace(cases[0], scores={"truth": cases[0].scores["truth"]})
    monkeypatch.setattr("lgeqa.experiment.plan.read_cohort", lambda _: [without, *cases[1:]])
    both = make_plan([cohort], ExperimentConfig.of(SETTINGS | {"strategies": ["baseline", "soft"]}))
    assert {case.scan_id for case in both.cases} == {case.scan_id for case in cases[1:]}
    alone = make_plan([cohort], ExperimentConfig.of(SETTINGS | {"strategies": ["baseline"]}))
    assert len(alone.cases) == len(cases)
    unread = [replace(case, scores={"truth": case.scores["truth"]}) for case in cases]
    monkeypatch.setattr("lgeqa.experiment.plan.read_cohort", lambda _: unread)
    with pytest.raises(CohortError, match="No scan has a label of quality by the rule 'soft'; scores are by truth"):
        make_plan([cohort], ExperimentConfig.of(SETTINGS | {"strategies": ["soft"]}))


@pytest.mark.parametrize(
    ("changes", "cards", "told"),
    [
        ({"loop": {"devices": 2}}, 0, r"--jobs 2: each training would take 2 devices, .* Add --set loop.devices=1 "),
        ({"pretraining": {"nodes": 3}}, 0, r"would take 3 devices, .* Add --set pretraining.devices=1 "),
        ({}, 4, "would take 4 devices"),
    ],
)
def test_trainings_side_by_side_have_a_device_each(
    cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], cards: int, told: str
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: cards)
    with pytest.raises(UsageError, match=told):
        run_experiment([cohort], ExperimentConfig.of(SHARES | changes), tmp_path, jobs=2, quiet=True)
    assert list(tmp_path.iterdir()) == []  # so that what it says can be done in the same folder


def test_only_the_main_process_judges_and_reports(
    cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    trained: list[int] = []
    monkeypatch.setattr("lgeqa.experiment.run.train_all", lambda plan, *_: trained.append(len(plan.runs)))
    monkeypatch.setattr("lgeqa.experiment.run.prepare", lambda *_: None)
    monkeypatch.setattr("lgeqa.experiment.run.is_main", lambda: False)
    run_experiment([cohort], ExperimentConfig.of(SETTINGS), tmp_path)
    assert trained == [4]
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]
    assert capfd.readouterr().err == ""


def test_each_site_is_left_out_once(cohort: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [replace(case, groups={"site": "abc"[i // 3]}) for i, case in enumerate(read_cohort(cohort))]
    monkeypatch.setattr("lgeqa.experiment.plan.read_cohort", lambda _: cases)
    plan = make_plan([cohort], ExperimentConfig.of(SETTINGS | {"splits": "sites", "iterations": 1}))
    assert plan.sites == ("a", "b", "c")
    assert [plan.numbers(i, "test") for i in range(3)] == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert all(plan.numbers(i, "validation") and plan.numbers(i, "train") for i in range(3))
    assert len(plan.runs) == 3 * 4


@pytest.mark.parametrize(
    ("sites", "patients", "message"),
    [
        ("aaa      ", "012345678", r'"sites": 6 of 9 scans have no site, such as s3. Give the site'),
        ("aaaaaaaaa", "012345678", r'"sites": all scans are of the site a, and leaving it out leaves nothing'),
        ("aaabbbccc", "012045678", r'"sites": patient 0 has scans of the sites a and b, so leaving one out'),
    ],
)
def test_sites_that_cannot_be_left_out_are_refused(
    cohort: Path, monkeypatch: pytest.MonkeyPatch, sites: str, patients: str, message: str
) -> None:
    cases = [
        replace(case, patient=patient, groups={"site": site} if site.strip() else {})
        for case, site, patient in zip(read_cohort(cohort), sites, patients, strict=True)
    ]
    monkeypatch.setattr("lgeqa.experiment.plan.read_cohort", lambda _: cases)
    with pytest.raises(CohortError, match=message):
        make_plan([cohort], ExperimentConfig.of(SETTINGS | {"splits": "sites"}))


def finished(out: Path, config: ExperimentConfig, cohort: Path) -> None:
    """Write the bundles of all trainings, with the detector of the toy bundle."""
    for run in make_plan([cohort], config).runs:
        toy_bundle(out / "runs" / run.name / "bundle")


def test_another_detector_for_finished_trainings_is_refused(cohort: Path, tmp_path: Path) -> None:
    config = ExperimentConfig.of(SETTINGS)
    out, same = tmp_path / "out", toy_bundle(tmp_path / "same")
    finished(out, config, cohort)
    plan = make_plan([cohort], config)
    assert check_detector(plan, out, same) == sha256((same / "detector.onnx").read_bytes()).hexdigest()
    with pytest.raises(UsageError, match=r"baseline-0: is finished with another detector than the default"):
        run_experiment([cohort], config, out, quiet=True)
    manifest = json.loads((same / "bundle.json").read_text())
    manifest["detector"]["rule"]["threshold"] = 0.75
    (same / "bundle.json").write_text(json.dumps(manifest))
    with pytest.raises(UsageError, match=r"another detector than .*same. Name the detector that the experiment was"):
        check_detector(plan, out, same)
    assert not (out / "config.json").exists()


def test_a_detector_that_knows_test_patients_is_refused(
    cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = ExperimentConfig.of(SETTINGS | {"scans": 0})
    plan = make_plan([cohort], config)
    tested = [plan.cases[number] for number in plan.numbers(0, "test")]
    learnt = toy_bundle(tmp_path / "learnt")
    manifest = json.loads((learnt / "bundle.json").read_text())
    manifest["training_scans"] = {"detector": read_hashes(tested[0])}
    (learnt / "bundle.json").write_text(json.dumps(manifest))
    trained: list[Plan] = []

    def train(plan: Plan, *_: object) -> None:
        trained.append(plan)
        raise InterruptedError

    store = SimpleNamespace(hashes=[read_hashes(case) for case in plan.cases])
    monkeypatch.setattr("lgeqa.experiment.run.prepare", lambda *_: store)
    monkeypatch.setattr("lgeqa.experiment.run.train_all", train)
    with pytest.raises(UsageError, match=rf"Split 0: The detector was trained on 1 of the {len(tested)} "):
        run_experiment([cohort], config, tmp_path / "out", learnt, detected=True, quiet=True)
    assert not trained
    for choice in ({"detected": False}, {"detected": True, "allow_seen": True}):
        with pytest.raises(InterruptedError):
            run_experiment([cohort], config, tmp_path / "out", learnt, quiet=True, **choice)
    assert len(trained) == 2


def test_strategies_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"'best' is not a strategy of stage 2\. Choose one of baseline, multitask"):
        ExperimentConfig.of({"strategies": ["baseline", "best"]})
    with pytest.raises(ConfigError, match="a strategy is named twice"):
        ExperimentConfig.of({"strategies": ["hybrid", "hybrid"]})


def test_a_strategy_of_another_package_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgeqa.training.quality.added_strategies", lambda: {"ours": Entry()})
    config = ExperimentConfig.of(SETTINGS | {"strategies": ["ours", "contrastive"]})
    assert config.strategies == ("ours", "contrastive")
    assert type(config.of_run("ours", 1)) is type(STRATEGIES["multitask"].config())
    assert config.of_run("ours", 1).loop.seed == config.seed + 1


class Entry:
    """An entry point of a strategy that another package adds."""

    value = "theirs:strategy"

    def load(self) -> Strategy:
        return STRATEGIES["multitask"]


def test_each_strategy_learns_by_its_own_label_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores: dict[str, Scores] = {"truth": (1.0,) * 4, "ann": (4.0,) * 4, "bob": (2.0,) * 4}
    cases = tuple(Case(f"s{i}", f"p{i}", tmp_path / f"{i}.nrrd", None, scores) for i in range(3))
    split: Split = {"p0": "train", "p1": "validation", "p2": "test"}
    plan = Plan(cases, LabelRule(reader="truth"), (split,), ())
    slices = Slices(np.zeros((2, 8, 8), np.float32), np.zeros((2, 8, 8), np.uint8), np.zeros(4, np.float32))
    open_store(tmp_path / "prepared", {}, lambda: [slices] * 3)
    learnt: dict[str, list[float]] = {}

    def train(strategy: str, data: Prepared, *_: object) -> None:
        learnt[strategy] = [float(part[[0]]["label"][0, 3]) for part in (data.training, data.validation)]
        assert not data.training[[0]]["level"].isnan().any()

    monkeypatch.setattr("lgeqa.experiment.trainings.train_to_bundle", train)
    config = ExperimentConfig.of(SETTINGS)
    for strategy in ("baseline", "soft", "ordinal"):
        train_one(Run(strategy, 0), plan, config, tmp_path, None, True)
    assert learnt == {"baseline": [0, 0], "soft": [0.5, 0.5], "ordinal": [0, 0]}
