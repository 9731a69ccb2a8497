"""Sweep over settings of stage 2: Optuna draws them, and each training is judged only on the validation part."""

import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import optuna
import tomli_w
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from optuna.trial import FrozenTrial, TrialState
from rich.console import Console

from lgeqa.atomic_io import write_whole
from lgeqa.cohort import is_labelled, label_note, strata_of
from lgeqa.config import Settings
from lgeqa.errors import CohortError, ConfigError, DivergedError, TrainingError, UsageError
from lgeqa.table_text import csv_text
from lgeqa.training.bundle_export import stage_1
from lgeqa.training.loop import LoopSettings, joined
from lgeqa.training.quality import Prepared, QualityConfig, find_strategy
from lgeqa.training.run import Parts, keep_settings, open_run, prepare_parts, read_cohorts, with_labels
from lgeqa.training.run_layout import CHECKPOINTS
from lgeqa.training.sweep_ranges import Range, with_values
from lgeqa.training.tracking import LOCAL, check_tracker, local_store

#: Files and folders of a sweep.
STUDY: Final = "study.db"
TRIALS: Final = "trials"
TABLE: Final = "trials.csv"
BEST: Final = "best.toml"
#: Number of trials before any is pruned.
_UNPRUNED: Final = 5
#: Share of the epochs of each trial in which it is not pruned.
_UNPRUNED_SHARE: Final = 0.25

Outcome = Literal["finished", "pruned", "diverged", "refused"]


class SweepSettings(Settings):
    """What decides the trials of a sweep, but for their number.

    Attributes:
        strategy: Name of the strategy.
        ranges: Settings that are varied.
        settings: All other settings.
    """

    strategy: str
    ranges: tuple[Range, ...]
    settings: dict[str, Any]


class _Judge(Callback):
    """A callback that reports the validation figure of each epoch, and ends a trial that is worse than most."""

    def __init__(self, trial: optuna.Trial) -> None:
        self._trial = trial
        self.name = ""
        self.figures: list[float] = []
        self.sign = 1

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Report the figure that selects the best epoch, as one that a lower value of is better."""
        self.name = str(module.watched)
        self.sign = 1 if module.better == "min" else -1
        figure = float(trainer.callback_metrics[self.name])
        if not math.isfinite(figure):
            raise DivergedError(f"{self.name} is {figure}")
        self.figures.append(figure)
        self._trial.report(self.sign * figure, trainer.current_epoch)
        if trainer.current_epoch + 1 < (trainer.max_epochs or 1) and self._trial.should_prune():
            raise optuna.TrialPruned

    def figure(self, keep: str) -> float | None:
        """Return the figure of the epoch whose weights would be kept, or None before the end of the first one."""
        if keep == "last" or not self.figures:
            return self.figures[-1] if self.figures else None
        return self.sign * min(self.sign * value for value in self.figures)


class Sweep:
    """A sweep in its folder.

    Args:
        plan: What decides the trials.
        config: Settings that are varied.
        parts: Scans by part. Those of the test part are not read.
        out: Folder of the sweep.
        detector: Run or bundle that finds the atrium where the settings want it.
        quiet: Whether to hide the progress.
    """

    def __init__(
        self, plan: SweepSettings, config: QualityConfig, parts: Parts, out: Path, detector: Path | None, quiet: bool
    ) -> None:
        self._plan = plan
        self._config = config
        self._parts = Parts(parts.train, parts.validation, ())
        self._out = out
        self._detector = detector
        self._quiet = quiet
        self._console = Console(stderr=True, quiet=quiet, highlight=False, soft_wrap=True)
        self._prepared: tuple[QualityConfig, Prepared] | None = None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._study = optuna.create_study(
            storage=f"sqlite:///{(out / STUDY).resolve()}",
            study_name="sweep",
            pruner=optuna.pruners.MedianPruner(_UNPRUNED, int(_UNPRUNED_SHARE * config.loop.epochs)),
            load_if_exists=True,
        )

    @property
    def settled(self) -> list[FrozenTrial]:
        """Trials with an outcome."""
        return self._study.get_trials(states=(TrialState.COMPLETE, TrialState.PRUNED))

    def run(self, trials: int) -> None:
        """Run trials until there are as many with an outcome, and write the table and the best settings after each.

        Raises:
            TrainingError: No trial was finished.
        """
        for lost in self._study.get_trials(states=(TrialState.RUNNING,)):
            self._study.tell(lost.number, state=TrialState.FAIL)
        self._write(trials)
        while (number := len(self.settled)) < trials:
            # A seed for each trial: a sweep that is resumed draws what it would have drawn.
            seed = np.random.SeedSequence([self._config.loop.seed, number]).generate_state(1)[0]
            self._study.sampler = optuna.samplers.TPESampler(seed=int(seed))
            trial = self._study.ask({varied.name: varied.distribution() for varied in self._plan.ranges})
            outcome = self._try(trial, self._out / TRIALS / f"{number:04d}")
            self._write(trials)
            figure = self.settled[-1].user_attrs["figure"]
            shown = "" if figure is None else f", {self.settled[-1].user_attrs['name']} {figure:.4f}"
            self._console.print(f"trial {number + 1} of {trials} {outcome}{shown}: {_words(trial.params)}")
        if self._best is None:
            raise TrainingError(
                f"{self._out}: none of {trials} trials was finished; {TABLE} shows why. Narrow the ranges, and start "
                "again in a new folder."
            )
        self._console.print(f"Best: {_words(self._best.params)}. Its settings are in {self._out / BEST}.")

    def _try(self, trial: optuna.Trial, run: Path) -> Outcome:
        """Train with the settings of a trial, and store how it ended."""
        judge = _Judge(trial)
        shutil.rmtree(run, ignore_errors=True)  # of a trial that was lost
        outcome, figure = self._outcome(trial, run, judge)
        for checkpoints in list(run.rglob(CHECKPOINTS)):
            shutil.rmtree(checkpoints)
        noted = {"outcome": outcome, "name": judge.name, "figure": figure, "epochs": len(judge.figures)}
        for name, value in noted.items():
            trial.set_user_attr(name, value)
        if outcome == "finished" and figure is not None:
            self._study.tell(trial, judge.sign * figure)
        else:
            self._study.tell(trial, state=TrialState.PRUNED)
        return outcome

    def _outcome(self, trial: optuna.Trial, run: Path, judge: _Judge) -> tuple[Outcome, float | None]:
        """Train with the settings of a trial, and return how it ended and its figure."""
        try:
            config = with_values(self._config, trial.params, f"trial {run.name}")
        except ConfigError:  # two settings that do not go together
            return "refused", None
        outcome: Outcome = "finished"
        try:
            self._train(config, run, judge)
        except optuna.TrialPruned:
            outcome = "pruned"
        except DivergedError:
            outcome = "diverged"
        return outcome, judge.figure(config.loop.keep)

    def _train(self, config: QualityConfig, run: Path, judge: _Judge) -> None:
        data = self._data(config)
        data = Prepared(data.training, data.validation.middle(config.seen.pixels), data.pretraining)
        config = with_values(config, {f"{name}.tracking": local_store(self._out) for name in _tracked(config)}, "")
        keep_settings(config, run)
        with joined(run, judge):
            find_strategy(self._plan.strategy).train(data, config, run, self._quiet)

    def _data(self, config: QualityConfig) -> Prepared:
        """Return the prepared slices, which trials share as long as their preparation is the same."""
        if self._prepared is None or self._prepared[0].preparation != config.preparation:
            self._prepared = config, prepare_parts(self._parts, config, self._out, self._detector)
        return self._prepared[1]

    @property
    def _best(self) -> FrozenTrial | None:
        finished = [trial for trial in self.settled if trial.state == TrialState.COMPLETE]
        return min(finished, key=lambda trial: float(trial.value or 0), default=None)

    def _write(self, trials: int) -> None:
        """Write the table of the trials and the best settings so far."""
        names = [varied.name for varied in self._plan.ranges]
        figure = next((trial.user_attrs["name"] for trial in self.settled if trial.user_attrs["name"]), "figure")
        rows = [
            [number, *(trial.user_attrs[key] for key in ("outcome", "figure", "epochs")), *map(trial.params.get, names)]
            for number, trial in enumerate(self.settled)
        ]
        write_whole(self._out / TABLE, csv_text(["trial", "outcome", figure, "epochs", *names], rows))
        if (best := self._best) is None:
            return
        config = with_values(self._config, best.params, BEST)
        head = (
            f"# The best of {len(self.settled)} of {trials} trials by {best.user_attrs['name']} "
            f"({best.user_attrs['figure']:.4f}), for lgeqa train {self._plan.strategy} --config {BEST}\n"
        )
        write_whole(self._out / BEST, head + tomli_w.dumps(config.model_dump(mode="json", exclude_none=True)))


def run_sweep(  # noqa: PLR0913 - the arguments of `run_quality` and what is varied
    strategy: str,
    cohorts: Sequence[Path],
    config: QualityConfig,
    ranges: tuple[Range, ...],
    out: Path,
    *,
    trials: int,
    split: Path | None = None,
    detector: Path | None = None,
    quiet: bool = False,
) -> None:
    """Try settings of a strategy, and write a table of the trials and the best settings.

    Args:
        strategy: Name of a strategy.
        cohorts: Folders of the cohorts, as in `run_quality`.
        config: Settings that are varied.
        ranges: Ranges of the settings to vary.
        out: Folder of the sweep. An interrupted sweep is resumed.
        trials: Number of trials, those of the resumed sweep included.
        split: File with a split of the patients. None to draw a split, or to keep the sweep's.
        detector: Run or bundle that finds the atrium where the settings want it. None for the bundle in the package.
        quiet: Whether to hide the progress.

    Raises:
        CohortError: The cohort or the split cannot be used, or nobody with a label is in its validation part.
        UsageError: The folder holds another sweep, or a trial would train in several processes.
        TrainingError: A training failed other than by a loss that is no number, or no trial was finished.
        OutputError: The folder cannot be written.
    """
    check_tracker(config)
    for varied in ranges:
        for end in varied.ends:
            _check_single_process(with_values(config, {varied.name: end}, "--vary"))
    stage_1(detector)
    config, cases = with_labels(read_cohorts(cohorts), config, cohorts)
    plan = SweepSettings(strategy=strategy, ranges=ranges, settings=config.model_dump(mode="json"))
    strata = strata_of(cases, config.label)
    parts = open_run(cases, strata, plan, config.test, config.validation, config.loop.seed, out, split)
    if not any(is_labelled(case, config.label) for case in parts.validation):
        raise CohortError(
            "No patient with a score is in the validation part, on which trials are judged. Assign some to it in the "
            "file of --split."
        )
    sweep = Sweep(plan, config, parts, out, detector, quiet)
    Console(stderr=True, quiet=quiet, highlight=False, soft_wrap=True).print(label_note(cases, config.label))
    sweep.run(trials)


def _loops(config: QualityConfig) -> dict[str, LoopSettings]:
    """Return the settings of each step of a training by their name."""
    return {name: value for name, value in dict(config).items() if isinstance(value, LoopSettings)}


def _tracked(config: QualityConfig) -> list[str]:
    """Return the steps that are tracked in a local store, for which a sweep has a single one."""
    return [name for name, loop in _loops(config).items() if loop.tracking == LOCAL]


def _check_single_process(config: QualityConfig) -> None:
    """Raise UsageError if a training would take several processes, each of which would run the whole sweep."""
    for name, loop in _loops(config).items():
        if (loop.devices or max(1, torch.cuda.device_count())) * loop.nodes > 1:
            raise UsageError(
                f"A sweep trains in one process. Add --set {name}.devices=1 --set {name}.nodes=1, and vary neither."
            )


def _words(values: Mapping[str, Any]) -> str:
    """Return settings as text."""
    return ", ".join(
        f"{name} = {value:.3g}" if isinstance(value, float) else f"{name} = {value}" for name, value in values.items()
    )
