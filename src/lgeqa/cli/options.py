"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from lgeqa.outcomes import Provider

Paths = Annotated[list[Path], typer.Argument(metavar="PATH", help="Scans, or folders to look for scans in.")]
DetectorBundle = Annotated[
    Path | None, typer.Option("--bundle", metavar="DIR", help="Trained model whose detector finds the atrium.")
]
GivenMasks = Annotated[
    bool, typer.Option("--given-masks", help="Use the mask beside each scan instead of detecting the atrium.")
]
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", metavar="N", min=1, help="Scans to work on at once; else one per core and 2 GB of memory."),
]
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout", metavar="SECONDS", min=1, help="A scan that takes longer is stopped and recorded as failed."
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print the records as one JSON list, and everything else on standard error.")
]
AsCsv = Annotated[
    bool, typer.Option("--csv", help="Print the results as a CSV table, and everything else on standard error.")
]
ProviderName = Annotated[
    Provider,
    typer.Option("--provider", help="What runs the networks, if ONNX Runtime has it: cpu, cuda or openvino."),
]
Fresh = Annotated[
    bool,
    typer.Option("--fresh", help="Remove the results of earlier runs from OUT; refused if OUT holds anything else."),
]
Verify = Annotated[
    bool,
    typer.Option(
        "--verify",
        help="Read the files of finished scans, and take again those whose bytes changed; else size and time decide.",
    ),
]
LogFile = Annotated[
    Path | None,
    typer.Option("--log", metavar="FILE", help="Add times, settings and outcomes to a log, without names of scans."),
]
Deidentify = Annotated[
    bool,
    typer.Option(
        "--deidentify",
        help="Write nothing that identifies a patient; scans are named by pseudonyms.",
    ),
]
Secrets = Annotated[
    Path | None,
    typer.Option(
        "--secrets",
        metavar="DIR",
        help="Folder of the key and of the names behind the pseudonyms, for --deidentify; else OUT-secrets beside OUT.",
    ),
]
#: Modules that assess a scan, for `lgeqa.workers.start_early`.
PIPELINE: Final = ("lgeqa.batch", "lgeqa.inference.pipeline", "lgeqa.io.discover", "lgeqa.reporting.pictures")


def _read(context: typer.Context, path: Path | None) -> Any:
    """Return the settings of a TOML file as `AssessConfig`, and make them the defaults of the command's options."""
    from lgeqa.workflows.assess_config import AssessConfig

    if path is None:
        return AssessConfig()
    config = AssessConfig.from_toml(path)
    options = config.model_dump(exclude_unset=True, exclude={"operating_point"})
    options |= {name: path.parent / folder for name in ("bundle", "secrets") if (folder := getattr(config, name))}
    context.default_map = {name: str(value) if isinstance(value, Path) else value for name, value in options.items()}
    return config


#: Option that the command gets as `AssessConfig`, since its callback reads the file.
Config = Annotated[
    Any,
    typer.Option(
        "--config",
        metavar="FILE",
        help="TOML file of settings; an option on the command line wins over it.",
        callback=_read,
        is_eager=True,
        parser=Path,
    ),
]
Database = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="PostgreSQL database instead of the file in the folder; else LGEQA_DATABASE. Without a password in it.",
    ),
]
