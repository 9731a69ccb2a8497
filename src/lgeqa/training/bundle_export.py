"""Writing of bundles from finished training runs."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np

from lgeqa.cohort import TRUTH, Case, ScanHashes, labels_of, read_split, seen_scans
from lgeqa.cohort.case import MEASURED
from lgeqa.errors import UsageError
from lgeqa.inference.bundle import default_bundle, open_bundle
from lgeqa.inference.bundle.build import Description, write_bundle
from lgeqa.inference.bundle.manifest import MANIFEST, Manifest
from lgeqa.preprocessing import QualityPreparation
from lgeqa.records import FloatArray
from lgeqa.scales import SCALE_NAMES
from lgeqa.training.detector import DetectorConfig
from lgeqa.training.novelty import add_novelty, fit_whitening, novelty_limits, pooled_features
from lgeqa.training.onnx_export import quantise
from lgeqa.training.quality import AdaptConfig, QualityConfig, find_strategy
from lgeqa.training.run_layout import BUNDLE, CONFIG, SPLIT, TRAINING, network_of, training_scans
from lgeqa.training.self_check import constant_cautions
from lgeqa.training.slice_store import SliceBatches, SliceDataset
from lgeqa.versions import training_versions

#: Minimum number of slices, if available, for finding the ranges of 8-bit networks.
_CALIBRATION = 256
#: Minimum number of slices, in total and per scan, if available, for fitting the novelty.
_NOVELTY, _NOVELTY_PER_SCAN = 2048, 16
#: Description, in a manifest, of the scans that set the limits of novelty.
_OWN_SCANS = "those that it was trained on"
_RESEARCH = "Research on scans like those that it learnt from. Not a medical device."


@dataclass(frozen=True)
class Stage:
    """One stage of a bundle.

    Attributes:
        network: ONNX file.
        settings: Settings in the manifest.
        scans: Hashes of the scans that it was trained on, for the manifest. None if they are unknown.
    """

    network: Path
    settings: dict[str, Any]
    scans: tuple[str, ...] | None = None


def build_bundle(
    detector: Path,
    quality: Path,
    folder: Path,
    precision: Literal["full", "compact"],
    description: Description,
) -> Manifest:
    """Join a detector and a quality run into a bundle.

    Args:
        detector: Folder of a finished detector run, or a bundle, whose detector is taken unchanged.
        quality: Folder of a finished quality run.
        folder: Folder of the new bundle, which must be empty or not exist.
        precision: Precision of the networks. `full` keeps the 32-bit networks of the runs. `compact` makes them 8-bit,
            with ranges found on each run's own training slices.
        description: Description of the bundle for the manifest.

    Raises:
        UsageError: A run is not finished or lacks its training slices, the bundle is invalid, or the quality network
            says the same of every slice.
    """
    first, second = stage_1(detector), _quality_run(quality)
    training = _learnt(quality).middle(second.settings["preparation"]["pixels"])
    if cautions := constant_cautions(second.network, training):
        raise UsageError(f"{quality}: makes no bundle. {' '.join(cautions)} Train it longer, or on more scans.")
    with TemporaryDirectory() as scratch:
        if precision == "compact":
            second = replace(second, network=_quantised(quality, training, Path(scratch)))
            if not _is_bundle(detector):
                first = replace(first, network=_quantised(detector, _learnt(detector), Path(scratch)))
        second = with_novelty(second, training, _OWN_SCANS, Path(scratch))
        return joined(folder, first, second, description)


def _learnt(run: Path) -> SliceDataset:
    """Return the training slices of a run."""
    folder = run / TRAINING
    try:
        return SliceDataset(folder)
    except FileNotFoundError as error:
        raise UsageError(
            f"{folder}: lacks {Path(error.filename).name}, and a bundle needs the slices that its run learnt from. "
            "Copy them back, or train again in a new folder."
        ) from None


def bundle_of_quality_run(
    run: Path, detector: Path | None, description: Description, training: SliceDataset
) -> Manifest:
    """Write the bundle of a finished quality run into its folder, in full precision, replacing an earlier bundle.

    Args:
        run: Folder of the run.
        detector: Run or bundle that provides stage 1. None for the bundle in the package.
        description: Description of the bundle for the manifest.
        training: Prepared training slices of the run, as the network sees them. They set the limits of novelty.
    """
    with TemporaryDirectory() as scratch:
        second = with_novelty(_quality_run(run), training, _OWN_SCANS, Path(scratch))
        return _bundle_of_run(run, stage_1(detector), second, description)


def bundle_of_detector_run(run: Path, quality: Path, description: Description) -> Manifest:
    """Write the bundle of a finished detector run into its folder, replacing an earlier bundle.

    Stage 1 is in full precision, and stage 2 is taken unchanged from `quality`.

    Args:
        run: Folder of the run.
        quality: Bundle that provides stage 2.
        description: Description of the bundle for the manifest.
    """
    return _bundle_of_run(run, _detector_run(run), quality_of_bundle(quality), description)


def _bundle_of_run(run: Path, first: Stage, second: Stage, description: Description) -> Manifest:
    folder = run / BUNDLE
    shutil.rmtree(folder, ignore_errors=True)
    return joined(folder, first, second, description)


def joined(folder: Path, first: Stage, second: Stage, description: Description) -> Manifest:
    """Write the bundle of two stages into a new folder."""
    stages = {"detector": first, "quality": second}
    settings = {name: stage.settings for name, stage in stages.items()}
    training = {
        "training_scans": {name: stage.scans for name, stage in stages.items() if stage.scans is not None},
        "training_versions": training_versions(),
    }
    return write_bundle(folder, first.network, second.network, settings, description, training)


def _is_bundle(folder: Path) -> bool:
    return (folder / MANIFEST).is_file()


def stage_1(detector: Path | None) -> Stage:
    """Return stage 1 of a run or a bundle, or of the bundle in the package if `detector` is None.

    Raises:
        UsageError: The folder is neither a finished run nor a valid bundle.
    """
    source = detector or default_bundle()
    return _detector_of_bundle(source) if _is_bundle(source) else _detector_run(source)


def seen_by_detector(
    tested: Sequence[Case], cohort: Sequence[tuple[Case, ScanHashes]], detector: Path | None
) -> dict[str, tuple[str, ...]]:
    """Return the tested scans of patients whom stage 1 was trained on, as `seen_scans` does.

    Args:
        tested: Scans to test on.
        cohort: Scans with their hashes, through which patients are known.
        detector: Run or bundle that provides stage 1. None for the bundle in the package. Of a run, the patients of its
            split are compared too.
    """
    learnt = stage_1(detector).scans
    split = detector / SPLIT if detector else None
    patients: set[str] = set()
    if split and split.is_file():
        patients = {patient for patient, part in read_split(split).items() if part != "test"}
    elif learnt is None:
        return {}
    by_hash = set(seen_scans(tested, cohort, {"detector": learnt or ()})["detector"])
    return {"detector": tuple(case.scan_id for case in tested if case.scan_id in by_hash or case.patient in patients)}


def stage_2(quality: Path | None) -> Path:
    """Return the folder of the bundle that provides stage 2.

    This is `quality` itself, the bundle of the finished quality run `quality`, or the one in the package if `quality`
    is None.

    Raises:
        UsageError: The folder is neither a bundle nor a finished quality run, or the bundle is invalid.
    """
    source = quality or default_bundle()
    folder = source if _is_bundle(source) else source / BUNDLE
    if not _is_bundle(folder):
        raise UsageError(f"{source}: is neither a bundle nor a finished quality run. Name one with --quality.")
    open_bundle(folder)
    return folder


def default_quality_description(
    strategy: str, name: str, cases: Sequence[Case], config: QualityConfig, moved: float
) -> Description:
    """Return the default description of the bundle of a quality run.

    Args:
        strategy: Name of a strategy.
        name: Name of the bundle.
        cases: Training scans.
        config: Settings of the training.
        moved: Largest change of a probability by the export.
    """
    rule = config.label
    patients = len({case.patient for case in cases})
    simulated = any(TRUTH in case.scores for case in cases)
    if rule.rule == "graded":
        by = "how likely an expert's score of 3 or more is, given the score that follows from image quality measures"
    else:
        joined = "share of diagnostic scores" if rule.rule == "soft" else rule.rule
        by = f"the {joined} of the readers" if rule.is_joined else f"that of {rule.reader}"
    return Description(
        name=name,
        version="0.1.0",
        created=datetime.now(UTC).date().isoformat(),
        strategy=f"{strategy} ({find_strategy(strategy).source})",
        labels="measured" if rule.reader == MEASURED else "simulated" if simulated else "expert",
        training_data=(
            f"{len(cases)} scans of {patients} patients; the label is {by}.{_unlearnt(cases, config)}{_start(config)}"
        ),
        intended_use=_RESEARCH,
        license="not stated",
        metrics=(_parity(moved),),
    )


def _start(config: QualityConfig) -> str:
    """Return a sentence on the training data of the bundle that a training started from, or nothing."""
    if not isinstance(config, AdaptConfig):
        return ""
    start = open_bundle(config.weights).manifest
    return f" Before that, as {start.name} {start.version}: {start.training_data}"


def _unlearnt(cases: Sequence[Case], config: QualityConfig) -> str:
    """Return a sentence on the scales that no scan has a label on, or nothing."""
    labelled = ~np.isnan([labels_of(case, config.label) for case in cases])
    names = [name for name, given in zip(SCALE_NAMES, labelled.T, strict=True) if not given.any()]
    answers = "its answers are of before" if isinstance(config, AdaptConfig) else "the answers on it mean nothing"
    return f" No scan had a label on {', '.join(names)}: {answers}." if names else ""


def default_detector_description(name: str, cases: Sequence[Case], quality: Path, moved: float) -> Description:
    """Return the default description of the bundle of a detector run.

    Args:
        name: Name of the bundle.
        cases: Training scans.
        quality: Bundle that provides stage 2. The description of its labels and strategy stays valid.
        moved: Largest change of a probability by the export.
    """
    other = open_bundle(quality).manifest
    patients = len({case.patient for case in cases})
    return Description(
        name=name,
        version="0.1.0",
        created=datetime.now(UTC).date().isoformat(),
        strategy=other.strategy,
        labels=other.labels,
        training_data=(
            f"Detector: {len(cases)} scans of {patients} patients, with masks. "
            f"Quality network, that of {other.name} {other.version}: {other.training_data}"
        ),
        intended_use=_RESEARCH,
        license="not stated",
        threshold=other.threshold,
        measured_share=other.measured_share,
        metrics=(_parity(moved),),
    )


def _parity(moved: float) -> dict[str, Any]:
    """Return the metric of the parity check for the manifest."""
    return {
        "name": "probability moved by the export",
        "value": moved,
        "measured_on": "validation slices, ONNX Runtime against PyTorch, at most",
    }


def _detector_run(run: Path) -> Stage:
    network = network_of(run)
    config = DetectorConfig.model_validate_json((run / CONFIG).read_text(encoding="utf-8"))
    settings = {"preparation": config.preparation.model_dump(), "rule": config.rule.model_dump()}
    return Stage(network, settings, training_scans(run))


def _quality_run(run: Path) -> Stage:
    network = network_of(run)
    # Only the preparation of stage 2 is needed here, and every strategy has it.
    config = json.loads((run / CONFIG).read_text(encoding="utf-8"))
    # Runs of earlier versions name another normalisation, which gives almost the same slices.
    preparation = QualityPreparation(**config["preparation"] | {"normalisation": QualityPreparation().normalisation})
    window = config["loop"]["augmentation"].get("window", 1.0)  # missing in runs of earlier versions
    return Stage(network, {"preparation": preparation.middle(window).model_dump()}, training_scans(run))


def _detector_of_bundle(bundle: Path) -> Stage:
    """Return stage 1 of a bundle, which is checked when it is opened."""
    manifest = open_bundle(bundle).manifest
    part = manifest.detector
    settings = {"preparation": part.preparation.model_dump(), "rule": part.rule.model_dump()}
    return Stage(bundle / part.file, settings, manifest.training_scans.get("detector"))


def quality_of_bundle(bundle: Path) -> Stage:
    """Return stage 2 of a bundle, which is checked when it is opened."""
    manifest = open_bundle(bundle).manifest
    part = manifest.quality
    settings = {name: getattr(part, name) for name in ("preparation", "novelty", "calibration")}
    return Stage(
        bundle / part.file,
        {name: value and value.model_dump() for name, value in settings.items()},
        manifest.training_scans.get("quality"),
    )


def with_novelty(second: Stage, store: SliceDataset, data: str, scratch: Path) -> Stage:
    """Return stage 2 with the output `novelty` and its limits.

    Args:
        second: Stage 2, whose network may have the output already.
        store: Prepared training slices of stage 2.
        data: Description of these slices for the manifest.
        scratch: Folder for the new network.
    """
    per_scan = max(_NOVELTY_PER_SCAN, -(-_NOVELTY // len(store.labels)))
    chosen = SliceBatches(store.owner, per_scan, 1, seed=0).draw()
    features = pooled_features(second.network, store[chosen.tolist()]["slice"].numpy())
    whitening = fit_whitening(features)
    add_novelty(second.network, scratch / "novelty.onnx", whitening)
    limits = novelty_limits(whitening.novelty(features), store.owner[chosen], data)
    return Stage(scratch / "novelty.onnx", second.settings | {"novelty": limits.model_dump()}, second.scans)


def _quantised(run: Path, training: SliceDataset, scratch: Path) -> Path:
    """Write an 8-bit copy of a run's network, with ranges found on slices as the network sees them."""
    path = scratch / f"{run.name}.onnx"
    quantise(network_of(run), path, _calibration_slices(training), scratch)
    return path


def _calibration_slices(store: SliceDataset) -> list[FloatArray]:
    """Return a few hundred slices, equally many of every scan, in batches (slice, channel, row, column)."""
    per_scan = -(-_CALIBRATION // len(store.labels))
    return [store[batch]["slice"].numpy() for batch in SliceBatches(store.owner, per_scan, 32, seed=0)]
