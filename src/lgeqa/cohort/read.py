"""From a path to the scans of a cohort, whatever its layout."""

from pathlib import Path
from typing import Final, NoReturn

from lgeqa.cohort.authors import IMAGE, cases_of_folders
from lgeqa.cohort.case import Case, Note
from lgeqa.cohort.table import cases_of_table
from lgeqa.errors import CohortError

#: Names under which a folder keeps its table.
TABLES: Final = ("scores.csv", "scores.parquet")


def read_cohort(path: Path) -> list[Case]:
    """Read a cohort: a table, a folder that holds one, or the authors' layout with or without `labels.json`.

    Args:
        path: a .csv or .parquet file; or a folder that holds `scores.csv` or `scores.parquet`; or one that holds
            folders `<scan id>/data.nrrd` with `shrinkwrap.nrrd`.

    Returns:
        Cases in the order of their scan ids. In the authors' layout each scan is its own patient. No scan is opened.

    Raises:
        CohortError: there is no cohort, or its table, labels or scores cannot be used; the first fault is told.
        MissingExtraError: the table is Parquet, and PyArrow is not installed.
    """
    return _read(path, _refuse)


def gather_cohort(path: Path) -> tuple[list[Case], list[str]]:
    """Read what can be read of a cohort.

    Args:
        path: as in `read_cohort`.

    Returns:
        The cases, without the rows and entries that cannot be used; and the faults, in the words of `read_cohort`.

    Raises:
        MissingExtraError: the table is Parquet, and PyArrow is not installed.
    """
    faults: list[str] = []
    try:
        cases = _read(path, lambda fault: faults.append(str(fault)))
    except CohortError as fault:
        return [], [*faults, str(fault)]
    return cases, faults


def table_of(path: Path) -> Path | None:
    """The table that `path` is or holds; None for the authors' layout.

    Raises:
        CohortError: `path` is not there, or holds two tables.
    """
    if not path.exists():
        raise CohortError(f"{path}: is not there. Name the folder of a cohort, or its table.")
    if not path.is_dir():
        return path
    found = [path / name for name in TABLES if (path / name).is_file()]
    if len(found) > 1:
        raise CohortError(f"{path}: holds both {' and '.join(TABLES)}. Name one of them as the cohort.")
    return found[0] if found else None


def _read(path: Path, note: Note) -> list[Case]:
    table = table_of(path)
    cases = cases_of_table(table, note) if table else cases_of_folders(path, note)
    if not cases and not table:
        raise CohortError(f"{path}: holds neither {' nor '.join(TABLES)} nor a folder <scan id>/{IMAGE}.")
    return sorted(cases, key=lambda case: case.scan_id)


def _refuse(fault: CohortError) -> NoReturn:
    raise fault
