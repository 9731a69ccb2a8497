"""A sweep: judged on the validation part, resumed after a kill, and its outcomes."""

import csv
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import optuna
import pytest

from lgeqa.cohort import read_cohort, save_split
from lgeqa.errors import CohortError, ConfigError, DivergedError, TrainingError, UsageError
from lgeqa.training import sweep as sweeps
from lgeqa.training.quality import ContrastiveConfig, QualityConfig
from lgeqa.training.run import Parts
from lgeqa.training.sweep import Sweep, SweepSettings, run_sweep
from lgeqa.training.sweep_ranges import read_ranges
from lgeqa.workflows.training import TrainingRequest
from lgeqa.workflows.training import sweep as sweep_workflow
from tests.factories.cohorts import write_phantoms
from tests.training.killable_sweep import CONFIG, RANGES, TRIALS, sweep

ROOT = Path(__file__).parents[2]

# Lightning warns of its own dependencies, and of loaders without workers.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six phantoms, four to train on, one to validate on, and one to test on, whose image nobody can read."""
    folder = tmp_path_factory.mktemp("sweep")
    write_phantoms(folder / "cohort", n=6)
    cases = read_cohort(folder / "cohort")
    save_split(dict(zip([case.patient for case in cases], SPLIT, strict=True)), folder / "split.json")
    cases[-1].image.write_bytes(b"no scan")
    return folder / "cohort"


SPLIT: list[Any] = ["train", "train", "train", "train", "validation", "test"]


def table(out: Path) -> list[dict[str, str]]:
    with (out / "trials.csv").open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


@pytest.mark.slow
def test_killed_sweep_ends_as_one_left_alone(cohort: Path, tmp_path: Path) -> None:
    split = cohort.with_name("split.json")
    sweep(cohort, tmp_path / "alone", split)

    command = [sys.executable, "-m", "tests.training.killable_sweep", *map(str, (cohort, tmp_path / "killed", split))]
    ended = subprocess.run([*command, "7"], cwd=ROOT, check=False, capture_output=True, timeout=600)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert len(table(tmp_path / "killed")) == 1  # killed in the second trial
    sweep(cohort, tmp_path / "killed", split)

    assert len(table(tmp_path / "alone")) == TRIALS
    for name in ("trials.csv", "best.toml"):
        assert (tmp_path / "killed" / name).read_text() == (tmp_path / "alone" / name).read_text()
    best = QualityConfig.from_toml(tmp_path / "alone" / "best.toml")
    rows = table(tmp_path / "alone")
    least = min(rows, key=lambda row: float(row["validation/mse"]))
    assert best.loop.learning_rate == float(least["loop.learning_rate"])
    assert best.label.reader == "truth"
    assert not list((tmp_path / "alone").rglob("checkpoints"))
    with pytest.raises(UsageError, match=r"holds a run with strategy = 'baseline', and now it is 'soft'"):
        run_sweep("soft", [cohort], CONFIG, RANGES, tmp_path / "alone", trials=TRIALS, split=split)


@pytest.mark.slow  # since it shares the phantoms
def test_split_without_validation_is_refused(cohort: Path, tmp_path: Path) -> None:
    patients = [case.patient for case in read_cohort(cohort)]
    save_split(dict.fromkeys(patients, "train"), tmp_path / "split.json")
    with pytest.raises(CohortError, match="No patient with a score is in the validation part"):
        sweep(cohort, tmp_path / "out", tmp_path / "split.json")


def test_several_processes_are_refused(tmp_path: Path) -> None:
    config = ContrastiveConfig.of({"pretraining": {"devices": 2}})
    with pytest.raises(UsageError, match=r"trains in one process\. Add --set pretraining.devices=1"):
        run_sweep("contrastive", [tmp_path / "cohort"], config, RANGES, tmp_path / "out", trials=1)
    assert not (tmp_path / "out").exists()


class Trainer:
    max_epochs = 8
    current_epoch = 0

    def __init__(self, figure: float) -> None:
        self.callback_metrics = {"validation/mse": figure}


class Module:
    watched = "validation/mse"
    better = "min"


@pytest.fixture
def simulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sweep:
    """A sweep over the learning rate, whose trainings report it as their figure in eight epochs."""
    config = CONFIG.changed({"loop": {"epochs": 8, "patience": 0}}, "")
    texts = {"loop.learning_rate": "0.01:1.0", "loop.warmup": "0:7"}
    ranges = read_ranges(texts, config)

    def train(_sweep: Sweep, config: QualityConfig, _run: Path, judge: Any) -> None:
        for epoch in range(config.loop.epochs):
            trainer = Trainer(config.loop.learning_rate)
            trainer.current_epoch = epoch
            judge.on_validation_end(trainer, Module())

    monkeypatch.setattr(Sweep, "_train", train)
    plan = SweepSettings(strategy="baseline", ranges=ranges, settings={})
    return Sweep(plan, config, Parts((), (), ()), tmp_path, None, quiet=True)


def test_trial_worse_than_the_median_is_pruned(simulated: Sweep, tmp_path: Path) -> None:
    simulated.run(12)
    rows = table(tmp_path)
    assert Counter(row["outcome"] for row in rows).keys() == {"finished", "pruned"}
    assert {row["outcome"] for row in rows[:5]} == {"finished"}
    for row in rows:
        assert row["epochs"] == ("8" if row["outcome"] == "finished" else "3")
    best = min(float(row["validation/mse"]) for row in rows)
    assert QualityConfig.from_toml(tmp_path / "best.toml").loop.learning_rate == best


def test_more_trials_continue_a_sweep(simulated: Sweep, tmp_path: Path) -> None:
    simulated.run(2)
    first = table(tmp_path)
    simulated.run(3)
    assert table(tmp_path)[:2] == first
    assert len(table(tmp_path)) == 3


def test_diverged_trial_does_not_end_the_sweep(
    simulated: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Sweep._train

    def train(sweep: Sweep, config: QualityConfig, run: Path, judge: Any) -> None:
        if run.name == "0001":
            judge.on_validation_end(Trainer(float("nan")), Module())
        whole(sweep, config, run, judge)

    monkeypatch.setattr(Sweep, "_train", train)
    simulated.run(3)
    assert [row["outcome"] for row in table(tmp_path)] == ["finished", "diverged", "finished"]


def test_settings_that_conflict_refuse_a_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = CONFIG.changed({"loop": {"epochs": 8}}, "")
    ranges = read_ranges({"loop.epochs": "4,8", "loop.warmup": "0,6"}, config)
    monkeypatch.setattr(Sweep, "_train", lambda *given: given[-1].on_validation_end(Trainer(0.5), Module()))
    plan = SweepSettings(strategy="baseline", ranges=ranges, settings={})
    Sweep(plan, config, Parts((), (), ()), tmp_path, None, quiet=True).run(12)
    outcomes = {(row["loop.epochs"], row["loop.warmup"]): row["outcome"] for row in table(tmp_path)}
    assert outcomes.pop(("4", "6")) == "refused"
    assert set(outcomes.values()) == {"finished"}


def test_sweep_without_a_finished_trial_fails(
    simulated: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverge(*_: Any) -> None:
        raise DivergedError("the loss is no number any more")

    monkeypatch.setattr(Sweep, "_train", diverge)
    with pytest.raises(TrainingError, match=r"none of 2 trials was finished; trials.csv shows why"):
        simulated.run(2)
    assert not (tmp_path / "best.toml").exists()


def test_higher_figure_is_better_where_the_recipe_says_so() -> None:
    judge = sweeps._Judge(optuna.create_study().ask())
    for figure in (0.2, 0.6, 0.4):
        judge.on_validation_end(Trainer(figure), type("Dice", (Module,), {"better": "max"})())  # type: ignore[arg-type]
    assert judge.figure("best") == 0.6
    assert judge.figure("last") == 0.4


def test_ranges_in_the_settings_file_join_those_of_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(sweeps, "run_sweep", lambda *given, **_: seen.append(given))
    file = tmp_path / "settings.toml"
    file.write_text('weights = "random"\n[vary]\nloop.batch = [16, 32]\nloop.learning_rate = "1e-4:1e-2:log"\n')
    request = TrainingRequest("baseline", [], tmp_path / "out", str(file), {"loop": {"epochs": 3}})
    sweep_workflow(request, {"loop.batch": "4,8"}, 5)
    [(strategy, _, settings, ranges, _)] = seen
    assert (strategy, settings.weights, settings.loop.epochs) == ("baseline", "random", 3)
    assert {varied.name: varied.ends for varied in ranges} == {
        "loop.batch": (4, 8),
        "loop.learning_rate": (1e-4, 1e-2),
    }


def test_ranges_that_are_no_table_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('vary = "loop.batch"\n')
    with pytest.raises(ConfigError, match=r"vary = 'loop.batch': write a table \[vary\]"):
        sweep_workflow(TrainingRequest("baseline", [], tmp_path / "out", str(file)), {}, 5)


def test_training_on_from_a_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="A sweep over adapt is not supported"):
        sweep_workflow(TrainingRequest("adapt", [], tmp_path / "out"), {"loop.batch": "4,8"}, 5)
