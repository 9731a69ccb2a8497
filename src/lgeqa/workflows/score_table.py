"""A CSV table of scores that gets the rows of the measured reader and keeps all other rows unchanged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from lgeqa.atomic_io import write_whole
from lgeqa.cohort.case import MEASURED
from lgeqa.cohort.csv_lines import csv_lines
from lgeqa.cohort.sources import is_series
from lgeqa.cohort.table import cases_of_table
from lgeqa.cohort.table_io import COLUMNS, SERIES
from lgeqa.errors import CohortError, OutputError, UsageError
from lgeqa.io import Source
from lgeqa.scales import SCALE_NAMES
from lgeqa.table_text import csv_text

#: Columns that identify the scan of a row.
_SCAN = ("scan", "patient", "image", "mask", SERIES)


@dataclass(frozen=True)
class ScoreTable:
    """Table as it is on disk.

    Attributes:
        path: File of the table.
        columns: Names of its columns.
        rows: Cells of each row, in the order of the columns.
    """

    path: Path
    columns: list[str]
    rows: list[list[str]]

    def scans_of(self, sources: Sequence[Source]) -> dict[str, dict[str, str]]:
        """Return the cells that identify each scan, by its id, from the table if it has the image, else new ones.

        A new scan counts as a separate patient. Paths below the table's folder are relative to it.

        Raises:
            CohortError: The table has another scan of the same name.
        """
        known = [{name: self._cell(row, name) for name in _SCAN} for row in self.rows]
        taken = {scan["scan"]: scan["image"] for scan in known}
        scans = {}
        for source in sources:
            same = next((scan for scan in known if self._is_of(scan, source)), None)
            if same is None and source.scan_id in taken:
                raise CohortError(
                    f"{self.path}: has a scan {source.scan_id!r} already, whose image is {taken[source.scan_id]} and "
                    f"not {source.location}. Rename one, or name another table."
                )
            paths = (self._path_cell(source.location), self._path_cell(source.mask_path))
            new = (source.scan_id, source.scan_id, *paths, source.series)
            scans[source.scan_id] = same or dict(zip(_SCAN, new, strict=True))
        return scans

    def measured(self, scores: Sequence[tuple[Mapping[str, str], Sequence[str]]]) -> "ScoreTable":
        """Return the table with rows of the reader `measured`, which replace earlier ones of the same scans.

        Args:
            scores: Cells that identify a scan, as in `scans_of`, and its scores in the order of `scales.SCALE_NAMES`.
        """
        scored = {scan["scan"] for scan, _ in scores}
        others = [
            row for row in self.rows if not (self._cell(row, "reader") == MEASURED and row[self._at("scan")] in scored)
        ]
        cells = [{**scan, "reader": MEASURED, **dict(zip(SCALE_NAMES, values, strict=True))} for scan, values in scores]
        added = [SERIES] if SERIES not in self.columns and any(scan[SERIES] for scan, _ in scores) else []
        columns = [*self.columns, *added]
        others = [[*row, *([""] * len(added))] for row in others]
        return ScoreTable(self.path, columns, [*others, *([row.get(name, "") for name in columns] for row in cells)])

    def write(self) -> None:
        """Write the table, completely or not at all.

        Raises:
            OutputError: The table cannot be written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{self.path.parent}: cannot be made ({error.strerror}). Name a table in another folder."
            ) from None
        write_whole(self.path, csv_text(self.columns, self.rows))

    def _at(self, name: str) -> int:
        return self.columns.index(name)

    def _cell(self, row: Sequence[str], name: str) -> str:
        return row[self._at(name)] if name in self.columns else ""

    def _is_of(self, scan: Mapping[str, str], source: Source) -> bool:
        """Return whether the cells that identify a scan are those of a source."""
        image = (self.path.parent / scan["image"]).resolve()
        return image == source.location.resolve() and (not scan[SERIES] or is_series(source, scan[SERIES]))

    def _path_cell(self, path: Path | None) -> str:
        """Return a path as the table writes it, empty for None."""
        if path is None:
            return ""
        folder, path = self.path.parent.resolve(), path.parent.resolve() / path.name
        return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def open_table(path: Path) -> ScoreTable:
    """Return the table at a path, without rows if there is none yet.

    Raises:
        UsageError: The name of the file does not end in `.csv`.
        CohortError: The table cannot be read. The message names the line.
    """
    if path.suffix.lower() != ".csv":
        raise UsageError(
            f"{path}: is not CSV by its name, and scores are written as CSV. Name a file such as scores.csv."
        )
    if not path.exists():
        return ScoreTable(path, list(COLUMNS), [])
    cases_of_table(path, _refuse)
    (_, columns), *lines = csv_lines(path)
    return ScoreTable(path, columns, [cells for _, cells in lines])


def _refuse(error: CohortError) -> NoReturn:
    raise error
