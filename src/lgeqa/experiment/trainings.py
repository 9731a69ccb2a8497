"""The trainings of an experiment, one after another or in parallel, without those that are already finished."""

import hashlib
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import torch

from lgeqa.errors import UsageError
from lgeqa.experiment.plan import Plan, Run
from lgeqa.experiment.settings import ExperimentConfig
from lgeqa.inference.bundle import open_bundle
from lgeqa.inference.bundle.manifest import MANIFEST
from lgeqa.training.bundle_export import stage_1
from lgeqa.training.case_reading import needs_detector, open_detector
from lgeqa.training.processes import is_main
from lgeqa.training.quality import Prepared, find_strategy, quality_store, with_targets_of
from lgeqa.training.run import check_found, keep_settings, train_to_bundle
from lgeqa.training.run_layout import BUNDLE, CHECKPOINTS
from lgeqa.training.slice_store import SliceDataset

RUNS: Final = "runs"
PREPARED: Final = "prepared"


def run_folder(out: Path, run: Run) -> Path:
    """Return the folder of a training."""
    return out / RUNS / run.name


def is_finished(out: Path, run: Run) -> bool:
    """Return whether a training has its bundle, of which the manifest is written last."""
    return (run_folder(out, run) / BUNDLE / MANIFEST).is_file()


def train_all(
    plan: Plan,
    config: ExperimentConfig,
    out: Path,
    detector: Path | None,
    jobs: int,
    quiet: bool,
    told: Callable[[Run], None],
) -> None:
    """Train every run that is not finished.

    Args:
        plan: Plan of the experiment.
        config: Settings of the experiment.
        out: Folder of the experiment.
        detector: Run or bundle that provides stage 1 of the bundles. None for the bundle in the package.
        jobs: Number of trainings at a time, each in a separate process if more than one.
        quiet: Whether to hide the progress.
        told: Function called with each finished training.
    """
    # Strategy by strategy, since networks with the same layers share most of the work of their export.
    runs = sorted(plan.runs, key=lambda run: config.strategies.index(run.strategy))
    left = [run for run in runs if not is_finished(out, run)]
    if jobs == 1:
        for run in left:
            train_one(run, plan, config, out, detector, quiet)
            told(run)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(train_one, run, plan, config, out, detector, True): run for run in left}
        try:
            for future in as_completed(futures):
                future.result()
                told(futures[future])
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def prepare(plan: Plan, config: ExperimentConfig, out: Path, detector: Path | None) -> SliceDataset:
    """Prepare the slices of all scans once for all trainings.

    Raises:
        CohortError: No atrium was found on any scan.
    """
    finder = open_detector(detector) if needs_detector(plan.cases, config.atrium) else None
    store = quality_store(plan.cases, config.preparation, config.label, out / PREPARED, config.atrium, finder)
    check_found(store, plan.cases)
    return store


def check_detector(plan: Plan, out: Path, detector: Path | None) -> str:
    """Return the SHA-256 of the network of stage 1.

    Raises:
        UsageError: The bundle of a finished training has another stage 1.
    """
    wanted = stage_1(detector)
    sha256 = hashlib.sha256(wanted.network.read_bytes()).hexdigest()
    for run in (run for run in plan.runs if is_finished(out, run)):
        part = open_bundle(run_folder(out, run) / BUNDLE).manifest
        settings = {"preparation": part.detector.preparation.model_dump(), "rule": part.detector.rule.model_dump()}
        if part.sha256[part.detector.file] != sha256 or settings != wanted.settings:
            raise UsageError(
                f"{run_folder(out, run)}: is finished with another detector than {detector or 'the default bundle'}. "
                "Name the detector that the experiment was started with, or a new folder."
            )
    return sha256


def check_devices(config: ExperimentConfig, jobs: int) -> None:
    """Raise UsageError if one of several parallel trainings would use several devices."""
    if jobs == 1:
        return
    pretrains = any(find_strategy(strategy).pretrains for strategy in config.strategies)
    steps = {"loop": config.loop} | ({"pretraining": config.pretraining} if pretrains else {})
    for name, loop in steps.items():
        devices = (loop.devices or max(1, torch.cuda.device_count())) * loop.nodes
        if devices > 1:
            raise UsageError(
                f"--jobs {jobs}: each training would take {devices} devices, and trainings side by side have one each. "
                f"Add --set {name}.devices=1 --set {name}.nodes=1, or leave --jobs out."
            )


def train_one(run: Run, plan: Plan, config: ExperimentConfig, out: Path, detector: Path | None, quiet: bool) -> None:
    """Train one run, resuming it if it was interrupted.

    The checkpoints of a finished run, half a gigabyte each, are deleted.
    """
    folder = run_folder(out, run)
    settings = config.of_run(run.strategy, run.iteration)
    keep_settings(settings, folder)
    parts = {part: plan.numbers(run.iteration, part) for part in ("train", "validation")}
    cases = {part: [plan.cases[number] for number in numbers] for part, numbers in parts.items()}
    training, validation = (
        with_targets_of(SliceDataset(out / PREPARED, numbers), cases[part], settings.label)
        for part, numbers in parts.items()
    )
    data = Prepared(training, validation, training)
    train_to_bundle(run.strategy, data, cases["train"], settings, folder, detector, None, quiet)
    if is_main():
        for checkpoints in list(folder.rglob(CHECKPOINTS)):
            shutil.rmtree(checkpoints)
