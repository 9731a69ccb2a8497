"""The readings of a study as arrays: readers by scans by scales."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lgeqa.agreement.readings import Reading
from lgeqa.attributes import NAMES
from lgeqa.errors import UsageError
from lgeqa.intervals import Numbers
from lgeqa.records import IntArray

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Panel:
    """Every reader's first reading of every scan, and the second where there is one.

    Attributes:
        readers: their names, sorted.
        scans: names of the scans, sorted.
        patients: (scans,) number of each scan's patient, from 0 without gaps.
        scores: (2, readers, scans, scales) first and second reading, scales in the order of `attributes.NAMES`; NaN
            where there are no scores.
        refused: (2, readers, scans) where the reader said that the scan cannot be rated.
    """

    readers: tuple[str, ...]
    scans: tuple[str, ...]
    patients: IntArray
    scores: Numbers
    refused: Flags

    def on(self, scale: str) -> Numbers:
        """First readings on one scale, (readers, scans)."""
        return self.scores[0, :, :, NAMES.index(scale)]

    def again(self, scale: str) -> Numbers:
        """Second readings on one scale, (readers, scans)."""
        return self.scores[1, :, :, NAMES.index(scale)]


def panel_of(readings: Sequence[Reading]) -> Panel:
    """Arrange the readings. A reader's earliest reading of a scan is the first, whatever its number.

    Raises:
        UsageError: there is none.
    """
    if not readings:
        raise UsageError("No reader's scores were found. Agreement needs scans that two readers or more scored.")
    readers = sorted({one.reader for one in readings})
    patient_of = {one.scan_id: one.patient for one in readings}
    scans = sorted(patient_of)
    _, patients = np.unique([patient_of[scan] for scan in scans], return_inverse=True)
    shape = (2, len(readers), len(scans))
    scores, refused = np.full((*shape, len(NAMES)), np.nan), np.zeros(shape, bool)
    filled = np.zeros(shape[1:], int)
    rows, columns = ({name: i for i, name in enumerate(names)} for names in (readers, scans))
    for one in sorted(readings, key=lambda one: one.number):
        place = rows[one.reader], columns[one.scan_id]
        at = (filled[place], *place)
        filled[place] += 1
        refused[at] = one.scores is None
        if one.scores is not None:
            scores[at] = one.scores
    return Panel(tuple(readers), tuple(scans), patients.astype(np.int64), scores, refused)
