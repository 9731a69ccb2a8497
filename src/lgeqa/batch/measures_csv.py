"""The table of the image quality measures, `measures.csv`, and its data dictionary, `measures.json`."""

import json
import re
from collections.abc import Iterable
from typing import Any, Final, get_args

from lgeqa.measures import BY_NAME, definition, reference_scans
from lgeqa.outcomes import Status
from lgeqa.records import ScanResult
from lgeqa.table_text import csv_line

_UNRATED: Final = (
    "The reference scans come from one centre, and nobody rated their quality. "
    "A place among them is not a clinical score."
)
#: Columns before those of the measures.
_COLUMNS: Final = {
    "scan_id": {"LongName": "Scan", "Description": "Name of the scan, unique in a run, as in results.csv."},
    "status": {
        "LongName": "Status",
        "Description": "How far the scan was assessed, as in results.csv.",
        "Levels": list(get_args(Status)),
    },
}
_SIGNIFICANT = 6


def measures_text(results: Iterable[ScanResult]) -> str:
    """Return the measures of each result as CSV with a header line, with an empty cell for an undefined measure."""
    return measures_header() + "".join(map(measures_line, results))


def measures_header() -> str:
    """Return the header line of `measures_text`."""
    return csv_line((*_COLUMNS, *BY_NAME))


def measures_line(result: ScanResult) -> str:
    """Return the line of one result in `measures_text`."""
    return csv_line((result.scan_id, result.status, *(_cell(result, name) for name in BY_NAME)))


def dictionary_text() -> str:
    """Return the data dictionary of `measures_text` as JSON: an entry for each column, and the reference scans."""
    reference = reference_scans()
    about = {"Scans": reference.n, "Source": reference.source, "Note": _UNRATED, "Shares": reference.shares}
    entries = {name: _entry(name) for name in BY_NAME}
    return json.dumps(_COLUMNS | entries | {"ReferenceScans": about}, indent=2, ensure_ascii=False) + "\n"


def _cell(result: ScanResult, name: str) -> float | str:
    """Return a measure to six significant digits, or an empty cell."""
    value = result.measures.values.get(name) if result.measures else None
    return "" if value is None else float(f"{value:.{_SIGNIFICANT}g}")


def _entry(name: str) -> dict[str, Any]:
    """Return the data dictionary's entry for one measure."""
    measure, text = BY_NAME[name], " ".join(definition(name).split())
    undefined = re.search(r"Undefined: (.+?)(?: Source: |$)", text)
    return {
        "LongName": measure.title,
        "Description": text,
        "Units": measure.unit or "none",
        "Direction": measure.better,
        "UndefinedWhen": undefined[1] if undefined else "",
        "ReferenceQuantiles": reference_scans().quantiles[name],
    }
