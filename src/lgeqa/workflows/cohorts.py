"""A cohort as one object, for Python and notebooks."""

from collections import Counter
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from lgeqa.cohort import Case, LabelRule, read_cohort
from lgeqa.cohort.check import CohortReport, check_cohort
from lgeqa.records import frame_of
from lgeqa.scales import SCALE_NAMES

if TYPE_CHECKING:
    from pandas import DataFrame


class Cohort:
    """Scans with their patients, masks and readers' scores, as a table or a folder holds them.

    Attributes:
        path: Table or folder of the cohort.
        cases: Scans in the order of their names. No scan is opened.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        """Read a cohort.

        Raises:
            CohortError: There is no cohort, or its table, labels or scores cannot be used.
            MissingExtraError: The table is Parquet, and PyArrow is not installed.
        """
        self.path = Path(path)
        self.cases: tuple[Case, ...] = tuple(read_cohort(self.path))

    @property
    def patients(self) -> list[str]:
        """Return the names of the patients, sorted."""
        return sorted({case.patient for case in self.cases})

    @property
    def readers(self) -> dict[str, int]:
        """Return the number of scans that each reader scored."""
        return dict(Counter(reader for case in self.cases for reader in case.scores))

    def check(self, rule: LabelRule | None = None, split: str | PathLike[str] | None = None) -> CohortReport:
        """Read every scan and mask, and return all that prevents training and all that deserves caution.

        Args:
            rule: Rule that derives the labels. None for the rule that fits the scores.
            split: File of a saved split to check as well.
        """
        return check_cohort([self.path], rule or LabelRule(), None if split is None else Path(split))

    def to_frame(self) -> "DataFrame":
        """Return a data frame with a row for each scan and reader, and one without scores for an unscored scan.

        Raises:
            MissingExtraError: The package pandas is not installed.
        """
        rows = []
        for case in self.cases:
            scan = {"scan": case.scan_id, "patient": case.patient, "image": str(case.image)}
            scored = [
                {"reader": reader, **dict(zip(SCALE_NAMES, row, strict=True))} for reader, row in case.scores.items()
            ]
            rows += [{**scan, **scores} for scores in scored or [{"reader": None}]]
        return frame_of(rows, ["scan", "patient", "image", "reader", *SCALE_NAMES])

    def __len__(self) -> int:
        """Return the number of scans."""
        return len(self.cases)

    def __repr__(self) -> str:
        """Return the path and the counts of scans, patients and readers."""
        counts = f"{len(self)} scans of {len(self.patients)} patients, {len(self.readers)} readers"
        return f"Cohort({str(self.path)!r}: {counts})"
