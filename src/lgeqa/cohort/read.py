"""Reading of cohorts in any layout."""

from pathlib import Path
from typing import Final

from lgeqa.cohort.case import Case, Note
from lgeqa.cohort.paper_layout import IMAGE, cases_of_folders
from lgeqa.cohort.table import cases_of_table
from lgeqa.errors import CohortError

#: File names of the table in the folder of a cohort.
TABLES: Final = ("scores.csv", "scores.parquet")


def read_cohort(path: Path) -> list[Case]:
    """Read a cohort: a table, a folder that holds one, or the authors' layout with or without `labels.json`.

    Args:
        path: A .csv or .parquet file, a folder that holds `scores.csv` or `scores.parquet`, or a folder of
            `<scan id>/data.nrrd` with `shrinkwrap.nrrd`.

    Returns:
        Cases in the order of their scan ids. In the authors' layout each scan is a separate patient. No scan is opened.

    Raises:
        CohortError: There is no cohort, or its table, labels or scores cannot be used. The message has a line for each
            error.
        MissingExtraError: The table is Parquet, and PyArrow is not installed.
    """
    cases, messages = gather_cohort(path)
    if messages:
        raise CohortError("\n".join(messages))
    return cases


def gather_cohort(path: Path) -> tuple[list[Case], list[str]]:
    """Read all usable rows and entries of a cohort.

    Args:
        path: Path of the cohort, as in `read_cohort`.

    Returns:
        Cases without the rows and entries that cannot be used, and the error messages.

    Raises:
        MissingExtraError: The table is Parquet, and PyArrow is not installed.
    """
    messages: list[str] = []
    try:
        cases = _read(path, lambda error: messages.append(str(error)))
    except CohortError as error:
        return [], [*messages, str(error)]
    return cases, messages


def table_of(path: Path) -> Path | None:
    """Return the table that `path` is or contains, or None for the authors' layout.

    Raises:
        CohortError: `path` does not exist, or contains two tables.
    """
    if not path.exists():
        raise CohortError(f"{path}: is not there. Name the folder of a cohort, or its table.")
    if not path.is_dir():
        return path
    tables = [path / name for name in TABLES if (path / name).is_file()]
    if len(tables) > 1:
        raise CohortError(f"{path}: holds both {' and '.join(TABLES)}. Name one of them as the cohort.")
    return tables[0] if tables else None


def _read(path: Path, note: Note) -> list[Case]:
    table = table_of(path)
    cases = cases_of_table(table, note) if table else cases_of_folders(path, note)
    if not cases and not table:
        raise CohortError(f"{path}: holds neither {' nor '.join(TABLES)} nor a folder <scan id>/{IMAGE}.")
    return sorted(cases, key=lambda case: case.scan_id)
