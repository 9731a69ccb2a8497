"""Readings of a study as arrays of readers by scans by scales."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lgeqa.agreement.ratings import Reading
from lgeqa.bootstrap import Numbers, numbered
from lgeqa.errors import UsageError
from lgeqa.records import IntArray
from lgeqa.scales import SCALE_NAMES

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class RatingMatrix:
    """Every reader's first reading of every scan, and the second reading if there is one.

    Attributes:
        readers: Names of the readers, sorted.
        scans: Names of the scans, sorted.
        patients: Number of each scan's patient, from 0 without gaps, (scans,).
        scores: Scores of the first and the second reading, (2, readers, scans, scales), scales in the order of
            `scales.SCALE_NAMES`. NaN where there are no scores.
        refused: Whether the reader said that the scan cannot be rated, (2, readers, scans).
    """

    readers: tuple[str, ...]
    scans: tuple[str, ...]
    patients: IntArray
    scores: Numbers
    refused: Flags

    @property
    def scored(self) -> Flags:
        """Whether the reader scored the scan on at least one scale, (2, readers, scans)."""
        return np.asarray((~np.isnan(self.scores)).any(axis=-1))

    def on(self, scale: str) -> Numbers:
        """Return the first readings on one scale, (readers, scans)."""
        return self.scores[0, :, :, SCALE_NAMES.index(scale)]

    def again(self, scale: str) -> Numbers:
        """Return the second readings on one scale, (readers, scans)."""
        return self.scores[1, :, :, SCALE_NAMES.index(scale)]


def panel_of(readings: Sequence[Reading]) -> RatingMatrix:
    """Arrange the readings as arrays.

    A reader's earliest reading of a scan is the first one, whatever its number.

    Raises:
        UsageError: There are no readings.
    """
    if not readings:
        raise UsageError("No reader's scores were found. Agreement needs scans that two readers or more scored.")
    readers = sorted({reading.reader for reading in readings})
    patient_of = {reading.scan_id: reading.patient for reading in readings}
    scans = sorted(patient_of)
    patients = numbered([patient_of[scan] for scan in scans])
    shape = (2, len(readers), len(scans))
    scores, refused = np.full((*shape, len(SCALE_NAMES)), np.nan), np.zeros(shape, bool)
    filled = np.zeros(shape[1:], int)
    rows, columns = ({name: i for i, name in enumerate(names)} for names in (readers, scans))
    for reading in sorted(readings, key=lambda reading: reading.number):
        place = rows[reading.reader], columns[reading.scan_id]
        at = (filled[place], *place)
        filled[place] += 1
        refused[at] = reading.scores is None
        if reading.scores is not None:
            scores[at] = reading.scores
    return RatingMatrix(tuple(readers), tuple(scans), patients, scores, refused)
