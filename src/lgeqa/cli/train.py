"""`lgeqa train`: train stage 1 or stage 2 on a cohort."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from lgeqa.errors import ConfigError

if TYPE_CHECKING:
    from lgeqa.config import Settings

app = typer.Typer(help="Train a network on a cohort of your own.", no_args_is_help=True)

Cohorts = Annotated[
    list[Path],
    typer.Option("--cohort", help="Folder of a cohort: scores.csv or <scan id>/data.nrrd; may be repeated."),
]
Config = Annotated[Path | None, typer.Option("--config", help="TOML file of settings; without it, the paper's.")]
Run = Annotated[Path, typer.Option("-o", "--output", help="Folder of the run; a run that was cut short goes on.")]
SplitFile = Annotated[Path | None, typer.Option("--split", help="A saved split.json, to keep the same patients out.")]
Changes = Annotated[list[str] | None, typer.Option("--set", help="A setting, such as loop.epochs=10; may be repeated.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress bar.")]

_AnySettings = TypeVar("_AnySettings", bound="Settings")


@app.command()
def detector(
    cohort: Cohorts,
    output: Run,
    config: Config = None,
    split: SplitFile = None,
    set_: Changes = None,
    quiet: Quiet = False,
) -> None:
    """Stage 1: the U-Net that finds the left atrium, on scans with masks."""
    _require_training()
    from lgeqa.train.detector import DetectorConfig
    from lgeqa.train.runs import run_detector

    run_detector(cohort, _settings(DetectorConfig, config, set_), output, split, quiet)


@app.command()
def baseline(
    cohort: Cohorts,
    output: Run,
    config: Config = None,
    split: SplitFile = None,
    set_: Changes = None,
    quiet: Quiet = False,
) -> None:
    """Stage 2, baseline strategy: the network that scores slices, on scored scans with masks."""
    _require_training()
    from lgeqa.train.baseline import BaselineConfig
    from lgeqa.train.runs import run_baseline

    run_baseline(cohort, _settings(BaselineConfig, config, set_), output, split, quiet)


@app.command()
def bundle(
    detector: Annotated[Path, typer.Option("--detector", help="Folder of a finished detector run.")],
    quality: Annotated[Path, typer.Option("--quality", help="Folder of a finished quality run.")],
    about: Annotated[Path, typer.Option("--about", help="TOML file: name, version, training data, intended use, ...")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder of the bundle; must not exist.")],
    compact: Annotated[bool, typer.Option("--compact", help="8-bit networks: small and fast.")] = False,
) -> None:
    """Join a detector run and a quality run into a bundle that `lgeqa assess --bundle` opens."""
    _require_training()
    from lgeqa.bundle.build import Description
    from lgeqa.train.runs import build_bundle

    build_bundle(detector, quality, output, "compact" if compact else "full", Description.from_toml(about))


def _require_training() -> None:
    from lgeqa.extras import require

    require("train", feature="training")


def _settings(kind: type[_AnySettings], config: Path | None, changes: list[str] | None) -> _AnySettings:
    values = _parse(changes or [])
    return kind.from_toml(config, values) if config else kind.of(values, "--set")


def _parse(changes: list[str]) -> dict[str, Any]:
    """`["loop.epochs=10"]` to `{"loop": {"epochs": 10}}`; values are TOML, or bare text."""
    import tomllib

    found: dict[str, Any] = {}
    for change in changes:
        key, equals, value = change.partition("=")
        if not (key and equals):
            raise ConfigError(f"--set {change!r}: write it as name=value, for instance loop.epochs=10.")
        try:
            parsed = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            parsed = value
        *path, last = key.split(".")
        inner = found
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = parsed
    return found
