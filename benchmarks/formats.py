"""One scan in every format and in several axis orders: how far verdict and probability move.

python benchmarks/formats.py --scan FILE [--bundle DIR]     (from the root of the checkout)
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import lgeqa
from lgeqa.inference.bundle import open_bundle
from lgeqa.io import discover, read_scan
from tests.images import write_dicom_series, write_volume


def main() -> None:
    """Print one line for each way to store the scan."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scan", type=Path, required=True)
    parser.add_argument("--bundle", type=Path)
    options = parser.parse_args()
    bundle = open_bundle(options.bundle)
    [source] = discover([options.scan])
    scan = read_scan(source)
    plain = lgeqa.assess(options.scan, bundle=bundle)
    voxels = scan.voxels.astype(np.int16)
    print(
        f"As it is: {plain.verdict}, {plain.probability:.6f}\n\n| stored as | axes | verdict | probability moves by |"
    )
    print("|---|---|---|---|")
    with TemporaryDirectory() as scratch:
        for axes in ("LPS", "RAS", "LPI", "SLP", "PIR"):
            ways = {
                suffix: write_volume(Path(scratch) / axes / f"a{suffix}", voxels, spacing_mm=scan.spacing_mm, axes=axes)
                for suffix in (".nrrd", ".nii", ".nii.gz", ".mha", ".mhd")
            }
            if axes[2] in "SI":  # the files of a series follow its third axis, which must be the slice axis
                ways["DICOM"] = Path(scratch) / axes / "dicom"
                write_dicom_series(ways["DICOM"], voxels, spacing_mm=scan.spacing_mm, axes=axes)
            for name, path in ways.items():
                result = lgeqa.assess(path, bundle=bundle)
                moved = abs((result.probability or 0) - (plain.probability or 0))
                print(f"| {name} | {axes} | {result.verdict} | {moved:.1e} |")


if __name__ == "__main__":
    main()
