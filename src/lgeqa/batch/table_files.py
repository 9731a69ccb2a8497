"""Files of the tables of a run, which grow with it."""

from collections.abc import Iterable
from pathlib import Path

from lgeqa.atomic_io import not_written, write_through, write_whole
from lgeqa.batch.measures_csv import dictionary_text, measures_header, measures_line
from lgeqa.batch.output_folder import OutputFolder
from lgeqa.batch.result_store import ResultStore
from lgeqa.batch.tables import table_lines
from lgeqa.records import ScanResult
from lgeqa.results import CSV_COLUMNS, SCORE_COLUMNS
from lgeqa.table_text import BOM, csv_line


class TableFiles:
    """Files of the tables, to which a line is added for each finished scan.

    A kill may leave part of a line at the end, which the next run replaces.

    Args:
        out: Output folder.
        store: Store of the results.
    """

    def __init__(self, out: OutputFolder, store: ResultStore) -> None:
        self._out = out
        self._store = store
        self._scored = False

    def write(self) -> None:
        """Write both tables and the data dictionary from the store, in its order.

        Raises:
            OutputError: A file cannot be written.
        """
        self._scored = self._store.has_scores()
        columns = CSV_COLUMNS + (SCORE_COLUMNS if self._scored else ())
        results = (self._joined(line, scores) for line, scores, _ in self._store.lines())
        _write_lines(self._out.table, BOM + csv_line(columns), results)
        _write_lines(self._out.measures, BOM + measures_header(), (line for _, _, line in self._store.lines()))
        write_whole(self._out.dictionary, dictionary_text())

    def add(self, result: ScanResult) -> None:
        """Add the line of a result, which is in the store, to both tables.

        Raises:
            OutputError: A file cannot be written.
        """
        if result.scores and not self._scored:
            self.write()
            return
        _add(self._out.table, self._joined(*table_lines(result)))
        _add(self._out.measures, measures_line(result))

    def _joined(self, line: str, scores: str) -> str:
        """Return a line with or without the cells of scores, as the table has them."""
        return f"{line},{scores or ',' * (len(SCORE_COLUMNS) - 1)}\n" if self._scored else f"{line}\n"


def _write_lines(path: Path, head: str, lines: Iterable[str]) -> None:
    def write(draft: Path) -> None:
        with draft.open("w", encoding="utf-8", newline="") as file:
            file.write(head)
            file.writelines(lines)

    write_through(path, write)


def _add(path: Path, line: str) -> None:
    try:
        with path.open("a", encoding="utf-8", newline="") as file:
            file.write(line)
    except OSError as error:
        raise not_written(path, error) from None
