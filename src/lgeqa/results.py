"""Results of many scans as one table, for Python and notebooks."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

from lgeqa.records import ScanResult, csv_rows, frame_of, table_html

if TYPE_CHECKING:
    from pandas import DataFrame

#: Columns of the table in a notebook.
_SUMMARY = ("scan_id", "verdict", "probability", "review", "message")


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
        return table_html([{name: getattr(result, name) for name in _SUMMARY} for result in self], _SUMMARY)

    def to_dict(self) -> list[dict[str, Any]]:
        """Return the record of each scan as plain Python values, as in `scans/*.json`."""
        return [result.to_dict() for result in self]

    def to_frame(self) -> "DataFrame":
        """Return a data frame with a row for each scan and the columns of `results.csv`.

        Raises:
            MissingExtraError: The package pandas is not installed.
        """
        columns, rows = csv_rows(self)
        return frame_of(rows, columns)

    def measures_frame(self) -> "DataFrame":
        """Return a data frame of the image quality measures, with a row for each scan and a column for each measure.

        Raises:
            MissingExtraError: The package pandas is not installed.
        """
        rows = [{"scan_id": result.scan_id, **result.measures.values} for result in self if result.measures]
        return frame_of(rows, ["scan_id"])
