"""Arguments that several commands on scans share."""

from pathlib import Path
from typing import Annotated

import typer

Paths = Annotated[list[Path], typer.Argument(metavar="PATH", help="Scans, or folders to look for scans in.")]
DetectorBundle = Annotated[
    Path | None, typer.Option("--bundle", metavar="DIR", help="Trained model whose detector finds the atrium.")
]
GivenMasks = Annotated[
    bool, typer.Option("--given-masks", help="Use the mask beside each scan instead of detecting the atrium.")
]
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", metavar="N", min=1, help="Scans to work on at once; else one per core, at most 8."),
]
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout", metavar="SECONDS", min=1, help="A scan that takes longer is stopped and recorded as failed."
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
