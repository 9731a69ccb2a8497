"""Training on cohorts, from the settings to the bundle of the finished run."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from lgeqa.atomic_io import claimed
from lgeqa.config import Settings, flat, laid_over, read_toml
from lgeqa.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from lgeqa.training.quality import QualityConfig

_AnySettings = TypeVar("_AnySettings", bound=Settings)


#: Name of stage 1 among the strategies of stage 2.
DETECTOR: Final = "detector"


@dataclass(frozen=True)
class TrainingRequest:
    """A training on cohorts.

    Attributes:
        strategy: `detector` for stage 1, or a strategy of stage 2 by its name.
        cohorts: Folders or tables of the cohorts.
        out: Folder of the run. An interrupted run is resumed.
        config: TOML file of settings, or the name of a shipped one. None for the settings of the paper.
        changes: Settings that replace those of `config`, in nested mappings.
        split: File of a saved split. None to draw one.
        other_stage: Run or bundle that gives the run's bundle its other stage. None for the bundle in the package, or
            for `start`.
        start: Bundle whose network the strategy `adapt` trains on. None for the bundle in the package.
        about: TOML file that describes the bundle. None for a default description.
        quiet: Whether to hide the progress.
    """

    strategy: str
    cohorts: Sequence[Path]
    out: Path
    config: str | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    split: Path | None = None
    other_stage: Path | None = None
    about: Path | None = None
    quiet: bool = False
    start: Path | None = None


def train(request: TrainingRequest) -> None:
    """Train one stage, and write the run with its bundle.

    Raises the errors of `find_strategy`, `read_settings`, and `lgeqa.training.run.run_detector` or `run_quality`.
    """
    from lgeqa.inference.bundle.build import Description
    from lgeqa.training.detector import DetectorConfig
    from lgeqa.training.run import run_detector, run_quality

    run: Callable[..., None]
    if request.strategy == DETECTOR:
        stage_1 = read_settings(DetectorConfig, request.config, request.changes)
        run = partial(run_detector, request.cohorts, stage_1, request.out, quality=request.other_stage)
    else:
        stage_2, detector = _stage_2_settings(request)
        run = partial(run_quality, request.strategy, request.cohorts, stage_2, request.out, detector=detector)
    description = Description.from_toml(request.about) if request.about else None
    with claimed_run(request.out):
        run(split=request.split, about=description, quiet=request.quiet)


def sweep(request: TrainingRequest, vary: Mapping[str, str], trials: int) -> None:
    """Try settings of a strategy of stage 2, and write a table of the trials and the best settings.

    Args:
        request: Training whose settings are varied. Its file of settings may have a table `vary`.
        vary: Range of each setting by its name, which replaces one of the table.
        trials: Number of trials.

    Raises the errors of `find_strategy`, `read_ranges` and `lgeqa.training.sweep.run_sweep`, and UsageError for the
    strategy `adapt`.
    """
    from lgeqa.training.quality import ADAPT, find_strategy
    from lgeqa.training.sweep import run_sweep
    from lgeqa.training.sweep_ranges import read_ranges

    kind = find_strategy(request.strategy).config
    if request.strategy == ADAPT:
        raise UsageError(f"A sweep over {ADAPT} is not supported. Name a strategy that trains from the start.")
    path = _settings_file(request.config) if request.config else None
    values = read_toml(path) if path else kind().model_dump()
    ranges = values.pop("vary", {})
    if not isinstance(ranges, dict):
        raise ConfigError(f"{path}: vary = {ranges!r}: write a table [vary], with loop.batch = [16, 32] in it.")
    settings = kind.of(laid_over(values, dict(request.changes)), str(path or "--set"))
    with claimed_run(request.out):
        run_sweep(
            request.strategy,
            request.cohorts,
            settings,
            read_ranges(flat(ranges) | dict(vary), settings),
            request.out,
            trials=trials,
            split=request.split,
            detector=request.other_stage,
            quiet=request.quiet,
        )


def _stage_2_settings(request: TrainingRequest) -> tuple["QualityConfig", Path | None]:
    """Return the settings of a training of stage 2, and the run or bundle that gives it its detector."""
    from lgeqa.inference.bundle import default_bundle
    from lgeqa.training.quality import AdaptConfig, find_strategy

    kind = find_strategy(request.strategy).config
    if kind is not AdaptConfig:
        return read_settings(kind, request.config, request.changes), request.other_stage
    decided = AdaptConfig.network_settings(request.start or default_bundle())
    in_file = kind.from_toml(_settings_file(request.config)).model_fields_set if request.config else set()
    if wrong := sorted(decided.keys() & {*request.changes, *in_file}):
        raise ConfigError(f"{wrong[0]}: is decided by the bundle to go on from. Leave it out of the settings.")
    return read_settings(kind, request.config, {**decided, **request.changes}), request.other_stage or request.start


def claimed_run(folder: Path) -> AbstractContextManager[None]:
    """Lock the folder of a run against other runs, but not against the processes that train it together."""
    from lgeqa.training.processes import is_main

    return claimed(folder) if is_main() else nullcontext()


def read_settings(kind: type[_AnySettings], config: str | None, changes: Mapping[str, Any]) -> _AnySettings:
    """Return settings of `kind` from a file or the name of a shipped one, with changes applied.

    Raises:
        ConfigError: The file cannot be used, or a setting is not valid.
    """
    values = dict(changes)
    return kind.from_toml(_settings_file(config), values) if config else kind().changed(values, "--set")


def _settings_file(name: str) -> Path:
    """Return the path of a file of settings, or of a shipped one by its name."""
    shipped = Path(str(resources.files("lgeqa"))) / "configs"
    if Path(name).suffix == ".toml":
        return Path(name)
    if not (shipped / f"{name}.toml").is_file():
        known = ", ".join(sorted(path.stem for path in shipped.glob("*.toml")))
        raise ConfigError(f"--config {name}: is neither a .toml file nor a shipped one ({known}).")
    return shipped / f"{name}.toml"
