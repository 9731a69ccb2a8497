"""The table of image quality measures that `lgeqa measure` prints on a terminal."""

import sys
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lgeqa.records import ScanResult
from lgeqa.report import ScanView
from lgeqa.report.measures import MeasureRow

#: Measures with a column, and its heading.
_MAIN: Final = {"wall_cnr": "Wall CNR", "asnr": "SNR", "edge_width_mm": "Edges mm", "nulling_ratio": "Nulling"}


def show_measures(results: Sequence[ScanResult]) -> None:
    """Print the main and the poor measures of each scan on a terminal, since a pipe already has its lines."""
    if sys.stdout.isatty():
        Console().print(measures_table(results))


def measures_table(results: Sequence[ScanResult]) -> Table:
    """Return a table with a row for each scan: its main measures, and its poor ones or what to know."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Scan", overflow="fold")
    for heading in _MAIN.values():
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Poor")
    for result in results:
        view = ScanView(result, "")
        rows = {row.measure.name: row for row in view.measures}
        cells = [_cell(rows[name]) if rows else Text("-") for name in _MAIN]
        poor = ", ".join(row.measure.title for row in view.poor)
        table.add_row(Text(result.scan_id), *cells, Text(poor or result.message))
    return table


def _cell(row: MeasureRow) -> Text:
    """Return a value without its unit, red if it is poor."""
    number = "-" if row.value is None else f"{row.value:.{row.measure.decimals}f}"
    return Text(number, style="red" if row.poor else "")
