"""Table of predictions and labels, with one row for each scan that has a label."""

import math
from collections.abc import Sequence

from lgeqa.cohort import Case, LabelRule, Scores
from lgeqa.evaluation.reference_labels import label_of
from lgeqa.inference.vote import scan_call
from lgeqa.outcomes import Verdict
from lgeqa.records import ScanResult
from lgeqa.scales import SCALE_NAMES, is_diagnostic
from lgeqa.table_text import csv_text

#: Columns of `predictions.csv`, in this order.
COLUMNS = (
    "scan_id",
    "patient",
    "status",
    *(f"score_{name}" for name in SCALE_NAMES),
    *(f"label_{name}" for name in SCALE_NAMES),
    *(f"call_{name}" for name in SCALE_NAMES),
    *(f"p_{name}" for name in SCALE_NAMES),
    "votes_diagnostic",
    "votes_total",
    "tie",
    "message",
)


def predictions(cases: Sequence[Case], results: Sequence[ScanResult], rule: LabelRule) -> str:
    """Return the table as CSV, with empty cells for missing answers and six decimals for probabilities.

    Args:
        cases: Scans of the cohort, of which those with a label of quality are in the table.
        results: Record of each scan.
        rule: Rule that derives the labels.
    """
    rows = (
        _row(case, result, label)
        for case, result in zip(cases, results, strict=True)
        if (label := label_of(case, rule))
    )
    return csv_text(COLUMNS, ([row.get(column, "") for column in COLUMNS] for row in rows))


def _row(case: Case, result: ScanResult, label: Scores) -> dict[str, object]:
    row: dict[str, object] = {
        "scan_id": result.scan_id,
        "patient": case.patient,
        "status": result.status,
        "message": result.message,
    }
    scores = {name: score for name, score in zip(SCALE_NAMES, label, strict=True) if not math.isnan(score)}
    row |= {f"score_{name}": f"{score:g}" for name, score in scores.items()}
    row |= {f"label_{name}": _word(is_diagnostic(score)) for name, score in scores.items()}
    if result.status == "assessed":
        row |= {f"call_{name}": _word(scan_call(result, name)) for name in SCALE_NAMES}
        row |= {f"p_{name}": round(getattr(result, f"p_{name}"), 6) for name in SCALE_NAMES}
        row |= {"votes_diagnostic": result.votes_diagnostic, "votes_total": result.votes_total}
        row["tie"] = str(result.tie).lower()
    return row


def _word(diagnostic: bool) -> Verdict:
    return "diagnostic" if diagnostic else "non-diagnostic"
