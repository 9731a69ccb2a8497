"""The whole study on a small simulated cohort, from the command line to the report."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lgeqa.batch import open_pipeline
from lgeqa.bootstrap import Estimate
from lgeqa.cohort import load_split, read_cohort
from lgeqa.errors import UsageError
from lgeqa.evaluation.record import Evaluation, Pooled
from lgeqa.experiment.plan import Run, make_plan
from lgeqa.experiment.results import evaluate_run
from lgeqa.experiment.run import run_experiment
from lgeqa.experiment.settings import ExperimentConfig
from lgeqa.experiment.trainings import is_finished
from lgeqa.inference.pipeline import Assessment
from lgeqa.io import Source
from tests.experiment.quick import SETTINGS
from tests.factories.cohorts import write_phantoms
from tests.images import sitk

# Lightning warns of its own dependencies, and of loaders without workers.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@dataclass(frozen=True)
class World:
    cohort: Path
    out: Path
    config: ExperimentConfig


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    write_phantoms(folder, n=9)
    return folder


@pytest.fixture(scope="module")
def world(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    made = World(cohort, tmp_path_factory.mktemp("study"), ExperimentConfig.of(SETTINGS))
    run_experiment([cohort], made.config, made.out, quiet=True)
    return made


@pytest.fixture(scope="module")
def folds(world: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Three folds, whose finished trainings, not evaluated yet, are those of `world`."""
    changes = {"iterations": 3, "splits": "folds", "strategies": ["baseline", "multitask"]}
    made = World(world.cohort, tmp_path_factory.mktemp("folds"), ExperimentConfig.of(SETTINGS | changes))
    for strategy in ("baseline", "multitask"):
        for i in range(3):
            folder = made.out / "runs" / f"{strategy}-{i}"
            copied(world.out / "runs" / f"{strategy}-0", folder)
            (folder / "evaluation.json").unlink()
            shutil.rmtree(folder / "tested")
    run_experiment([made.cohort], made.config, made.out, quiet=True)
    return made


def evaluations(world: World) -> dict[str, Evaluation]:
    return {
        path.parent.name: Evaluation.model_validate_json(path.read_text())
        for path in world.out.glob("runs/*/evaluation.json")
    }


def test_every_strategy_is_judged_on_the_same_test_scans(world: World) -> None:
    found = evaluations(world)
    assert set(found) == {"baseline-0", "multitask-0", "contrastive-0", "hybrid-0"}
    cases = read_cohort(world.cohort)
    split = load_split(world.out / "splits" / "split-0.json", cases)
    tested = {case.scan_id for case in cases if split[case.patient] == "test"}
    for name, one in found.items():
        assert one.n_scans == len(tested)
        table = (world.out / "runs" / name / "predictions.csv").read_text().splitlines()
        assert {row.split(",")[0] for row in table[1:]} == tested
    assert len({one.bundle.sha256 for one in found.values()}) == 4
    assert not list(world.out.rglob("*.ckpt"))


def test_a_cohort_that_has_changed_is_refused(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(world.out / "splits", tmp_path / "splits")
    kept = (tmp_path / "splits" / "split-0.json").read_bytes()
    monkeypatch.setattr("lgeqa.experiment.plan.read_cohort", lambda folder: read_cohort(folder)[:-1])
    with pytest.raises(UsageError, match=r"split-0.json: deals other patients, or .* Name a new folder"):
        run_experiment([world.cohort], world.config, tmp_path, quiet=True)
    assert (tmp_path / "splits" / "split-0.json").read_bytes() == kept


def test_splits_are_kept(world: World, folds: World) -> None:
    for made in (world, folds):
        plan = make_plan([made.cohort], made.config)
        saved = [json.loads(path.read_text()) for path in sorted((made.out / "splits").iterdir())]
        assert saved == list(plan.splits)


def test_the_report_holds_the_tables_and_figures_of_the_paper(world: World) -> None:
    page = (world.out / "report.md").read_text()
    found = evaluations(world)
    for name, one in found.items():
        row = next(line for line in page.splitlines() if line.startswith(f"| {name.removesuffix('-0')} | "))
        f1 = one.scans["quality"].figures["f1"].value
        assert ("undefined" if f1 is None else f"{f1:.3f}") in row
        assert one.bundle.sha256 in page
    for title in ("Table 1", "Table 2", "Fig. 2", "Fig. 3", "calling all diagnostic", "reader-1", "simulated"):
        assert title in page
    assert '"slices_per_scan": 1' in page
    html = (world.out / "report.html").read_text()
    assert html.count("data:image/png;base64,") == 3
    assert not re.search(r'(src|href)="(?!data:)', html)


def copied(source: Path, target: Path) -> None:
    """A finished run, or several, without what its bundle holds as well."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("network.onnx"))


def test_what_is_finished_is_not_done_again(world: World, tmp_path: Path) -> None:
    out = tmp_path / "again"
    copied(world.out, out)
    shutil.rmtree(out / "runs" / "baseline-0")
    before = {path: path.stat().st_mtime_ns for path in out.glob("runs/*/network.safetensors")}
    assert not is_finished(out, Run("baseline", 0))
    run_experiment([world.cohort], world.config, out, jobs=2, quiet=True)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert (out / "runs/baseline-0/network.safetensors").read_bytes() == (
        world.out / "runs/baseline-0/network.safetensors"
    ).read_bytes()


def test_run_whose_bundle_was_cut_off_is_not_finished(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "baseline-0"
    copied(world.out / "runs" / "baseline-0", folder)
    assert is_finished(tmp_path, Run("baseline", 0))
    (folder / "bundle" / "bundle.json").unlink()
    assert not is_finished(tmp_path, Run("baseline", 0))


def records_of(folder: Path) -> dict[str, int]:
    """When each record of the test scans was written."""
    return {path.stem: path.stat().st_mtime_ns for path in (folder / "tested" / "scans").glob("*.json")}


def test_an_evaluation_with_other_masks_is_made_again(world: World, tmp_path: Path) -> None:
    out = tmp_path / "other"
    copied(world.out, out)
    run, folder = Run("baseline", 0), out / "runs" / "baseline-0"
    plan = make_plan([world.cohort], world.config)
    before = records_of(folder)
    found = evaluate_run(run, plan, world.config, out, detected=True).evaluation
    assert found.mask_source == "detected"
    after = records_of(folder)
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())
    again = evaluate_run(run, plan, world.config, out, detected=True).evaluation
    assert again.model_copy(update={"finished_at": found.finished_at}) == found
    assert records_of(folder) == after


def test_unassessable_test_scan_is_excluded_and_named(world: World, tmp_path: Path) -> None:
    out, cohort = tmp_path / "other", tmp_path / "cohort"
    copied(world.out, out)
    shutil.copytree(world.cohort, cohort)
    run, folder = Run("baseline", 0), out / "runs" / "baseline-0"
    plan = make_plan([cohort], world.config)
    first, *others = (plan.cases[number] for number in plan.numbers(0, "test"))
    assert first.mask
    mask = sitk.ReadImage(str(first.mask))
    sitk.WriteImage(mask * 0, str(first.mask))
    for _ in range(2):  # anew, and as it was kept
        found = evaluate_run(run, plan, world.config, out, detected=False)
        assert [scan.case.scan_id for scan in found.scans] == [case.scan_id for case in others]
        assert found.evaluation.n_scans == len(others)
        [excluded] = found.evaluation.excluded
        assert excluded.scan_id == first.scan_id
        assert "the mask is empty" in excluded.why
    assert f"{first.scan_id}," in (folder / "predictions.csv").read_text()


def _open_one_that_breaks(first: str, *arguments: Any) -> Callable[[Source], Assessment]:
    """Stand for the pipeline in another process, where nothing is patched."""
    assess = open_pipeline(*arguments)
    return partial(_assess_but, first, assess)


def _assess_but(first: str, assess: Callable[[Source], Assessment], source: Source) -> Assessment:
    if source.scan_id == first:
        raise ZeroDivisionError
    return assess(source)


def test_a_test_scan_that_breaks_lgeqa_does_not_end_the_study(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "other"
    copied(world.out, out)
    folder = out / "runs" / "baseline-0"
    shutil.rmtree(folder / "tested")
    plan = make_plan([world.cohort], world.config)
    first, *others = (plan.cases[number].scan_id for number in plan.numbers(0, "test"))
    monkeypatch.setattr("lgeqa.experiment.results.open_pipeline", partial(_open_one_that_breaks, first))
    found = evaluate_run(Run("baseline", 0), plan, world.config, out, detected=False)
    assert [scan.case.scan_id for scan in found.scans] == others
    assert [(one.scan_id, "bug in lgeqa" in one.why) for one in found.evaluation.excluded] == [(first, True)]
    assert "ZeroDivisionError" in (folder / "tested" / "faults.log").read_text()


def test_two_step_strategies_and_few_slices_give_a_report(world: World, tmp_path: Path) -> None:
    out = tmp_path / "contrastive"
    copied(world.out, out)
    for made in ("splits", "config.json"):
        shutil.rmtree(out / made) if (out / made).is_dir() else (out / made).unlink()
    config = ExperimentConfig.of(SETTINGS | {"strategies": ["contrastive"]})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lgeqa.experiment.figures.NEIGHBOURS", 10_000)
        run_experiment([world.cohort], config, out, quiet=True)
    page = (out / "report.md").read_text()
    assert "![HiResCAM on test slices](figure-2.png)" in page
    assert "Not drawn: UMAP needs at least 10001 test slices, and the first iteration has" in page
    assert page.count("![") == 2
    assert (out / "report.html").read_text().count("data:image/png;base64,") == 2


def test_other_settings_are_refused(world: World) -> None:
    with pytest.raises(UsageError, match=r"with temperature = 0.07, and now it is 0.5. Name a new folder"):
        run_experiment([world.cohort], ExperimentConfig.of(SETTINGS | {"temperature": 0.5}), world.out, quiet=True)


def test_folds_are_pooled(folds: World) -> None:
    pooled = Pooled.model_validate_json((folds.out / "pooled.json").read_text())
    found = evaluations(folds)
    assert (pooled.n_scans, pooled.draws) == (9, 20)
    assert pooled.n_slices == sum(found[f"multitask-{i}"].n_slices for i in range(3))
    assert list(pooled.strategies) == ["baseline", "multitask"]
    assert list(pooled.differences) == ["multitask"]
    for name, levels in pooled.strategies.items():
        errors = [
            found[f"{name}-{i}"].n_scans * (found[f"{name}-{i}"].scans["quality"].figures["brier"].value or 0)
            for i in range(3)
        ]
        assert levels.scans["quality"]["brier"].value == pytest.approx(sum(errors) / 9)


def test_the_report_holds_the_pooled_tables(folds: World) -> None:
    pooled = Pooled.model_validate_json((folds.out / "pooled.json").read_text())
    text = (folds.out / "report.md").read_text()
    assert "Each of 9 scans (9 patients, " in text
    assert "left out" not in text
    lines = text[text.index("## All scans together") : text.index("## Fig. 2")].splitlines()
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in lines if line.startswith("|")}

    def shown(figure: Estimate, sign: str = "") -> str:
        return "undefined" if figure.value is None else f" {figure.value:{sign}.3f} "

    difference = pooled.differences["multitask"]
    gained = text[text.index("### What each strategy gains") :].splitlines()
    gains = next(line for line in gained if line.startswith("| multitask |"))
    assert shown(difference.scans["quality"]["brier"], "+") in gains
    assert shown(pooled.strategies["multitask"].scans["quality"]["brier"]) in next(
        line for line in lines if line.startswith("| multitask |")
    )
    assert shown(pooled.strategies["baseline"].slices["sharpness"]["auroc"]) in rows["baseline, slices"]
    assert shown(difference.slices["sharpness"]["auroc"], "+") in rows["multitask less baseline, slices"]
    assert shown(difference.scans["sharpness"]["auroc"], "+") in rows["multitask less baseline, scans"]
    assert {"calling all diagnostic", "reader-1"} <= set(rows)


def test_repeated_test_parts_are_not_pooled(world: World) -> None:
    assert not (world.out / "pooled.json").exists()
    assert "All scans together" not in (world.out / "report.md").read_text()
