"""Small cohorts on disk for tests: real files, so that they can be checked."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lgeqa.cohort.table_io import COLUMNS
from tests.images import volume, write_volume


@dataclass
class Made:
    """A cohort that is written scan by scan.

    Attributes:
        root: its folder.
        rows: of its table, as text.
    """

    root: Path
    rows: list[str] = field(default_factory=list)

    @property
    def table(self) -> Path:
        return self.root / "scores.csv"

    def add(self, scan: str, *readings: str, patient: str = "", seed: int | None = None) -> None:
        """Write a scan with its mask, and a row for each of `readings`, such as `ann,1,2,3,4`."""
        voxels = volume(seed=len(self.rows) if seed is None else seed)
        write_volume(self.root / scan / "data.nrrd", voxels)
        mask = np.zeros(voxels.shape, np.uint8)
        mask[2:4, 3:5, 3:6] = 1
        write_volume(self.root / scan / "shrinkwrap.nrrd", mask)
        for reading in readings or (",,,,",):
            self.row(scan, patient or f"p-{scan}", f"{scan}/data.nrrd", f"{scan}/shrinkwrap.nrrd", reading)

    def row(self, *cells: str) -> None:
        self.rows.append(",".join(cells))
        self.table.write_text("\n".join([",".join(COLUMNS), *self.rows]) + "\n")


def good_cohort(root: Path, scans: int = 4) -> Made:
    """Half of the scans diagnostic on all scales and half on none, each of another patient."""
    made = Made(root)
    for number in range(scans):
        made.add(f"s{number}", "ann,4,4,4,4" if number % 2 else "ann,2,2,2,2", "truth,5,5,5,5")
    return made
