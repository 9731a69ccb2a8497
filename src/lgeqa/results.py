"""Results of many scans as one table, for Python and notebooks."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

from lgeqa.formatting import probability_text
from lgeqa.records import ScanResult, frame_of, table_html
from lgeqa.scales import SCALE_NAMES

if TYPE_CHECKING:
    from pandas import DataFrame

#: Columns of `results.csv`, one row a scan, in this order. Those of `score_columns` follow if a scan has scores.
CSV_COLUMNS = (
    "scan_id",
    "status",
    "decision",
    "verdict",
    "review",
    "probability",
    "votes_diagnostic",
    "votes_total",
    "tie",
    *(f"p_{name}" for name in SCALE_NAMES),
    "first_slice",
    "last_slice",
    "n_slices",
    "message",
    "threshold",
    "source",
    "input_sha256",
    "bundle_name",
    "bundle_version",
)
#: Columns of `results.csv` for the scores that a bundle estimates: of each scale the expected score and its interval.
SCORE_COLUMNS = tuple(f"score_{name}{end}" for name in SCALE_NAMES for end in ("", "_low", "_high"))
#: Columns of the table in a notebook.
_SUMMARY = ("scan_id", "decision", "verdict", "probability", "review", "message")
#: Types of pandas for columns that would become numbers with a point, or objects, where values are missing.
_NULLABLE = {
    **{name: "Int64" for name, field in ScanResult.model_fields.items() if field.annotation == int | None},
    **{name: "Int64" for name in SCORE_COLUMNS if name.endswith(("_low", "_high"))},
    "tie": "boolean",
}


class Results(Sequence[ScanResult]):
    """Results of scans in the order in which the scans were found.

    It is a sequence of `ScanResult`, shows itself as a table in a notebook, and converts to data frames.
    """

    def __init__(self, results: Sequence[ScanResult]) -> None:
        self._results = tuple(results)

    @overload
    def __getitem__(self, index: int) -> ScanResult: ...
    @overload
    def __getitem__(self, index: slice) -> "Results": ...
    def __getitem__(self, index: int | slice) -> "ScanResult | Results":
        """Return one result, or the results of a slice."""
        return Results(self._results[index]) if isinstance(index, slice) else self._results[index]

    def __len__(self) -> int:
        """Return the number of scans."""
        return len(self._results)

    def __iter__(self) -> Iterator[ScanResult]:
        """Iterate over the results."""
        return iter(self._results)

    def __repr__(self) -> str:
        """Return the counts of the outcomes."""
        counts = Counter(result.verdict or result.status for result in self)
        return f"Results({len(self)} scans: {', '.join(f'{count} {name}' for name, count in counts.items())})"

    def _repr_html_(self) -> str:
        return table_html([_summary(result) for result in self], _SUMMARY)

    def to_dict(self) -> list[dict[str, Any]]:
        """Return the record of each scan as plain Python values, as in `scans/*.json`."""
        return [result.to_dict() for result in self]

    def to_frame(self) -> "DataFrame":
        """Return a data frame with a row for each scan and the columns of `results.csv`.

        Columns of integers, and of true and false, stay so where values are missing.

        Raises:
            MissingExtraError: The package pandas is not installed.
        """
        columns, rows = csv_rows(self)
        return frame_of(rows, columns).astype({name: _NULLABLE[name] for name in columns if name in _NULLABLE})

    def measures_frame(self) -> "DataFrame":
        """Return a data frame of the image quality measures, with a row for each scan and a column for each measure.

        Raises:
            MissingExtraError: The package pandas is not installed.
        """
        rows = [{"scan_id": result.scan_id, **result.measures.values} for result in self if result.measures]
        return frame_of(rows, ["scan_id"])


def _summary(result: ScanResult) -> dict[str, Any]:
    """Return what a notebook shows of a result."""
    probability = None if result.probability is None else probability_text(result.probability)
    return {name: getattr(result, name) for name in _SUMMARY} | {"probability": probability}


def csv_rows(results: Sequence[ScanResult]) -> tuple[tuple[str, ...], list[dict[str, Any]]]:
    """Return the columns of `results.csv`, and each result by these columns, None where it has no value.

    The columns of scores are there only if a result has scores.
    """
    columns = CSV_COLUMNS + (SCORE_COLUMNS if any(result.scores for result in results) else ())
    return columns, [{name: cells.get(name) for name in columns} for cells in map(_cells, results)]


def _cells(result: ScanResult) -> dict[str, Any]:
    """Return everything that can be a cell of a result, by column."""
    bundle = {"bundle_name": result.bundle.name, "bundle_version": result.bundle.version} if result.bundle else {}
    return dict(result) | _scores(result) | bundle


def _scores(result: ScanResult) -> dict[str, float]:
    """Return the estimated scores by column."""
    return {
        f"score_{scale}{end}": value
        for scale, score in result.scores.items()
        for end, value in (("", score.expected), ("_low", score.low), ("_high", score.high))
    }
