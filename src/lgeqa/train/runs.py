"""A training run from a cohort on disk to files: what `lgeqa train` does."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from lgeqa.bundle.build import Description
from lgeqa.cohort import (
    Case,
    Split,
    check_labelled,
    draw_split,
    is_labelled,
    load_split,
    read_cohort,
    save_split,
    strata_of,
)
from lgeqa.config import Settings
from lgeqa.errors import CohortError, UsageError
from lgeqa.networks import save_weights
from lgeqa.train.bundling import (
    bundle_of_detector_run,
    bundle_of_quality_run,
    described,
    detector_described,
    stage_1,
    stage_2,
)
from lgeqa.train.detector import DetectorConfig, detector_store, train_detector, validation_copies
from lgeqa.train.export import check_parity, export_onnx
from lgeqa.train.files import CONFIG, NETWORK, PRETRAINING, SPLIT, TRAINING, VALIDATION, WEIGHTS
from lgeqa.train.processes import is_main
from lgeqa.train.quality import STRATEGIES, ContrastiveConfig, Prepared, QualityConfig, quality_store
from lgeqa.train.store import Store
from lgeqa.writing import telling, write_whole


@dataclass(frozen=True)
class Parts:
    """The scans of a cohort by part."""

    train: tuple[Case, ...]
    validation: tuple[Case, ...]
    test: tuple[Case, ...]


def run_detector(
    cohorts: Sequence[Path],
    config: DetectorConfig,
    run: Path,
    *,
    split: Path | None = None,
    quality: Path | None = None,
    about: Description | None = None,
    quiet: bool = False,
) -> None:
    """Train the detector on the scans of a cohort that have masks, and write the run, its bundle among it.

    Args:
        cohorts: folders of the cohorts; a patient's name means the same patient in all of them.
        config: the settings.
        run: its folder; a run that was cut short goes on.
        split: a saved split of the patients; None to draw one, or to keep that of the run.
        quality: bundle or quality run that stage 2 of the bundle comes from; None for the bundle in the package.
        about: what a person says about the bundle; None for what can be told without one.
        quiet: say nothing of the progress.

    Raises:
        CohortError: too few scans with masks, a split that does not fit, or one without a validation part where that
            picks the best epoch.
        UsageError: the folder holds a run with other settings or another split, or `quality` is none.
        TrainingError, OutputError: as `fit` does.
    """
    source = stage_2(quality)  # told now and not after hours
    cases = [case for case in _read(cohorts) if case.mask is not None]
    if not cases:
        raise CohortError(f"{_named(cohorts)}: no scan has a mask (shrinkwrap.nrrd) to learn from.")
    parts = _open_run(cases, [0] * len(cases), config, config.test, config.validation, config.loop.seed, run, split)
    if not parts.validation and (config.loop.patience or config.loop.keep == "best"):
        raise CohortError(
            "No patient is in the validation part, which picks the best epoch. Deal some to it, or train a set number "
            "of epochs with --set loop.patience=0 --set loop.keep=last."
        )
    # Where no epoch is picked, a training that keeps nobody out still says how it goes.
    checked = parts.validation or parts.train[:1]
    stores = (
        detector_store(parts.train, config, run / TRAINING),
        detector_store(checked, validation_copies(config), run / VALIDATION),
    )
    network = train_detector(*stores, config, run, quiet)
    if is_main():
        side = config.preparation.multiple * 4
        moved = _save(network, (side, side), config.preparation.multiple, stores[1], run)
        bundle_of_detector_run(run, source, about or detector_described(run.name, parts.train, source, moved))


def run_quality(
    strategy: str,
    cohorts: Sequence[Path],
    config: QualityConfig,
    run: Path,
    *,
    split: Path | None = None,
    detector: Path | None = None,
    about: Description | None = None,
    quiet: bool = False,
) -> None:
    """Train stage 2 on the scored scans of a cohort, and write the run, its bundle among it.

    Args:
        strategy: one of `STRATEGIES`.
        cohorts: as in `run_detector`; scans need masks and scores.
        config: the settings.
        run: its folder; a run that was cut short goes on.
        split: a saved split of the patients; None to draw one, or to keep that of the run.
        detector: run or bundle that stage 1 of the bundle comes from; None for the bundle in the package.
        about: what a person says about the bundle; None for what can be told without one.
        quiet: say nothing of the progress.

    Raises:
        As `run_detector` does.
    """
    stage_1(detector)  # told now and not after hours
    everything = _read(cohorts)
    check_labelled(everything, config.label)
    unlabelled = isinstance(config, ContrastiveConfig) and config.unlabelled
    cases = [case for case in everything if case.mask and (unlabelled or is_labelled(case, config.label))]
    if not any(is_labelled(case, config.label) for case in cases):
        raise CohortError(f"{_named(cohorts)}: no scan has both a mask and scores.")
    strata = strata_of(cases, config.label)
    parts = _open_run(cases, strata, config, config.test, config.validation, config.loop.seed, run, split)
    train_to_bundle(strategy, _prepared(parts, config, run), parts.train, config, run, detector, about, quiet)


def train_to_bundle(
    strategy: str,
    data: Prepared,
    cases: Sequence[Case],
    config: QualityConfig,
    run: Path,
    detector: Path | None,
    about: Description | None,
    quiet: bool,
) -> None:
    """Go from prepared slices to a finished run; `cases` are the scans learnt from, the rest as in `run_quality`."""
    side = config.seen.pixels
    data = replace(data, validation=data.validation.middle(side))
    network = STRATEGIES[strategy].train(data, config, run, quiet)
    if is_main():
        moved = _save(network, (side, side), None, data.validation, run)
        told = about or described(strategy, run.name, cases, config.label, moved)
        bundle_of_quality_run(run, detector, told, data.training.middle(side))


def _prepared(parts: Parts, config: QualityConfig, run: Path) -> Prepared:
    """Labelled slices of each part; the unlabelled ones of the training part join for the pre-training alone."""

    def store(cases: Sequence[Case], folder: Path) -> Store:
        return quality_store(cases, config.preparation, config.label, run / folder)

    learnt, checked = (
        [case for case in part if is_labelled(case, config.label)] for part in (parts.train, parts.validation)
    )
    training, validation = store(learnt, TRAINING), store(checked, VALIDATION)
    whole = training if len(learnt) == len(parts.train) else store(parts.train, PRETRAINING)
    return Prepared(training, validation, whole)


def _read(cohorts: Sequence[Path]) -> list[Case]:
    return [case for cohort in cohorts for case in read_cohort(cohort)]


def _named(cohorts: Sequence[Path]) -> str:
    return ", ".join(map(str, cohorts))


def parts_of(cases: Sequence[Case], split: Split) -> Parts:
    """Deal the cases by their patients."""
    return Parts(
        *(tuple(case for case in cases if split[case.patient] == part) for part in ("train", "validation", "test"))
    )


def _open_run(
    cases: Sequence[Case],
    strata: Sequence[int],
    config: Settings,
    test: float,
    validation: float,
    seed: int,
    run: Path,
    split: Path | None,
) -> Parts:
    """Make the run's folder, with its settings and split; a run taken up again keeps its split.

    Raises:
        UsageError: it was dealt otherwise; patients kept out of the one half would be learnt from in the other.
    """
    path = run / SPLIT
    kept = load_split(path, cases) if path.is_file() else None
    dealt = load_split(split, cases) if split else kept or draw_split(cases, strata, test, validation, seed)
    if kept and dealt != kept:
        raise UsageError(
            f"{run}: holds a run whose patients are dealt otherwise than in {split}. Name a new folder, or leave the "
            "split out to go on."
        )
    keep_settings(config, run)  # last, so that a split that cannot be drawn leaves no run of these settings behind
    if not kept and is_main():
        save_split(dealt, path)
    return parts_of(cases, dealt)


def keep_settings(config: Settings, run: Path) -> None:
    """Make the run's folder with its settings, or see that a run taken up again has the same.

    Raises:
        UsageError: it has others; half of each would be neither's result.
        OutputError: it cannot be written.
    """
    with telling(run):
        run.mkdir(parents=True, exist_ok=True)
    path = run / CONFIG
    if path.is_file():
        kept = type(config).model_validate_json(path.read_text(encoding="utf-8"))
        if kept != config:
            name, old, new = next(_differences(kept.model_dump(mode="json"), config.model_dump(mode="json")))
            raise UsageError(
                f"{path.parent}: holds a run with {name} = {old!r}, and now it is {new!r}. Name a new folder, or give "
                "the same settings to go on."
            )
    elif is_main():
        write_whole(path, config.model_dump_json(indent=1) + "\n")


def _differences(old: dict[str, Any], new: dict[str, Any], within: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Name, old and new value of each setting that differs; both have the same names."""
    for name, value in old.items():
        if isinstance(value, dict):
            yield from _differences(value, new[name], f"{within}{name}.")
        elif value != new[name]:
            yield f"{within}{name}", value, new[name]


def _save(network: nn.Module, shape: tuple[int, int], multiple: int | None, validation: Store, run: Path) -> float:
    """Write weights and ONNX network; returns how far the export moves a probability on validation slices."""
    save_weights(network, run / WEIGHTS)
    channels = validation.context.shape[1]
    export_onnx(network, (channels, *shape), multiple, run / NETWORK)
    some = np.linspace(0, len(validation) - 1, min(64, len(validation))).astype(int)
    return check_parity(network, run / NETWORK, validation[some.tolist()]["slice"])
