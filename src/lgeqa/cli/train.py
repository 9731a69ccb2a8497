"""`lgeqa train`: train stage 1 or stage 2 on a cohort."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from lgeqa.cli.options import Quiet
from lgeqa.cli.renamed_options import RenamedOptionsCommand
from lgeqa.errors import ConfigError
from lgeqa.strategies import summaries

app = typer.Typer(
    help="Train a network on a cohort of your own. To resume a run that was interrupted, start the same command again "
    "with the same -o: it continues after its last complete epoch, and there is no other option for it.",
    no_args_is_help=True,
)

Cohorts = Annotated[
    list[Path],
    typer.Option(
        "--cohort",
        metavar="PATH",
        help="A .csv or .parquet table, or a folder with one or with <scan id>/data.nrrd; may be repeated.",
    ),
]
Config = Annotated[
    str | None,
    typer.Option(
        "--config", metavar="FILE", help="TOML file of settings, or the name of a shipped one; without it, the paper's."
    ),
]
Run = Annotated[
    Path,
    typer.Option("--out", "-o", metavar="OUT", help="Folder of the run; started again with the same one, it resumes."),
]
SplitFile = Annotated[
    Path | None, typer.Option("--split", metavar="FILE", help="A saved split.json, to keep the same patients out.")
]
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


@app.command(cls=RenamedOptionsCommand)
def detector(
    cohort: Cohorts,
    out: Run,
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
    train(TrainingRequest(DETECTOR, cohort, out, config, changes, split, quality, about, quiet))


def _quality_command(strategy: str) -> Callable[..., None]:
    """Return the command of one strategy, with the options that all strategies share."""

    def train_stage_2(
        cohort: Cohorts,
        out: Run,
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
        train(TrainingRequest(strategy, cohort, out, config, changes, split, detector, about, quiet))

    return train_stage_2


for _name, _help in summaries().items():
    app.command(_name, cls=RenamedOptionsCommand, help=_help)(_quality_command(_name))


@app.command(cls=RenamedOptionsCommand)
def adapt(  # noqa: PLR0913, PLR0917 - one parameter for each option
    cohort: Cohorts,
    out: Run,
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", metavar="DIR", help="Bundle to train on from; without it, the default bundle."),
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
    train(TrainingRequest("adapt", cohort, out, config, changes, split, detector, about, quiet, bundle))


@app.command(cls=RenamedOptionsCommand)
def sweep(  # noqa: PLR0913, PLR0917 - one parameter for each option
    strategy: Annotated[str, typer.Argument(metavar="STRATEGY", help="Strategy of stage 2, such as baseline.")],
    cohort: Cohorts,
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="OUT", help="Folder of the sweep; started again with the same one, it resumes."
        ),
    ],
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary",
            metavar="NAME=RANGE",
            help="A setting and its range, such as loop.learning_rate=1e-4:1e-2:log, loop.epochs=10:40 or "
            "loop.batch=16,32,64; may be repeated. A table [vary] in the file of --config holds the same.",
        ),
    ] = None,
    trials: Annotated[int, typer.Option("--trials", metavar="N", min=1, help="Trainings, those before included.")] = 20,
    config: Config = None,
    split: SplitFile = None,
    detector: Annotated[
        Path | None,
        typer.Option("--detector", help="Detector run, or bundle, that finds the atrium of scans without a mask."),
    ] = None,
    set_: Changes = None,
    quiet: Quiet = False,
) -> None:
    """Stage 2, several times with other settings: finds the best ones on the validation part.

    Writes best.toml, which the --config of a training takes, and trials.csv. Test patients are not looked at.
    """
    from lgeqa.extras import require

    require("sweep", feature="a sweep")
    from lgeqa.workflows import training

    request = training.TrainingRequest(strategy, cohort, out, config, parse_changes(set_), split, detector, None, quiet)
    training.sweep(request, _named_ranges(vary), trials)


@app.command(cls=RenamedOptionsCommand)
def bundle(
    detector: Annotated[Path, typer.Option("--detector", help="Finished detector run, or bundle.")],
    quality: Annotated[Path, typer.Option("--quality", help="Folder of a finished quality run.")],
    about: Annotated[Path, typer.Option("--about", help="TOML file: name, version, training data, intended use, ...")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="Folder of the bundle; must not exist.")],
    compact: Annotated[bool, typer.Option("--compact", help="8-bit networks: small and fast.")] = False,
) -> None:
    """Join a detector and a quality run into a bundle that `lgeqa assess --bundle` opens."""
    _require_training()
    from lgeqa.inference.bundle.build import Description
    from lgeqa.training.bundle_export import build_bundle

    build_bundle(detector, quality, out, "compact" if compact else "full", Description.from_toml(about))


def _named_ranges(vary: list[str] | None) -> dict[str, str]:
    """Return `{"loop.batch": "16,32"}` for `["loop.batch=16,32"]`."""
    ranges = {}
    for text in vary or []:
        name, equals, values = text.partition("=")
        if not (name and equals):
            raise ConfigError(f"--vary {text!r}: write it as name=range, for instance loop.batch=16,32,64.")
        ranges[name] = values
    return ranges


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
