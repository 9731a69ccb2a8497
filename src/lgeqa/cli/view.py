"""Output of a run: a progress bar and a table on a terminal, plain lines in a pipe, only problems in quiet mode."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from lgeqa.batch import Settled
from lgeqa.records import ScanResult
from lgeqa.report import ENDS, ScanView, end_of

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
#: Statuses of scans that were processed as requested.
_DONE = ("assessed", "measured")


def follow(run: Iterable[Settled], total: int, *, quiet: bool) -> Iterator[Settled]:
    """Yield the scans of a run and show each when it is finished.

    The bar goes to standard error and the lines to standard output, so that a pipe gets lines only.
    """
    lines = not quiet and not sys.stdout.isatty()
    with _bar(quiet) as bar:
        task = bar.add_task("Assessing", total=total)
        for number, settled in enumerate(run, start=1):
            bar.advance(task)
            result = settled.result
            if lines:
                typer.echo(f"{number}/{total} {'kept ' if settled.kept else ''}{line(result)}")
            elif quiet and result.status not in _DONE:
                typer.echo(line(result), err=True)
            yield settled


def conclude(results: Sequence[ScanResult], caution: str) -> None:
    """Print the table on a terminal, the counts, and a note to read before trusting a verdict."""
    if sys.stdout.isatty():
        console = Console()
        console.print(_table(results, console.width))
        for result in results:
            if result.status not in _DONE or result.review or result.forced:
                console.print(Text(line(result), style=_COLOURS[end_of(result)]))
    counts = Counter(end_of(result) for result in results)
    review = sum(result.review for result in results)
    parts = [f"{counts[end]} {title}" for end, title in ENDS.items() if counts[end]]
    typer.echo(f"{_scans(len(results))}: {', '.join(parts)}" + (f"; {review} to review" if review else ""))
    if caution:
        typer.echo(caution)


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
    numbers = ("Vote", "Quality", "Nulling", "Sharp.", "Enh.")
    titles = numbers[: sum(width >= least for least in _WIDTHS)]
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)
    for result in results:
        shares = (result.p_quality, result.p_myocardium_nulling, result.p_sharpness, result.p_enhancement)
        cells = (
            "-" if share is None else Text(f"{share:.2f}", style="" if share >= 0.5 else "red") for share in shares
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
