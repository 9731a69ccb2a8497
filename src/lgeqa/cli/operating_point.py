"""`lgeqa operating-point`: which scans to accept, to review and to repeat, by what errors cost."""

from pathlib import Path
from typing import Annotated

import typer

Missed = Annotated[
    float, typer.Option(metavar="COST", min=0.01, help="Cost of accepting a poor scan, in costs of a review.")
]
Needless = Annotated[
    float, typer.Option(metavar="COST", min=0.01, help="Cost of repeating a good scan, in costs of a review.")
]
Risk = Annotated[
    float | None,
    typer.Option(
        metavar="R",
        min=0.001,
        max=0.5,
        help="Largest share of poor scans accepted and of good scans repeated; replaces both costs.",
    ),
]


def operating_point(
    bundle: Annotated[Path, typer.Option("--bundle", metavar="DIR", help="Folder of a calibrated bundle.")],
    missed: Missed = 5.0,
    needless: Needless = 5.0,
    risk: Risk = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="TOML file of settings for lgeqa assess.")
    ] = None,
) -> None:
    """Choose from which probability scans are accepted and below which they are to be repeated.

    Says what the choice would have led to on the scored scans of the bundle's calibration. No network is run.
    """
    from lgeqa.operating_point import Costs
    from lgeqa.workflows.operating_point import PointRequest, choose_operating_point

    request = PointRequest(Costs(missed=missed, needless=needless), risk)
    for line in choose_operating_point(bundle, request, out):
        typer.echo(line)
