"""A training run from a cohort on disk to files: what `lgeqa train` does."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from safetensors.torch import save_file
from torch import nn

from lgeqa.attributes import DIAGNOSTIC_FROM, NAMES
from lgeqa.bundle.build import Description, write_bundle
from lgeqa.bundle.manifest import Manifest
from lgeqa.cohort import Case, Split, draw_split, load_split, read_cohort, save_split
from lgeqa.config import Settings
from lgeqa.errors import CohortError, UsageError
from lgeqa.records import FloatArray
from lgeqa.train.baseline import BaselineConfig, label_scores, train_baseline
from lgeqa.train.detector import DetectorConfig, train_detector
from lgeqa.train.export import export_onnx, quantise
from lgeqa.train.store import SliceBatches, Store

CONFIG = "config.json"
SPLIT = "split.json"
WEIGHTS = "network.safetensors"
NETWORK = "network.onnx"
#: Slices at least, where there are that many, that the ranges of 8-bit networks are found on.
_CALIBRATION = 256


@dataclass(frozen=True)
class Parts:
    """The scans of a cohort by part."""

    train: tuple[Case, ...]
    validation: tuple[Case, ...]
    test: tuple[Case, ...]


def run_detector(cohorts: Sequence[Path], config: DetectorConfig, run: Path, split: Path | None, quiet: bool) -> None:
    """Train the detector on the scans of a cohort that have masks, and write the run.

    Args:
        cohorts: folders of the cohorts; a patient's name means the same patient in all of them.
        config: the settings.
        run: its folder; a run that was cut short goes on.
        split: a saved split of the patients; None to draw one.
        quiet: no progress bar.

    Raises:
        CohortError: too few scans with masks, or a split that does not fit.
    """
    cases = [case for case in _read(cohorts) if case.mask is not None]
    if not cases:
        raise CohortError(f"{_named(cohorts)}: no scan has a mask (shrinkwrap.nrrd) to learn from.")
    parts = _open_run(cases, [0] * len(cases), config, config.test, config.validation, config.loop.seed, run, split)
    network = train_detector(parts.train, parts.validation, config, run, quiet)
    side = config.preparation.multiple * 4
    _save(network, (len(config.preparation.context_mm), side, side), config.preparation.multiple, run)


def run_baseline(cohorts: Sequence[Path], config: BaselineConfig, run: Path, split: Path | None, quiet: bool) -> None:
    """Train the baseline quality network on the scored scans of a cohort, and write the run.

    Args and errors as in `run_detector`; scans need masks and scores.
    """
    cases = [case for case in _read(cohorts) if case.mask is not None and config.reader in case.scores]
    if not cases:
        raise CohortError(f"{_named(cohorts)}: no scan has both a mask and scores of the reader {config.reader!r}.")
    strata = [int(label_scores(case, config.reader)[NAMES.index("quality")] >= DIAGNOSTIC_FROM) for case in cases]
    parts = _open_run(cases, strata, config, config.test, config.validation, config.loop.seed, run, split)
    network = train_baseline(parts.train, parts.validation, config, run, quiet)
    _save(network, (1, config.preparation.pixels, config.preparation.pixels), None, run)


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
    """Make the run's folder, with its settings and split; a run taken up again keeps its split."""
    run.mkdir(parents=True, exist_ok=True)
    (run / CONFIG).write_text(config.model_dump_json(indent=1) + "\n", encoding="utf-8")
    kept = run / SPLIT
    source = kept if kept.is_file() else split
    dealt = load_split(source, cases) if source else draw_split(cases, strata, test, validation, seed)
    save_split(dealt, kept)
    return parts_of(cases, dealt)


def _save(network: nn.Module, shape: tuple[int, int, int], multiple: int | None, run: Path) -> None:
    state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    save_file(state, run / WEIGHTS)
    export_onnx(network, shape, multiple, run / NETWORK)


def build_bundle(
    detector: Path,
    quality: Path,
    folder: Path,
    precision: Literal["full", "compact"],
    description: Description,
) -> Manifest:
    """Join a detector run and a quality run into a bundle.

    Args:
        detector: folder of a finished detector run.
        quality: folder of a finished quality run.
        folder: of the bundle; must not exist, or be empty.
        precision: `full` keeps 32-bit networks; `compact` makes them 8-bit, with ranges found on each run's own
            training slices.
        description: what a person says about it.

    Raises:
        UsageError: a run is not finished.
    """
    networks = [_finished(detector), _finished(quality)]
    stage1 = DetectorConfig.model_validate_json((detector / CONFIG).read_text(encoding="utf-8"))
    stage2 = BaselineConfig.model_validate_json((quality / CONFIG).read_text(encoding="utf-8"))
    settings = {
        "detector": {"preparation": stage1.preparation.model_dump(), "rule": stage1.rule.model_dump()},
        "quality": {"preparation": stage2.preparation.model_dump()},
    }
    with TemporaryDirectory() as scratch:
        if precision == "compact":
            seeds = (stage1.loop.seed, stage2.loop.seed)
            networks = [
                _quantised(run, seed, Path(scratch)) for run, seed in zip((detector, quality), seeds, strict=True)
            ]
        return write_bundle(folder, networks[0], networks[1], settings, description)


def _quantised(run: Path, seed: int, scratch: Path) -> Path:
    """The 8-bit twin of a run's network."""
    path = scratch / f"{run.name}.onnx"
    quantise(run / NETWORK, path, _calibration_slices(Store(run / "prepared" / "training"), seed), scratch)
    return path


def _finished(run: Path) -> Path:
    network = run / NETWORK
    if not network.is_file():
        raise UsageError(f"{run}: holds no {NETWORK}; its training is not finished. Start it again to go on.")
    return network


def _calibration_slices(store: Store, seed: int) -> list[FloatArray]:
    """Slices of every scan, alike in number and some hundreds in all, in batches (slice, channel, row, column)."""
    per_scan = -(-_CALIBRATION // len(store.labels))
    return [store[batch]["slice"].numpy() for batch in SliceBatches(store.owner, per_scan, 32, seed)]
