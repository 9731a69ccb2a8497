"""Stored results of an output folder by their outcome, without a run."""

from collections.abc import Iterator
from pathlib import Path

from lgeqa.batch import OutputFolder, ResultStore, has_store
from lgeqa.errors import UsageError
from lgeqa.outcomes import Decision, Status, Verdict
from lgeqa.records import ScanResult


def find_results(
    out: Path, decision: Decision | None = None, verdict: Verdict | None = None, status: Status | None = None
) -> Iterator[ScanResult]:
    """Load the results with an outcome one after another, in the order of the last run and then by name.

    Args:
        out: Output folder of `lgeqa assess` or `measure`.
        decision: Decision of the results. None for any, and so are the next two.
        verdict: Verdict of the results.
        status: Status of the results.

    Raises:
        UsageError: The folder has no store of results.
        OutputError: The store is damaged, or a run is writing it.
    """
    if not has_store(out):
        raise UsageError(f"{out}: holds no results. Name the output folder of lgeqa assess or lgeqa measure.")
    store = ResultStore(OutputFolder(out))
    return map(store.load, store.find(decision, verdict, status))
