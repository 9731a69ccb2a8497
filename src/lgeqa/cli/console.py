"""Results of a run as text: one scan as a block, several as a table on a terminal and as lines in a pipe."""

import sys
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Final, get_args

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lgeqa.batch import BatchItem
from lgeqa.formatting import plural, probability_text
from lgeqa.outcomes import Decision
from lgeqa.records import ScanResult
from lgeqa.reporting import ENDS, ScanView, end_of
from lgeqa.reporting.measure_rows import MeasureRow
from lgeqa.scales import PASSES_FROM, QUALITY_FIRST
from lgeqa.workflows.assessment import AssessmentRun

#: Colours on a terminal of the decisions, and of the outcomes that have none.
_COLOURS: Final = {
    "accept": "green",
    "review": "yellow",
    "repeat": "red",
    "measured": "cyan",
    "not_assessable": "magenta",  # refused as it was read, so without a decision
    "failed": "magenta",
}
#: Widths of a terminal, in characters, from which each further number is shown.
_WIDTHS = (60, 70, 76, 82, 88)
#: Most scans of a run that a terminal gets a table of. The report has all.
_MOST_LINES: Final = 500
#: Number of probable causes in the block of a scan. The record has all.
_CAUSES: Final = 2
#: Measures with a column, and its heading.
_MAIN_MEASURES: Final = {"wall_cnr": "Wall CNR", "asnr": "SNR", "edge_width_mm": "Edges mm", "nulling_ratio": "Nulling"}
#: Exit codes other than 0 (all scans were assessed or measured) and those of the error classes.
INTERNAL_ERROR: Final = 1
NOT_ALL: Final = 3
#: Widest block of one scan, in characters, since long lines are hard to read.
_BLOCK_WIDTH: Final = 100
#: Names of the steps in `ScanResult.seconds`.
_STEPS: Final = {"read": "reading", "detect": "detecting", "measure": "measuring", "score": "scoring"}


def exit_code(items: Collection[BatchItem]) -> int:
    """Return 0 if all scans were assessed or measured, else the code of what prevented it."""
    if any(item.internal_error for item in items):
        return INTERNAL_ERROR
    return 0 if all(item.succeeded for item in items) else NOT_ALL


def conclude(run: AssessmentRun) -> None:
    """Print the results, a note to read before trusting a verdict, and the path of the report.

    A run without a report gets a block for its one scan. Otherwise a terminal gets a table and the reasons.
    """
    if run.report is None and run.n_sources == 1:
        print_block(run.results[0])
    else:
        _print_table(run)
    if run.caution:
        typer.echo(run.caution)
    point_to_report(run)


def _print_table(run: AssessmentRun) -> None:
    """Print the table and the reasons on a terminal, since a pipe already has its lines, and the counts."""
    if sys.stdout.isatty() and len(run.items) <= _MOST_LINES:
        console = Console()
        console.print(_table(run.results, console.width))
        for result in run.results:
            if result.decision != "accept":
                console.print(Text(line(result), style=_style(result)))
    counts = Counter[str](item.verdict or item.status for item in run.items)
    ends = ", ".join(f"{counts[end]} {title}" for end, title in ENDS.items() if counts[end])
    decided = Counter(item.decision for item in run.items)
    decisions = ", ".join(f"{decided[decision]} to {decision}" for decision in get_args(Decision) if decided[decision])
    typer.echo("; ".join(filter(None, (f"{plural(len(run.items), 'scan')}: {ends}", decisions))))


def conclude_measures(run: AssessmentRun) -> None:
    """Print the main and the poor measures of each scan on a terminal, since a pipe already has its lines."""
    if sys.stdout.isatty() and len(run.items) <= _MOST_LINES:
        Console().print(measures_table(run.results))
    point_to_report(run)


def point_to_report(run: AssessmentRun, *, err: bool = False) -> None:
    """Print the path of the report, if one was written, and how many earlier results it holds."""
    if not run.report:
        return
    if run.n_earlier:
        added = f"Added to {plural(run.n_earlier, 'result')} of earlier runs into {run.report.parent}"
        typer.echo(f"{added}, which the tables and the report hold, too. --fresh starts anew.", err=err)
    typer.echo(f"Report: {run.report}", err=err)


def print_block(result: ScanResult) -> None:
    """Print one scan: the decision, why, its probabilities, what to do, and the seconds."""
    console = Console(highlight=False)
    view = ScanView(result)
    # A scan that the gate refuses has both, one that was refused as it was read only the title.
    titled = result.decision is None or result.status == "not_assessable"
    outcome = ", ".join(filter(None, (result.decision, view.title if titled else None)))
    console.print(Text.assemble((result.scan_id, "bold"), "  ", (outcome, f"bold {_style(result)}"), overflow="fold"))
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in _facts(view):
        table.add_row(name, text)
    console.print(table, width=min(console.width, _BLOCK_WIDTH))


def _facts(view: ScanView) -> Iterator[tuple[str, Text]]:
    """Yield the rows of the block of a scan: a name and a text."""
    result = view.result
    yield "Why", Text("\n".join(result.reasons) or result.message)
    for finding in result.findings:
        yield "What to do", Text(finding.remedy)
    for advice in result.advice[:_CAUSES]:
        title = Text(f"{advice.title} (evidence {advice.strength:.0%})", style="bold")
        yield "Perhaps", Text.assemble(title, f": {advice.seen} {advice.change} {advice.outlook}")
    if result.status == "assessed":
        yield "Verdict", Text(_verdict(result))
        yield "Probability", Text(f"{probability_text(result.probability)} of being diagnostic")
        yield "Votes", Text(f"{_vote(result)} slices diagnostic, threshold {result.threshold:g}")
    for attribute in view.attributes:
        text = f"{probability_text(attribute.probability):<6} {attribute.likelihood}"
        text += f" ({attribute.parts_words})" if attribute.parts else ""
        yield attribute.scale.name.replace("_", " ").capitalize(), Text(text, style="red" if attribute.fails else "")
    if result.seconds:
        steps = ", ".join(f"{_STEPS[step]} {seconds:.1f}" for step, seconds in result.seconds.items())
        yield "Seconds", Text(f"{sum(result.seconds.values()):.1f} ({steps})", style="dim")


def _style(result: ScanResult) -> str:
    """Return the colour of a scan."""
    return _COLOURS[result.decision or end_of(result)]


def measures_table(results: Sequence[ScanResult]) -> Table:
    """Return a table with a row for each scan: its main measures, and its poor ones or what to know."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Scan", overflow="fold")
    for heading in _MAIN_MEASURES.values():
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Poor")
    for result in results:
        view = ScanView(result)
        rows = {row.measure.name: row for row in view.measures}
        cells = [_measure_cell(rows[name]) if rows else Text("-") for name in _MAIN_MEASURES]
        poor = ", ".join(row.measure.title for row in view.poor)
        table.add_row(Text(result.scan_id), *cells, Text(poor or result.message))
    return table


def line(result: ScanResult) -> str:
    """Return the result of a scan as one line."""
    view = ScanView(result)
    if result.status == "measured":
        poor = ", ".join(row.measure.title for row in view.poor)
        return f"{result.scan_id}: measured" + (f", poor: {poor}" if poor else "")
    if result.status != "assessed":
        return f"{result.scan_id}: {ENDS[result.status]}. {result.message}"
    numbers = f"probability {probability_text(result.probability)}, {_vote(result)} slices"
    return " ".join((f"{result.scan_id}: {result.decision}, {_verdict(result)}, {numbers}.", *result.reasons))


def _verdict(result: ScanResult) -> str:
    """Return the verdict or, without one, the status of a scan."""
    return ENDS[end_of(result)] + (", forced" if result.forced else "")


def _table(results: Sequence[ScanResult], width: int) -> Table:
    """Return the table for a terminal of this width, where a narrow one leaves out numbers but never the name."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Scan", overflow="fold")
    table.add_column("Decision", overflow="fold")
    table.add_column("Verdict", overflow="fold")
    numbers = ("Vote", *(scale.short_title for scale in QUALITY_FIRST))
    titles = numbers[: sum(width >= least for least in _WIDTHS)]
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)
    for result in results:
        shares = [getattr(result, f"p_{scale.name}") for scale in QUALITY_FIRST]
        cells = (
            "-" if share is None else Text(probability_text(share), style="" if share >= PASSES_FROM else "red")
            for share in shares
        )
        table.add_row(
            Text(result.scan_id),
            Text(result.decision or "-", style=_style(result)),
            Text(_verdict(result)),
            *(_vote(result), *cells)[: len(titles)],
        )
    return table


def _vote(result: ScanResult) -> str:
    if result.votes_total is None:
        return "-"
    return f"{result.votes_diagnostic} of {result.votes_total}" + (" (tie)" if result.tie else "")


def _measure_cell(row: MeasureRow) -> Text:
    """Return a value without its unit, red if it is poor."""
    number = "-" if row.value is None else f"{row.value:.{row.measure.decimals}f}"
    return Text(number, style="red" if row.poor else "")
