"""`lgeqa monitor`: whether decisions, probabilities and measures drift over time."""

from pathlib import Path
from typing import Annotated

import typer


def monitor(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Output folders of lgeqa assess.")],
    by: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="scanner, software, bundle or a column of --about; may be repeated."),
    ] = None,
    about: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Table with the column scan_id, columns to group by, and date if it gives the order."
        ),
    ] = None,
    baseline: Annotated[
        int | None, typer.Option(metavar="N", min=10, help="First scans of a group, which set its limits; else 30.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="OUT", help="Folder for drift.html and drift.csv.")
    ] = None,
) -> None:
    """Follow results over time, and name each quantity that has left the limits of its first scans.

    The limits are those of an exponentially weighted moving average. Scans are sorted by the column date of --about, or
    else by the time of their assessment.
    """
    from lgeqa.control_chart import BASELINE
    from lgeqa.workflows.monitoring import MonitorRequest
    from lgeqa.workflows.monitoring import monitor as monitor_runs

    request = MonitorRequest(runs, about, tuple(by or ()), baseline or BASELINE)
    for group in monitor_runs(request, out):
        charted = any(series.chart for series in group.series)
        state = "" if charted else f": too few for a baseline of {request.baseline}"
        typer.echo(f"{group.name}, {group.n_scans} scans{state}")
        if charted:
            for line in group.alarms or ["Within limits."]:
                typer.echo(f"  {line}")
    if out:
        typer.echo(f"Page: {out / 'drift.html'}")
