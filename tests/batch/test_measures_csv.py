import csv
import json

import pytest

from lgeqa.batch import dictionary_text, measures_text
from lgeqa.measures import BY_NAME, MEASURES, definition, reference_scans
from tests.results import assessed, measured, unassessed


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def test_a_row_for_each_scan_and_a_column_for_each_measure() -> None:
    rows = _rows(measures_text([assessed("a", measures=measured()), unassessed("b")]))
    assert [(row["scan_id"], row["status"]) for row in rows] == [("a", "assessed"), ("b", "failed")]
    assert list(rows[0]) == ["scan_id", "status", *(measure.name for measure in MEASURES)]


def test_cells_hold_six_digits() -> None:
    measures = measured(asnr=12.3456789, ghosting_percent=0.00012345678, blood_signal=1234567.8)
    [row] = _rows(measures_text([assessed(measures=measures)]))
    assert float(row["asnr"]) == 12.3457
    assert float(row["ghosting_percent"]) == 0.000123457
    assert float(row["blood_signal"]) == 1234570


def test_an_undefined_measure_is_an_empty_cell() -> None:
    undefined, unread = _rows(measures_text([assessed(measures=measured(asnr=None, wall_cnr=0.0)), unassessed("b")]))
    assert (undefined["asnr"], undefined["wall_cnr"]) == ("", "0.0")
    assert {unread[name] for name in BY_NAME} == {""}


def test_the_dictionary_has_an_entry_for_each_column() -> None:
    [columns] = csv.reader(measures_text([]).splitlines())
    entries = json.loads(dictionary_text())
    assert list(entries) == [*columns, "ReferenceScans"]
    assert all(entries[column]["LongName"] and entries[column]["Description"] for column in columns)


@pytest.mark.parametrize("name", BY_NAME)
def test_the_dictionary_defines_each_measure(name: str) -> None:
    entry = json.loads(dictionary_text())[name]
    measure = BY_NAME[name]
    assert entry["LongName"] == measure.title
    assert entry["Units"] == (measure.unit or "none")
    assert entry["Direction"] == measure.better
    assert entry["Description"].split() == definition(name).split()
    assert f"Undefined: {entry['UndefinedWhen']} Source: " in entry["Description"]
    assert tuple(entry["ReferenceQuantiles"]) == reference_scans().quantiles[name]


def test_the_dictionary_says_what_the_reference_scans_are() -> None:
    about = json.loads(dictionary_text())["ReferenceScans"]
    assert (about["Scans"], about["Source"]) == (reference_scans().n, reference_scans().source)
    assert tuple(about["Shares"]) == reference_scans().shares
    assert "one centre" in about["Note"]
    assert "not a clinical score" in about["Note"]
