"""Agreement of the two halves of a scan in measures and in measured scores.

OPENBLAS_NUM_THREADS=1 python benchmarks/reliability.py --scans ../shared/data/lge

Each scan is measured twice with its reference mask: on the lower half of the atrium's slices and on the upper half.
Spearman's correlation between the halves over all scans says how much of a measure belongs to the scan. The reliability
of the whole scan follows from it by the formula of Spearman and Brown, 2 r / (1 + r). Its square root bounds how well
anything can be correlated with the measure.
"""

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from lgeqa.io import Source, discover, read_mask, read_scan
from lgeqa.measures import Heart, compute_measures, measured_reader
from lgeqa.records import BoolArray, Scan
from lgeqa.scales import SCALE_NAMES

MEASURES = measured_reader().measures


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="How well the two halves of a scan agree.")
    parser.add_argument("--scans", type=Path, required=True)
    halves = np.array([measured_halves(source) for source in discover([parser.parse_args().scans])])
    print(f"{len(halves)} scans\n")
    print("| | between the halves | of the whole | bound |")
    print("|---|---|---|---|")
    for place, name in enumerate((*SCALE_NAMES, *MEASURES)):
        between = spearmanr(halves[:, 0, place], halves[:, 1, place], nan_policy="omit").statistic
        whole = 2 * between / (1 + between)
        print(f"| {name} | {between:.2f} | {whole:.2f} | {np.sqrt(whole):.2f} |")


def measured_halves(source: Source) -> list[npt.NDArray[np.float64]]:
    """Return the scores and measures of the lower and of the upper half of a scan."""
    scan = read_scan(source)
    assert source.mask_path is not None
    atrium = read_mask(source.mask_path, scan)
    atrium_slices = np.flatnonzero(atrium.any(axis=(1, 2)))
    middle = atrium_slices[len(atrium_slices) // 2]
    upper = np.arange(len(atrium))[:, None, None] >= middle
    return [measured_on(scan, atrium & part) for part in (~upper, upper)]


def measured_on(scan: Scan, atrium: BoolArray) -> npt.NDArray[np.float64]:
    """Return the scores and the measures behind them, NaN if one is undefined."""
    values = compute_measures(scan, Heart(scan.voxels, atrium, scan.spacing_mm)).values
    return np.array([*measured_reader().scores(values).values(), *(values[name] for name in MEASURES)], float)


if __name__ == "__main__":
    main()
