"""Output of a run: a progress bar and a table on a terminal, plain lines in a pipe, only problems in quiet mode."""

import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Final, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from lgeqa.batch import BatchItem
from lgeqa.records import ScanResult
from lgeqa.reporting import ENDS, ScanView, end_of
from lgeqa.reporting.measure_rows import MeasureRow
from lgeqa.scales import PASSES_FROM, QUALITY_FIRST
from lgeqa.workflows.assessment import AssessmentRun

#: Colours of the outcomes of a scan on a terminal.
_COLOURS = {
    "diagnostic": "green",
    "non-diagnostic": "red",
    "measured": "cyan",
    "not_assessable": "yellow",
    "failed": "magenta",
}
#: Widths of a terminal, in characters, from which each further number is shown.
_WIDTHS = (50, 60, 66, 72, 78)
#: Measures with a column, and its heading.
_MAIN_MEASURES: Final = {"wall_cnr": "Wall CNR", "asnr": "SNR", "edge_width_mm": "Edges mm", "nulling_ratio": "Nulling"}
#: Exit codes other than 0 (all scans were assessed or measured) and those of the error classes.
INTERNAL_ERROR: Final = 1
NOT_ALL: Final = 3
STOPPED: Final = 130


class RunConsole:
    """Console that shows the scans of a run and, in a `with` block, ends the command when the user stops it."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._done = self._total = 0

    def follow(self, run: Iterable[BatchItem], total: int) -> Iterator[BatchItem]:
        """Yield the scans of a run and show each when it is finished.

        The bar goes to standard error and the lines to standard output, so that a pipe gets lines only.
        """
        self._total = total
        lines = not self._quiet and not sys.stdout.isatty()
        with _bar(self._quiet) as bar:
            task = bar.add_task("Assessing", total=total)
            for item in run:
                self._done += 1
                bar.advance(task)
                if lines:
                    typer.echo(f"{self._done}/{total} {'kept ' if item.kept else ''}{line(item.result)}")
                elif self._quiet and not item.result.succeeded:
                    typer.echo(line(item.result), err=True)
                yield item

    def __enter__(self) -> Self:
        """Enter the block in which Ctrl-C ends the command."""
        return self

    def __exit__(self, _: object, error: BaseException | None, __: TracebackType | None) -> None:
        """Say how to continue, and end the command, if the user stopped the run."""
        if isinstance(error, KeyboardInterrupt) and self._total:
            done = f"{self._done} of {self._total} scans are done"
            typer.echo(f"Stopped: {done}. Run the command again with the same OUT to continue.", err=True)
            raise typer.Exit(STOPPED) from None


def exit_code(items: Collection[BatchItem]) -> int:
    """Return 0 if all scans were assessed or measured, else the code of what prevented it."""
    if any(item.internal_error for item in items):
        return INTERNAL_ERROR
    return 0 if all(item.result.succeeded for item in items) else NOT_ALL


def conclude(run: AssessmentRun) -> None:
    """Print the table on a terminal, the counts, a note to read before trusting a verdict, and the report's path."""
    results = run.results
    if sys.stdout.isatty():
        console = Console()
        console.print(_table(results, console.width))
        for result in results:
            if not result.succeeded or result.review or result.forced:
                console.print(Text(line(result), style=_COLOURS[end_of(result)]))
    counts = Counter(end_of(result) for result in results)
    review = sum(result.review for result in results)
    parts = [f"{counts[end]} {title}" for end, title in ENDS.items() if counts[end]]
    typer.echo(f"{_scans(len(results))}: {', '.join(parts)}" + (f"; {review} to review" if review else ""))
    if run.caution:
        typer.echo(run.caution)
    _point_to_report(run)


def conclude_measures(run: AssessmentRun) -> None:
    """Print the main and the poor measures of each scan on a terminal, since a pipe already has its lines."""
    if sys.stdout.isatty():
        Console().print(measures_table(run.results))
    _point_to_report(run)


def _point_to_report(run: AssessmentRun) -> None:
    if run.report:
        if run.n_earlier:
            typer.echo(
                f"The tables and the report also hold {run.n_earlier} results of earlier runs into {run.report.parent}."
            )
        typer.echo(f"Report: {run.report}")


def measures_table(results: Sequence[ScanResult]) -> Table:
    """Return a table with a row for each scan: its main measures, and its poor ones or what to know."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Scan", overflow="fold")
    for heading in _MAIN_MEASURES.values():
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Poor")
    for result in results:
        view = ScanView(result, "")
        rows = {row.measure.name: row for row in view.measures}
        cells = [_measure_cell(rows[name]) if rows else Text("-") for name in _MAIN_MEASURES]
        poor = ", ".join(row.measure.title for row in view.poor)
        table.add_row(Text(result.scan_id), *cells, Text(poor or result.message))
    return table


def line(result: ScanResult) -> str:
    """Return the result of a scan as one line."""
    view = ScanView(result, "")
    if result.status == "measured":
        poor = ", ".join(row.measure.title for row in view.poor)
        return f"{result.scan_id}: measured" + (f", poor: {poor}" if poor else "")
    if result.status != "assessed":
        return f"{result.scan_id}: {ENDS[result.status]}. {result.message}"
    verdict = ", ".join((str(result.verdict), *view.flags))
    words = f"{result.scan_id}: {verdict}, probability {result.probability:.2f}, {_vote(result)} slices"
    observations = " ".join(finding.seen for finding in result.findings)
    return f"{words}. {observations}" if observations else words


def _bar(quiet: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=quiet or not sys.stderr.isatty(),
        transient=True,
    )


def _table(results: Sequence[ScanResult], width: int) -> Table:
    """Return the table for a terminal of this width, where a narrow one leaves out numbers but never the name."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Scan", overflow="fold")
    table.add_column("Verdict", overflow="fold")
    numbers = ("Vote", *(scale.short_title for scale in QUALITY_FIRST))
    titles = numbers[: sum(width >= least for least in _WIDTHS)]
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)
    for result in results:
        shares = [getattr(result, f"p_{scale.name}") for scale in QUALITY_FIRST]
        cells = (
            "-" if share is None else Text(f"{share:.2f}", style="" if share >= PASSES_FROM else "red")
            for share in shares
        )
        table.add_row(
            Text(result.scan_id),
            Text(", ".join((ENDS[end_of(result)], *ScanView(result, "").flags)), style=_COLOURS[end_of(result)]),
            *(_vote(result), *cells)[: len(titles)],
        )
    return table


def _vote(result: ScanResult) -> str:
    if result.votes_total is None:
        return "-"
    return f"{result.votes_diagnostic} of {result.votes_total}" + (" (tie)" if result.tie else "")


def _scans(count: int) -> str:
    return "1 scan" if count == 1 else f"{count} scans"


def _measure_cell(row: MeasureRow) -> Text:
    """Return a value without its unit, red if it is poor."""
    number = "-" if row.value is None else f"{row.value:.{row.measure.decimals}f}"
    return Text(number, style="red" if row.poor else "")
