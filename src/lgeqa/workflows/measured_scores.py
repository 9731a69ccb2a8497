"""Scores that follow from image quality measures, from the scans to the rows of the measured reader."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from lgeqa.batch import BatchItem, OutputFolder
from lgeqa.inference.bundle import open_bundle
from lgeqa.measures import measured_reader
from lgeqa.scales import SCALE_NAMES
from lgeqa.workflows.assessment import AssessmentRequest, Follow, find_scans, pass_on, run_scans
from lgeqa.workflows.score_table import open_table


@dataclass(frozen=True)
class MeasuredScores:
    """Scores of the measured reader.

    Attributes:
        items: Outcome of each scan, in the order in which the scans were found.
        readings: Score of each scale by scan name, for the scans that were measured. None without a score.
        traces: Tracebacks of bugs.
    """

    items: list[BatchItem]
    readings: Mapping[str, Mapping[str, float] | None]
    traces: str


def score_by_measures(request: AssessmentRequest, table_path: Path, follow: Follow = pass_on) -> MeasuredScores:
    """Measure and score the scans, and add the scores to the table of a cohort.

    Raises:
        UsageError: There is no scan, or the bundle or the table cannot be used.
        OutputError: The table cannot be written.
    """
    table = open_table(table_path)
    sources = find_scans(request)
    scans = table.scans_of(sources)
    with TemporaryDirectory() as folder:
        records = OutputFolder(Path(folder))
        items = [item.held() for item in run_scans(sources, request, records, open_bundle(request.bundle), follow)]
        traces = records.faults()
    readings = {
        item.result.scan_id: measured_reader().reading(item.result.measures.values)
        for item in items
        if item.result.measures
    }
    if readings:
        table.measured([(scans[scan_id], _cells(reading)) for scan_id, reading in readings.items()]).write()
    return MeasuredScores(items, readings, traces)


def _cells(reading: Mapping[str, float] | None) -> list[str]:
    """Return a scan's scores as cells of the table, which are empty without a reading."""
    return [f"{score:.2f}" for score in reading.values()] if reading else [""] * len(SCALE_NAMES)
