"""`lgeqa train`: train stage 1 or stage 2 on a cohort."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from lgeqa.errors import ConfigError
from lgeqa.strategies import summaries

app = typer.Typer(
    help="Train a network on a cohort of your own. A run that was interrupted continues after its last complete epoch "
    "when the same command is started again with the same -o.",
    no_args_is_help=True,
)

Cohorts = Annotated[
    list[Path],
    typer.Option(
        "--cohort", help="A .csv or .parquet table, or a folder with one or with <scan id>/data.nrrd; may be repeated."
    ),
]
Config = Annotated[
    str | None,
    typer.Option("--config", help="TOML file of settings, or the name of a shipped one; without it, the paper's."),
]
Run = Annotated[
    Path, typer.Option("-o", "--output", help="Folder of the run; started again with the same one, it resumes.")
]
SplitFile = Annotated[Path | None, typer.Option("--split", help="A saved split.json, to keep the same patients out.")]
Stage1 = Annotated[
    Path | None,
    typer.Option(
        "--detector", help="Detector run, or bundle, that joins the run's bundle; without it, the default bundle's."
    ),
]
Stage2 = Annotated[
    Path | None,
    typer.Option(
        "--quality", help="Bundle, or quality run, that gives the run's bundle its stage 2; without it, the default's."
    ),
]
About = Annotated[
    Path | None,
    typer.Option("--about", help="TOML file: name, version, training data, intended use, ... of the bundle."),
]
Changes = Annotated[list[str] | None, typer.Option("--set", help="A setting, such as loop.epochs=10; may be repeated.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Say nothing of the progress.")]


@app.command()
def detector(
    cohort: Cohorts,
    output: Run,
    config: Config = None,
    split: SplitFile = None,
    quality: Stage2 = None,
    about: About = None,
    set_: Changes = None,
    quiet: Quiet = False,
) -> None:
    """Stage 1: the U-Net that finds the left atrium, on scans with masks."""
    _require_training()
    from lgeqa.workflows.training import DETECTOR, TrainingRequest, train

    changes = parse_changes(set_)
    train(TrainingRequest(DETECTOR, cohort, output, config, changes, split, quality, about, quiet))


def _quality_command(strategy: str) -> Callable[..., None]:
    """Return the command of one strategy, with the options that all strategies share."""

    def train_stage_2(
        cohort: Cohorts,
        output: Run,
        config: Config = None,
        split: SplitFile = None,
        detector: Stage1 = None,
        about: About = None,
        set_: Changes = None,
        quiet: Quiet = False,
    ) -> None:
        _require_training()
        from lgeqa.workflows.training import TrainingRequest, train

        changes = parse_changes(set_)
        train(TrainingRequest(strategy, cohort, output, config, changes, split, detector, about, quiet))

    return train_stage_2


for _name, _help in summaries().items():
    app.command(_name, help=_help)(_quality_command(_name))


@app.command()
def adapt(  # noqa: PLR0913, PLR0917 - one parameter for each option
    cohort: Cohorts,
    output: Run,
    bundle: Annotated[
        Path | None, typer.Option("--bundle", help="Bundle to train on from; without it, the default bundle.")
    ] = None,
    config: Config = None,
    split: SplitFile = None,
    detector: Annotated[
        Path | None,
        typer.Option("--detector", help="Detector run, or bundle, that joins the run's bundle; else that of --bundle."),
    ] = None,
    about: About = None,
    set_: Changes = None,
    quiet: Quiet = False,
) -> None:
    """Stage 2, from a trained bundle: fewer scans of your own are needed than from the start."""
    _require_training()
    from lgeqa.workflows.training import TrainingRequest, train

    changes = parse_changes(set_)
    train(TrainingRequest("adapt", cohort, output, config, changes, split, detector, about, quiet, bundle))


@app.command()
def bundle(
    detector: Annotated[Path, typer.Option("--detector", help="Finished detector run, or bundle.")],
    quality: Annotated[Path, typer.Option("--quality", help="Folder of a finished quality run.")],
    about: Annotated[Path, typer.Option("--about", help="TOML file: name, version, training data, intended use, ...")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder of the bundle; must not exist.")],
    compact: Annotated[bool, typer.Option("--compact", help="8-bit networks: small and fast.")] = False,
) -> None:
    """Join a detector and a quality run into a bundle that `lgeqa assess --bundle` opens."""
    _require_training()
    from lgeqa.inference.bundle.build import Description
    from lgeqa.training.bundle_export import build_bundle

    build_bundle(detector, quality, output, "compact" if compact else "full", Description.from_toml(about))


def _require_training() -> None:
    from lgeqa.extras import require

    require("train", feature="training")


def parse_changes(changes: list[str] | None) -> dict[str, Any]:
    """Return `{"loop": {"epochs": 10}}` for `["loop.epochs=10"]`, with values as TOML or bare text."""
    import tomllib

    values: dict[str, Any] = {}
    for change in changes or []:
        key, equals, value = change.partition("=")
        if not (key and equals):
            raise ConfigError(f"--set {change!r}: write it as name=value, for instance loop.epochs=10.")
        try:
            parsed = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            parsed = value
        *path, last = key.split(".")
        inner = values
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = parsed
    return values
