"""Import of a lab's table of scores, from the table and the scans to the table of a cohort."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Final

import numpy as np

from lgeqa.atomic_io import telling, write_whole
from lgeqa.cohort import Case, LabelRule, read_cohort, settled_rule
from lgeqa.cohort.findings import named
from lgeqa.cohort.foreign_table import ForeignRow, read_foreign_table
from lgeqa.cohort.read import TABLES
from lgeqa.cohort.sources import is_series
from lgeqa.cohort.table_io import COLUMNS, SERIES
from lgeqa.errors import CohortError, OutputError
from lgeqa.io import Source, discover
from lgeqa.io.scan_ids import sanitised
from lgeqa.io.suffixes import VOLUME_SUFFIXES, stem
from lgeqa.scales import SCALE_NAMES
from lgeqa.table_text import csv_text

#: Number of scans that a message proposes.
_PROPOSED: Final = 3


@dataclass(frozen=True)
class ImportRequest:
    """A table of scores to import.

    Attributes:
        table: CSV or Parquet file.
        scans: Folder with the scans.
        out: Folder for `scores.csv`.
        columns: Column of the table by its canonical name, as for `read_foreign_table`.
        masks: Folder with masks named after the scans. None for the masks beside the scans.
        reader: Reader of the scores where the table names none.
    """

    table: Path
    scans: Path
    out: Path
    columns: Mapping[str, str] = field(default_factory=dict)
    masks: Path | None = None
    reader: str = "reader 1"


@dataclass(frozen=True)
class ImportedCohort:
    """A cohort that was imported.

    Attributes:
        table: Table of the cohort.
        cases: Scans of the cohort.
        rule: Rule of the labels that fits the scores.
        cautions: Messages on what deserves a look.
    """

    table: Path
    cases: tuple[Case, ...]
    rule: LabelRule
    cautions: tuple[str, ...]

    @property
    def readers(self) -> dict[str, int]:
        """Number of scans that each reader scored."""
        return dict(sorted(Counter(reader for case in self.cases for reader in case.scores).items()))

    @property
    def scored(self) -> dict[str, int]:
        """Number of scans with a score on each scale by at least one reader."""
        given = [~np.isnan(list(case.scores.values())).all(axis=0) for case in self.cases if case.scores]
        return dict(zip(SCALE_NAMES, np.sum(given, axis=0, dtype=int).tolist(), strict=True))


@dataclass(frozen=True)
class _Entry:
    """A scan of the table with its source, its names in the table, its patient and its scores by reader."""

    source: Source
    names: set[str] = field(default_factory=set)
    patients: set[str] = field(default_factory=set)
    scores: dict[str, Sequence[float]] = field(default_factory=dict)


def import_cohort(request: ImportRequest) -> ImportedCohort:
    """Find the scan of each row of a lab's table, and write the table of a cohort that points at the scans.

    Scans are neither copied nor opened. Nothing is written if anything is wrong.

    Raises:
        CohortError: The table, a row, a scan or a mask cannot be used. The message has a line for each error.
        UsageError: A canonical name of a column is not known.
        OutputError: The table of the cohort cannot be written, or its file holds something else.
        MissingExtraError: The table is Parquet, and PyArrow is not installed.
    """
    messages: list[str] = []
    rows = read_foreign_table(request.table, request.columns, request.reader, lambda error: messages.append(str(error)))
    found = discover([request.scans], skip=[request.masks] if request.masks else [])
    entries = _entries(rows, found, request.scans, messages)
    masks = _masks(entries, request.masks, messages)
    if not rows and not messages:
        messages.append(f"{request.table}: has no row. Give one for each scan.")
    if messages:
        raise CohortError("\n".join(messages))
    table = request.out / TABLES[0]
    with telling(request.out):
        request.out.mkdir(parents=True, exist_ok=True)
    _write_new(table, csv_text((*COLUMNS, SERIES), _cells(entries, masks, request.out.resolve())))
    cases = read_cohort(table)
    return ImportedCohort(
        table,
        tuple(cases),
        settled_rule(cases, LabelRule()),
        tuple(_cautions(request, entries, masks, found, any(row.patient for row in rows))),
    )


def _entries(
    rows: Sequence[ForeignRow], found: Sequence[Source], folder: Path, messages: list[str]
) -> dict[str, _Entry]:
    """Return the scans of the table by their names, and add a message for each row that cannot be used."""
    entries: dict[str, _Entry] = {}
    finder = _Finder(found, folder)
    for row in rows:
        source = finder.find(row, messages)
        if source is None:
            continue
        entry = entries.setdefault(source.scan_id, _Entry(source))
        entry.names.add(row.scan)
        if row.patient:
            entry.patients.add(row.patient)
        if len(entry.patients) > 1:
            messages.append(
                f"{row.where}: scan {row.scan!r} has the patients {' and '.join(sorted(entry.patients))}. Correct one."
            )
        for reader, scores in row.scores.items():
            if reader in entry.scores:
                messages.append(
                    f"{row.where}: scan {row.scan!r} has scores of reader {reader!r} in an earlier row too. Keep "
                    "one, or name the readers with --column reader=THEIR_NAME."
                )
            entry.scores[reader] = scores
    return entries


class _Finder:
    """Search for the scans of a folder by the names that a table gives them.

    Args:
        found: Sources in the folder.
        folder: Folder of the scans.
    """

    def __init__(self, found: Sequence[Source], folder: Path) -> None:
        self._folder = folder
        self._scans = [source for source in found if source.kind != "unusable"]
        root = Path(os.path.abspath(folder))  # noqa: PTH100 - as `discover` makes the paths
        self._own: dict[str, list[Source]] = {}
        self._above: dict[str, list[Source]] = {}
        for source in self._scans:
            below = source.location.relative_to(root)
            own = {source.scan_id, source.location.name, stem(source.location), below.as_posix()}
            own.add((below.parent / stem(source.location)).as_posix())
            for names, index in ((own, self._own), (set(below.parts[:-1]), self._above)):
                for name in {_key(name) for name in names}:
                    index.setdefault(name, []).append(source)

    def find(self, row: ForeignRow, messages: list[str]) -> Source | None:
        """Return the scan of a row, or None after adding a message.

        A scan is known by its name in `lgeqa assess`, by its file or folder with or without a suffix, or else by a
        folder that it is in.
        """
        key = _key(row.scan)
        fitting = self._own.get(key) or self._above.get(key) or []
        if row.series:
            fitting = [source for source in fitting if is_series(source, row.series)]
        if len(fitting) == 1:
            return fitting[0]
        asked = f"{row.where}: scan {row.scan!r}" + (f" with series {row.series!r}" if row.series else "")
        if fitting:
            names = named(source.scan_id for source in fitting)
            messages.append(
                f"{asked} fits {len(fitting)} scans below {self._folder}: {names}. Write one of these names, or the "
                "number of the DICOM series in a column for --column series=THEIR_NAME."
            )
        else:
            messages.append(f"{asked} is not below {self._folder}, which has {self._proposals(row.scan)}. Correct one.")
        return None

    def _proposals(self, name: str) -> str:
        names = [source.scan_id for source in self._scans]
        close = get_close_matches(name, names, _PROPOSED, cutoff=0.5) or names[:_PROPOSED]
        return f"{len(names)} scans, such as {', '.join(close)}" if names else "no scan"


def _key(name: str) -> str:
    """Return a name as it is compared: without the case, and with the signs of a scan's name."""
    return "/".join(sanitised(part) for part in name.replace("\\", "/").split("/")).casefold()


def _masks(entries: Mapping[str, _Entry], folder: Path | None, messages: list[str]) -> dict[str, Path]:
    """Return the mask of each scan that has one, and add a message for each that is not clear."""
    if folder is None:
        return {name: entry.source.mask_path for name, entry in entries.items() if entry.source.mask_path}
    masks: dict[str, Path] = {}
    for name, entry in entries.items():
        names = {name, *(stem(Path(scan)) for scan in entry.names)}
        paths = sorted({folder / f"{scan}{suffix}" for scan in names for suffix in VOLUME_SUFFIXES})
        there = [path for path in paths if path.is_file()]
        if len(there) > 1:
            files = " and ".join(path.name for path in there)
            messages.append(f"{folder}: has several masks of the scan {name!r}, {files}. Keep one.")
        if there:
            masks[name] = there[0]
    if entries and not masks:
        messages.append(
            f"{folder}: has no mask of any scan of the table. Masks are named after the scans, such as "
            f"{next(iter(entries))}.nrrd, as `lgeqa assess --masks` writes them below OUT/masks."
        )
    return masks


def _cells(entries: Mapping[str, _Entry], masks: Mapping[str, Path], out: Path) -> Iterator[tuple[str, ...]]:
    """Yield the rows of the table of the cohort, sorted by scan."""
    for name, entry in sorted(entries.items()):
        patient = next(iter(entry.patients), name)
        mask = _path_cell(masks[name], out) if name in masks else ""
        place = (name, patient, _path_cell(entry.source.location, out), mask)
        for reader, scores in entry.scores.items() or [("", [np.nan] * len(SCALE_NAMES))]:
            cells = ("" if np.isnan(score) else f"{score:g}" for score in scores)
            yield (*place, reader, *cells, entry.source.series)


def _path_cell(path: Path, out: Path) -> str:
    """Return a path relative to the folder of the table if it is below, else the whole path."""
    whole = Path(os.path.abspath(path))  # noqa: PTH100 - a link stays as the lab has it
    return whole.relative_to(out).as_posix() if whole.is_relative_to(out) else str(whole)


def _write_new(path: Path, text: str) -> None:
    """Write a file unless it holds the same already.

    Raises:
        OutputError: The file holds something else, or cannot be written.
    """
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise OutputError(f"{path}: holds another table already. Name another folder, or move this table away.")
    write_whole(path, text)


def _cautions(
    request: ImportRequest,
    entries: Mapping[str, _Entry],
    masks: Mapping[str, Path],
    found: Sequence[Source],
    has_patients: bool,
) -> Iterator[str]:
    if not has_patients:
        yield (
            "The table names no patients, so each scan counts as a patient of its own. If a person was scanned twice, "
            "give the patients with --column patient=THEIR_NAME, or a split may part them."
        )
    if maskless := [name for name in entries if name not in masks]:
        yield (
            f"{len(maskless)} of {len(entries)} scans have no mask: {named(maskless)}. The detector finds the atrium "
            "on them. Give masks with --masks if there are any."
        )
    if rest := [source.scan_id for source in found if source.kind != "unusable" and source.scan_id not in entries]:
        yield f"{len(rest)} scans below {request.scans} are not in the table: {named(rest)}."
    if unusable := [source.fault for source in found if source.kind == "unusable"]:
        yield f"{len(unusable)} paths below {request.scans} cannot be used; the first: {unusable[0]}"
