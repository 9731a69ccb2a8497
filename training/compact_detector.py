"""Write a bundle again with its detector in 8 bits, whose ranges come from scans as both passes of a search see them.

    python training/compact_detector.py --bundle BUNDLE --scans SCANS --about ABOUT.toml -o OUT

SCANS is a folder of scans, such as the ones that the detector learnt from. The quality network stays as it is.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from lgeqa.inference.bundle import open_bundle
from lgeqa.inference.bundle.build import Description
from lgeqa.inference.detection import search_atrium
from lgeqa.io import discover, read_scan
from lgeqa.records import FloatArray, IntArray
from lgeqa.training.bundle_export import joined, quality_of_bundle, stage_1
from lgeqa.training.onnx_export import quantise

#: Step between the scans that set the ranges, and slices of each pass over one.
STEP, SLICES = 4, 4


def main() -> None:
    """Write the bundle."""
    parser = argparse.ArgumentParser(description="Write a bundle again with its detector in 8 bits.")
    parser.add_argument("--bundle", required=True, type=Path)
    parser.add_argument("--scans", required=True, type=Path)
    parser.add_argument("--about", required=True, type=Path)
    parser.add_argument("-o", "--out", required=True, type=Path)
    parser.add_argument("--seed", default=0, type=int)
    options = parser.parse_args()
    first = stage_1(options.bundle)
    with TemporaryDirectory() as scratch:
        network = Path(scratch) / "detector.onnx"
        shown = slices_shown(options.bundle, options.scans, np.random.default_rng(options.seed))
        quantise(first.network, network, shown, Path(scratch))
        about = Description.from_toml(options.about)
        joined(options.out, replace(first, network=network), quality_of_bundle(options.bundle), about)


def slices_shown(bundle: Path, scans: Path, rng: np.random.Generator) -> list[FloatArray]:
    """Return some of the slices that each pass shows the detector, each (slice, context, row, column)."""
    opened = open_bundle(bundle)
    part = opened.manifest.detector
    shown = []

    def detect(slices: FloatArray, context: IntArray) -> FloatArray:
        drawn = rng.choice(len(context), min(SLICES, len(context)), replace=False)
        shown.append(slices[context[drawn]])
        return opened.detect(slices, context)

    for source in discover([scans])[::STEP]:
        scan = read_scan(source)
        search_atrium(scan.voxels, scan.spacing_mm, detect, part.preparation, part.rule)
    return shown


if __name__ == "__main__":
    main()
