"""Drift of the results of runs over time, by site, scanner, protocol or software."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

from lgeqa.atomic_io import telling, write_whole
from lgeqa.batch import load_run
from lgeqa.cohort.table_io import read_table
from lgeqa.control_chart import BASELINE
from lgeqa.errors import CohortError, UsageError
from lgeqa.records import ScanResult
from lgeqa.reporting.drift import Group, Moment, OwnFact, Series, follow_groups, own_fact, value_of
from lgeqa.reporting.drift_page import drift_page
from lgeqa.table_text import csv_text

#: Columns of `drift.csv`.
_COLUMNS: Final = ("group", "quantity", "scan_id", "when", "value", "average", "low", "high", "outside")


@dataclass(frozen=True)
class MonitorRequest:
    """Results to follow over time.

    Attributes:
        runs: Output folders of `lgeqa assess`.
        about: Table with a column `scan_id`, and columns to group by. Its column `date`, if there is one, gives the
            order. None to group by what the records hold, in the order of assessment.
        by: Columns of the table to group by, or `scanner`, `software` and `bundle`. All scans are one group without.
        baseline: Number of first scans of a group that set its limits.
    """

    runs: Sequence[Path]
    about: Path | None = None
    by: tuple[str, ...] = ()
    baseline: int = BASELINE


def monitor(request: MonitorRequest, out: Path | None = None) -> list[Group]:
    """Follow the results of runs over time, and write `drift.csv` and `drift.html` if `out` names a folder.

    Raises:
        UsageError: A folder holds no results, a group is unknown, or a scan has no time.
        CohortError: The table cannot be used.
        OutputError: A file cannot be written.
    """
    # A scan that two runs assessed counts once; scans that only share a name do not.
    records = [record for run in request.runs for record in load_run(run)]
    results = {(record.scan_id, record.input_sha256): record for record in records}
    table = _facts(request.about) if request.about else {}
    groups = follow_groups((_named(result, table, request) for result in results.values()), request.baseline)
    if out:
        with telling(out):
            out.mkdir(parents=True, exist_ok=True)
        write_whole(out / "drift.csv", _csv(groups))
        write_whole(out / "drift.html", drift_page(groups))
    return groups


def _named(result: ScanResult, table: Mapping[str, Mapping[str, str]], request: MonitorRequest) -> tuple[str, Moment]:
    """Return the name of a scan's group, and the scan in time."""
    row = table.get(result.scan_id, {})
    name = ", ".join(_fact(result, row, column, request) for column in request.by)
    when = row.get("date") or result.finished_at
    if not when and result.is_deidentified and result.status != "failed":
        raise UsageError(
            f"{result.scan_id}: is de-identified, so its record holds no time. Name a table with columns scan_id and "
            "date with --about."
        )
    return name, Moment(result, when)


def _facts(table: Path) -> dict[str, dict[str, str]]:
    errors: list[CohortError] = []
    names, rows = read_table(table, errors.append)
    if errors:
        raise errors[0]
    if "scan_id" not in names:
        raise CohortError(f"{table}: has no column scan_id, but {', '.join(names)}. Name the scans as the results do.")
    return {str(row.cells["scan_id"]): {name: str(cell) for name, cell in row.cells.items()} for row in rows}


def _fact(result: ScanResult, row: Mapping[str, str], column: str, request: MonitorRequest) -> str:
    if column in row:
        return row[column] or f"{column} unknown"
    if column in get_args(OwnFact):
        return own_fact(result, column)
    if request.about and not row:
        return f"{column} unknown"
    columns = f" and the columns of {request.about}" if request.about else ""
    raise UsageError(f"--by {column}: is not known. There are {', '.join(get_args(OwnFact))}{columns}.")


def _csv(groups: Sequence[Group]) -> str:
    series = ((group.name, series) for group in groups for series in group.series)
    return csv_text(_COLUMNS, ((name, charted.quantity, *row) for name, charted in series for row in _rows(charted)))


def _rows(series: Series) -> Iterator[tuple[object, ...]]:
    """Yield the last columns of each scan's row. Those of the average are empty within the baseline."""
    chart = series.chart
    for place, moment in enumerate(series.moments):
        shown: tuple[object, ...] = ("", "", "", "")
        if chart and place >= chart.baseline:
            average, half = (float(array[place - chart.baseline]) for array in (chart.averages, chart.half_widths))
            outside = str(bool(chart.outside[place - chart.baseline])).lower()
            shown = (f"{average:.6g}", f"{chart.centre - half:.6g}", f"{chart.centre + half:.6g}", outside)
        yield moment.result.scan_id, moment.when, f"{value_of(moment.result, series.quantity):.6g}", *shown
