"""A training run from a cohort on disk to the files of the run: the work of `lgeqa train`."""

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from torch import nn

from lgeqa.atomic_io import telling, write_whole
from lgeqa.cohort import (
    Case,
    Split,
    check_labelled,
    draw_split,
    is_labelled,
    label_note,
    load_split,
    origins,
    read_cohort,
    read_hashes,
    save_split,
    seen_message,
    settled_rule,
    strata_of,
)
from lgeqa.cohort.findings import named
from lgeqa.config import Settings
from lgeqa.errors import CohortError, UsageError
from lgeqa.inference.bundle import open_bundle
from lgeqa.inference.bundle.build import Description
from lgeqa.training.bundle_export import (
    bundle_of_detector_run,
    bundle_of_quality_run,
    default_detector_description,
    default_quality_description,
    seen_by_detector,
    stage_1,
    stage_2,
)
from lgeqa.training.case_reading import needs_detector, open_detector
from lgeqa.training.detector import DetectorConfig, detector_store, train_detector, validation_copies
from lgeqa.training.networks import save_weights
from lgeqa.training.onnx_export import check_parity, export_onnx
from lgeqa.training.processes import is_main
from lgeqa.training.quality import AdaptConfig, ContrastiveConfig, Prepared, QualityConfig, find_strategy, quality_store
from lgeqa.training.run_layout import CONFIG, NETWORK, PRETRAINING, SCANS, SPLIT, TRAINING, VALIDATION, WEIGHTS
from lgeqa.training.self_check import constant_cautions, prevalence_cautions
from lgeqa.training.slice_store import SliceDataset
from lgeqa.training.tracking import check_tracker

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parts:
    """The scans of a cohort by part of the split."""

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
    """Train the detector on the scans of a cohort that have masks, and write the run with its bundle.

    Args:
        cohorts: Folders of the cohorts. A patient's name means the same patient in all of them.
        config: Settings of the training.
        run: Folder of the run. An interrupted run is resumed.
        split: File with a split of the patients. None to draw a split, or to keep the run's.
        quality: Bundle or quality run that provides stage 2 of the bundle. None for the bundle in the package.
        about: Description of the bundle. None for a default description.
        quiet: Whether to hide the progress.

    Raises:
        CohortError: There are too few scans with masks, the split does not fit, or it has no validation part although
            this selects the best epoch.
        UsageError: The folder holds a run with other settings or another split, or `quality` provides no stage 2.
        TrainingError: The training failed as described in `fit`.
        OutputError: The run's folder cannot be written.
    """
    check_tracker(config)
    source = stage_2(quality)  # fail now rather than after hours of training
    cases = [case for case in read_cohorts(cohorts) if case.mask is not None]
    if not cases:
        raise CohortError(f"{_named(cohorts)}: no scan has a mask (shrinkwrap.nrrd) to learn from.")
    parts = open_run(cases, [0] * len(cases), config, config.test, config.validation, config.loop.seed, run, split)
    if not parts.validation and (config.loop.patience or config.loop.keep == "best"):
        raise CohortError(
            "No patient is in the validation part, which picks the best epoch. Assign some to it, or train a set "
            "number of epochs with --set loop.patience=0 --set loop.keep=last."
        )
    # If no epoch is selected and nobody is held out, a training scan still shows the progress.
    checked = parts.validation or parts.train[:1]
    stores = (
        detector_store(parts.train, config, run / TRAINING),
        detector_store(checked, validation_copies(config), run / VALIDATION),
    )
    network = train_detector(*stores, config, run, quiet)
    if is_main():
        _save_scans(stores, run)
        side = config.preparation.multiple * 4
        change = _save(network, (side, side), config.preparation.multiple, stores[1], run)
        bundle_of_detector_run(
            run, source, about or default_detector_description(run.name, parts.train, source, change)
        )


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
    """Train stage 2 on the scored scans of a cohort, and write the run with its bundle.

    Args:
        strategy: Name of a strategy.
        cohorts: Folders of the cohorts, as in `run_detector`. Scans need scores.
        config: Settings of the training.
        run: Folder of the run. An interrupted run is resumed.
        split: File with a split of the patients. None to draw a split, or to keep the run's.
        detector: Run or bundle that provides stage 1 of the bundle, and finds the atrium where the settings want it.
            None for the bundle in the package.
        about: Description of the bundle. None for a default description.
        quiet: Whether to hide the progress.

    Raises:
        CohortError: There are too few scans with scores, the atrium is found on none, or the split does not fit.
        UsageError: The folder holds a run with other settings or another split, or `detector` provides no stage 1.
        TrainingError: The training failed as described in `fit`.
        OutputError: The run's folder cannot be written.
    """
    check_tracker(config)
    stage_1(detector)  # fail now rather than after hours of training
    everything = read_cohorts(cohorts)
    config, cases = with_labels(everything, config, cohorts)
    strata = strata_of(cases, config.label)
    parts = open_run(cases, strata, config, config.test, config.validation, config.loop.seed, run, split)
    if not quiet and is_main():
        Console(stderr=True, highlight=False, soft_wrap=True).print(label_note(cases, config.label))
    if is_main():
        _warn_of_seen(parts.test, everything, detector)
    data = prepare_parts(parts, config, run, detector)
    train_to_bundle(strategy, data, parts.train, config, run, detector, about, quiet)


def with_labels(
    everything: Sequence[Case], config: QualityConfig, cohorts: Sequence[Path]
) -> tuple[QualityConfig, list[Case]]:
    """Return the settings with the label rule that fits the scans, and the scans that take part in the training.

    Raises:
        CohortError: No scan has a label.
    """
    config = config.model_copy(update={"label": settled_rule(everything, config.label)})
    check_labelled(everything, config.label)
    unlabelled = isinstance(config, ContrastiveConfig) and config.unlabelled
    cases = [case for case in everything if unlabelled or is_labelled(case, config.label)]
    if not any(is_labelled(case, config.label) for case in cases):
        raise CohortError(f"{_named(cohorts)}: no scan has scores.")
    return config, cases


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
    """Train stage 2 on prepared slices and write the finished run with its bundle.

    `cases` are the training scans. The other arguments are as in `run_quality`.
    """
    side = config.seen.pixels
    data = replace(data, validation=data.validation.middle(side))
    network = find_strategy(strategy).train(data, config, run, quiet)
    if is_main():
        _save_scans((data.training, data.validation, data.pretraining), run, _scans_of_start(config))
        change = _save(network, (side, side), None, data.validation, run)
        description = about or default_quality_description(strategy, run.name, cases, config, change)
        cautions = _cautions(run, data)
        for caution in cautions:
            _log.warning(caution)
        text = " ".join(filter(None, (description.caution, *cautions)))
        description = description.model_copy(update={"caution": text})
        bundle_of_quality_run(run, detector, description, data.training.middle(side))


def _cautions(run: Path, data: Prepared) -> list[str]:
    """Return what to say about a trained network that is no better than a constant."""
    network, training = run / NETWORK, data.training.middle(data.validation.slices.shape[-1])
    return constant_cautions(network, training) or prevalence_cautions(network, data.validation, training)


def _warn_of_seen(tested: Sequence[Case], cohort: Sequence[Case], detector: Path | None) -> None:
    """Log a warning if the detector of the run's bundle was trained on patients of its test part.

    Scans of these patients that are in another cohort are not known to be theirs.
    """
    patients = {case.patient for case in tested}
    hashes = [(case, read_hashes(case)) for case in cohort if case.patient in patients]
    if message := seen_message(seen_by_detector(tested, hashes, detector), len(tested)):
        _log.warning(
            "%s. Evaluate the bundle with --given-masks, or train a detector on the training part of the same split.",
            message,
        )


def prepare_parts(parts: Parts, config: QualityConfig, run: Path, detector: Path | None) -> Prepared:
    """Return the labelled slices of each part, with the training part's unlabelled ones for the pre-training only."""
    needed = needs_detector((*parts.train, *parts.validation), config.atrium)
    finder = open_detector(detector) if needed else None

    def store(cases: Sequence[Case], folder: Path) -> SliceDataset:
        store = quality_store(cases, config.preparation, config.label, run / folder, config.atrium, finder)
        check_found(store, cases)
        return store

    training_cases, validation_cases = (
        [case for case in part if is_labelled(case, config.label)] for part in (parts.train, parts.validation)
    )
    training, validation = store(training_cases, TRAINING), store(validation_cases, VALIDATION)
    whole = training if len(training_cases) == len(parts.train) else store(parts.train, PRETRAINING)
    return Prepared(training, validation, whole)


def check_found(store: SliceDataset, cases: Sequence[Case]) -> None:
    """Log the scans on which no atrium was found, and which nothing is learnt from.

    Raises:
        CohortError: These are all scans of the store.
    """
    missing = [cases[number].scan_id for number in store.without_slices]
    if len(missing) == len(cases):
        raise CohortError(
            f"No left atrium was found on any of {len(cases)} scans. Check that they are LGE-MRI of the atrium, or "
            "give their masks."
        )
    if missing and is_main():
        _log.warning(
            "No left atrium was found on %d of %d scans, which are left out: %s.",
            len(missing),
            len(cases),
            named(missing),
        )


def read_cohorts(cohorts: Sequence[Path]) -> list[Case]:
    """Return the scans of all cohorts."""
    return [case for cohort in cohorts for case in read_cohort(cohort)]


def _named(cohorts: Sequence[Path]) -> str:
    return ", ".join(map(str, cohorts))


def parts_of(cases: Sequence[Case], split: Split) -> Parts:
    """Return the cases by the part that their patients are assigned to."""
    return Parts(
        *(tuple(case for case in cases if split[case.patient] == part) for part in ("train", "validation", "test"))
    )


def open_run(
    cases: Sequence[Case],
    strata: Sequence[int],
    config: Settings,
    test: float,
    validation: float,
    seed: int,
    run: Path,
    split: Path | None,
) -> Parts:
    """Create the run's folder with its settings and split, or keep the split of a resumed run.

    Raises:
        UsageError: The run has another split. Patients held out before would now be trained on.
    """
    path = run / SPLIT
    saved = load_split(path, cases) if path.is_file() else None
    chosen = load_split(split, cases) if split else saved or draw_split(cases, strata, test, validation, seed)
    if saved and chosen != saved:
        raise UsageError(
            f"{run}: holds a run with another split than {split}. Name a new folder, or leave the "
            "split out to continue."
        )
    keep_settings(config, run)  # last, so that a split that cannot be drawn leaves no run with these settings behind
    if not saved and is_main():
        save_split(chosen, path)
    return parts_of(cases, chosen)


def keep_settings(config: Settings, run: Path) -> None:
    """Create the run's folder with its settings, or check that a resumed run has the same settings.

    Raises:
        UsageError: The run has other settings. A mixture of both would be the result of neither.
        OutputError: The folder cannot be written.
    """
    with telling(run):
        run.mkdir(parents=True, exist_ok=True)
    path = run / CONFIG
    if path.is_file():
        saved = type(config).model_validate_json(path.read_text(encoding="utf-8"))
        if saved != config:
            name, old, new = next(_differences(saved.model_dump(mode="json"), config.model_dump(mode="json")))
            raise UsageError(
                f"{path.parent}: holds a run with {name} = {old!r}, and now it is {new!r}. Name a new folder, or give "
                "the same settings to continue."
            )
    elif is_main():
        write_whole(path, config.model_dump_json(indent=1) + "\n")


def _differences(old: dict[str, Any], new: dict[str, Any], within: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield name, old value and new value of each setting that differs between two dumps with the same names."""
    for name, value in old.items():
        if isinstance(value, dict):
            yield from _differences(value, new[name], f"{within}{name}.")
        elif value != new[name]:
            yield f"{within}{name}", value, new[name]


def _save_scans(stores: Sequence[SliceDataset], run: Path, before: Sequence[str] = ()) -> None:
    """Write the hashes of all scans that a training has seen, and those that the network had seen `before`."""
    seen = {*before, *origins(scan for store in stores for scan in store.hashes)}
    write_whole(run / SCANS, json.dumps(sorted(seen), indent=1) + "\n")


def _scans_of_start(config: QualityConfig) -> tuple[str, ...]:
    """Return the hashes of the training scans of the bundle that a training starts from, as far as it lists them."""
    if not isinstance(config, AdaptConfig):
        return ()
    return open_bundle(config.weights).manifest.training_scans.get("quality", ())


def _save(
    network: nn.Module, shape: tuple[int, int], multiple: int | None, validation: SliceDataset, run: Path
) -> float:
    """Write weights and ONNX network, and return the export's largest change of a probability on validation slices."""
    save_weights(network, run / WEIGHTS)
    channels = validation.context.shape[1]
    export_onnx(network, (channels, *shape), multiple, run / NETWORK)
    indices = np.linspace(0, len(validation) - 1, min(64, len(validation))).astype(int)
    return check_parity(network, run / NETWORK, validation[indices.tolist()]["slice"])
