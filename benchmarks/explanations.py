"""What explanations cost on a scan, and how the maps of an 8-bit bundle differ from those in full precision.

OPENBLAS_NUM_THREADS=1 python benchmarks/explanations.py --scans FOLDER [--n 5] --bundle DIR [--full DIR]

The same scan is assessed in turn with the bundle and with its twin whose network has no maps. With `--full`, a bundle
of the same network in full precision, both explain the same slices, cut out about the atrium that the first one finds.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx

from lgeqa.attributes import NAMES
from lgeqa.bundle import Bundle, open_bundle
from lgeqa.bundle.bundle import MAPS
from lgeqa.pipeline import AssessSettings, assess_scan
from lgeqa.prepare import prepare_for_quality
from lgeqa.read import discover, read_scan
from lgeqa.records import FloatArray, Scan


def without_maps(folder: Path, threads: int) -> Bundle:
    """The same bundle without the output `maps`; ONNX Runtime drops the nodes that nothing needs."""
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
    """Times of an assessment with each bundle, in turn; the first round warms up and is not given."""
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
    for place, name in enumerate(NAMES):
        a, b = (some[:, place].reshape(len(some), -1) for some in (maps, full))
        largest = np.abs(b).max(axis=1)
        differ = np.abs(a - b).max(axis=1)
        alike = [np.corrcoef(*pair)[0, 1] for pair in zip(a, b, strict=True)]
        print(
            f"| {name} | {np.median(largest):.3f} | {np.median(differ):.4f}, {np.quantile(differ, 0.95):.4f} | "
            f"{np.median(alike):.4f}, {np.quantile(alike, 0.05):.4f} |"
        )


def main() -> None:
    """Print one line a scan, and the comparison of precisions."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--scans", type=Path, required=True)
    options.add_argument("--n", type=int, default=5)
    options.add_argument("--bundle", type=Path, required=True)
    options.add_argument("--full", type=Path)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--repeats", type=int, default=9)
    given = options.parse_args()
    bundle, plain = open_bundle(given.bundle, given.threads), without_maps(given.bundle, given.threads)
    full = open_bundle(given.full, given.threads) if given.full else None
    found: list[tuple[FloatArray, FloatArray]] = []
    print("| scan | slices | probabilities alone | with maps | ratio |\n|---|---|---|---|---|")
    for source in discover([given.scans])[: given.n]:
        scan = read_scan(source)
        # The shortest of several: what else the machine does only ever adds.
        alone, with_maps = map(min, zip(*seconds(scan, (plain, bundle), given.repeats), strict=True))
        atrium = assess_scan(scan, bundle, AssessSettings()).atrium
        held = int(atrium.any(axis=(1, 2)).sum())
        print(f"| {scan.scan_id} | {held} | {alone:.3f} s | {with_maps:.3f} s | {with_maps / alone:.3f} |", flush=True)
        if full:
            prepared = prepare_for_quality(scan.voxels, atrium, scan.spacing_mm, bundle.manifest.quality.preparation)
            maps, exact = bundle.score(prepared).maps, full.score(prepared).maps
            assert maps is not None, "the bundle does not explain"
            assert exact is not None, "the full bundle does not explain"
            found.append((maps, exact))
    if found:
        compare(*map(np.concatenate, zip(*found, strict=True)))


if __name__ == "__main__":
    main()
