"""Cost of explanations on a scan, and differences between the maps of an 8-bit bundle and those in full precision.

OPENBLAS_NUM_THREADS=1 python benchmarks/explanations.py --scans FOLDER [--n 5] --bundle DIR [--full DIR]

The same scan is assessed in turn with the bundle and with a copy whose network has no maps. With `--full`, a bundle of
the same network in full precision, both explain the same slices around the atrium that the first one finds.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx

from lgeqa.inference.bundle import Bundle, open_bundle
from lgeqa.inference.bundle.bundle import MAPS
from lgeqa.inference.pipeline import AssessSettings, assess_scan
from lgeqa.io import discover, read_scan
from lgeqa.preprocessing import prepare_for_quality
from lgeqa.records import FloatArray, Scan
from lgeqa.scales import SCALE_NAMES


def without_maps(folder: Path, threads: int) -> Bundle:
    """Return the same bundle without the output `maps`, whose nodes ONNX Runtime then drops."""
    bundle = open_bundle(folder)
    manifest = bundle.manifest
    model = onnx.load(folder / manifest.quality.file)
    [maps] = [output for output in model.graph.output if output.name == MAPS]
    model.graph.output.remove(maps)
    files = {
        manifest.detector.file: (folder / manifest.detector.file).read_bytes(),
        manifest.quality.file: model.SerializeToString(),
    }
    return Bundle(manifest, bundle.stamp, files, threads)


def seconds(scan: Scan, bundles: tuple[Bundle, Bundle], repeats: int) -> Iterator[tuple[float, ...]]:
    """Yield the times of an assessment with each bundle, in turn, without the first round, which warms up."""
    for round_ in range(repeats + 1):
        times = []
        for bundle in bundles:
            start = time.perf_counter()
            assess_scan(scan, bundle, AssessSettings())
            times.append(time.perf_counter() - start)
        if round_:
            yield tuple(times)


def compare(maps: FloatArray, full: FloatArray) -> None:
    """Print how maps (slice, 4, row, column) of two precisions differ, for each scale."""
    print("\n| scale | largest cell (median) | it differs by at the most (median, 95 %) | correlation (median, 5 %) |")
    print("|---|---|---|---|")
    for place, name in enumerate(SCALE_NAMES):
        a, b = (array[:, place].reshape(len(array), -1) for array in (maps, full))
        largest = np.abs(b).max(axis=1)
        differ = np.abs(a - b).max(axis=1)
        alike = [np.corrcoef(*pair)[0, 1] for pair in zip(a, b, strict=True)]
        print(
            f"| {name} | {np.median(largest):.3f} | {np.median(differ):.4f}, {np.quantile(differ, 0.95):.4f} | "
            f"{np.median(alike):.4f}, {np.quantile(alike, 0.05):.4f} |"
        )


def main() -> None:
    """Print one line per scan, and the comparison of precisions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=Path, required=True)
    parser.add_argument("--n", type=int, default=5)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--full", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    bundle, plain = open_bundle(options.bundle, options.threads), without_maps(options.bundle, options.threads)
    full = open_bundle(options.full, options.threads) if options.full else None
    pairs: list[tuple[FloatArray, FloatArray]] = []
    print("| scan | slices | probabilities alone | with maps | ratio |\n|---|---|---|---|---|")
    for source in discover([options.scans])[: options.n]:
        scan = read_scan(source)
        # The shortest of several times, since other load of the machine can only add to it.
        alone, with_maps = map(min, zip(*seconds(scan, (plain, bundle), options.repeats), strict=True))
        atrium = assess_scan(scan, bundle, AssessSettings()).atrium
        n_slices = int(atrium.any(axis=(1, 2)).sum())
        print(
            f"| {scan.scan_id} | {n_slices} | {alone:.3f} s | {with_maps:.3f} s | {with_maps / alone:.3f} |", flush=True
        )
        if full:
            prepared = prepare_for_quality(scan.voxels, atrium, scan.spacing_mm, bundle.manifest.quality.preparation)
            maps, exact = bundle.score(prepared).maps, full.score(prepared).maps
            assert maps is not None, "the bundle does not explain"
            assert exact is not None, "the full bundle does not explain"
            pairs.append((maps, exact))
    if pairs:
        compare(*map(np.concatenate, zip(*pairs, strict=True)))


if __name__ == "__main__":
    main()
