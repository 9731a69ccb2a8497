"""What the gate says about real scans, and about volumes that are not left-atrial LGE scans.

OPENBLAS_NUM_THREADS=1 python benchmarks/gate.py --scans ../shared/data/lge [--other FILE ...]
python benchmarks/gate.py --scans ../shared/data/lge --mean-heart src/lgeqa/inference/gate/mean_heart.npy

The first form prints the findings on all real scans, each compared with the mean heart of the others, on ten of them
changed in 14 ways, and on volumes named with `--other`, such as brains. The second writes the mean of the surroundings
of the atrium over all scans, with their reference masks.
"""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np

from lgeqa.inference.bundle import Bundle, open_bundle
from lgeqa.inference.gate import likeness
from lgeqa.inference.pipeline import AssessSettings, assess_scan
from lgeqa.io import discover, read_mask, read_scan
from lgeqa.measures import Heart
from lgeqa.records import BoolArray, FloatArray, Scan, ScanResult

Case = tuple[Scan, BoolArray]


def mean_of(hearts: Sequence[FloatArray]) -> FloatArray:
    """Return the mean over scans, NaN where fewer than half of them have values."""
    stacked = np.stack(hearts)
    count = np.isfinite(stacked).sum(axis=0)
    total = np.nansum(stacked, axis=0)
    return np.where(count * 2 >= len(hearts), total / np.maximum(count, 1), np.nan).astype(np.float32)


def changed(scan: Scan, atrium: BoolArray) -> Iterator[tuple[str, Scan]]:
    """Yield a scan changed in ways that make it unusable as a left-atrial LGE scan."""
    voxels, rng = scan.voxels, np.random.default_rng(0)
    atrium_slices = np.flatnonzero(atrium.any(axis=(1, 2)))
    middle = int(atrium_slices[0] + atrium_slices[-1]) // 2
    yield "inverted grey scale", replace(scan, voxels=voxels.max() - voxels)
    yield "rotated by 180 degrees in the plane", replace(scan, voxels=voxels[:, ::-1, ::-1].copy())
    yield "rotated by 180 degrees about the front", replace(scan, voxels=voxels[::-1, :, ::-1].copy())
    yield "mirrored left to right", replace(scan, voxels=voxels[:, :, ::-1].copy())
    yield "upside down", replace(scan, voxels=voxels[::-1].copy())
    yield "label map of the atrium", replace(scan, voxels=atrium.astype(np.float32))
    levels = np.quantile(voxels, (0.3, 0.6, 0.9))
    yield "label map of four tissues", replace(scan, voxels=np.digitize(voxels, levels).astype(np.float32))
    yield "phase noise", replace(scan, voxels=rng.uniform(-np.pi, np.pi, voxels.shape).astype(np.float32))
    yield "Rician noise", replace(scan, voxels=np.hypot(*rng.normal(0, 20, (2, *voxels.shape))).astype(np.float32))
    yield "cut to 7 slices", stack_of(scan, middle - 3, middle + 4)
    yield "cut above the middle", stack_of(scan, 0, middle + 3)
    blanked = voxels.copy()
    blanked[middle - 4 : middle + 4] = voxels.min()
    yield "8 slices blanked", replace(scan, voxels=blanked)
    repeated = voxels.copy()
    repeated[middle - 3 : middle + 5] = voxels[middle - 4]
    yield "8 slices repeat one", replace(scan, voxels=repeated)
    doubled = voxels.copy()
    doubled[middle - 6 : middle + 6 : 2] = voxels[middle - 7 : middle + 5 : 2]
    yield "6 slices repeat the one below", replace(scan, voxels=doubled)


def stack_of(scan: Scan, first: int, stop: int) -> Scan:
    """Return some slices of a scan as a scan."""
    return replace(
        scan,
        voxels=scan.voxels[first:stop],
        slice_positions_mm=scan.slice_positions_mm[first:stop],
        file_slices=tuple(range(stop - first)),
    )


def cylinder() -> Scan:
    """Return a bright cylinder in noise."""
    rng, shape = np.random.default_rng(0), (44, 150, 190)
    y, x = np.ogrid[:150, :190]
    bright = np.where((y - 75) ** 2 + (x - 95) ** 2 < 50**2, 100.0, 0.0) + np.zeros((44, 1, 1))
    voxels = np.hypot(bright + rng.normal(0, 8, shape), rng.normal(0, 8, shape)).astype(np.float32)
    positions = tuple(2.5 * np.arange(44))
    return Scan("cylinder", voxels, (2.5, 0.625, 0.625), positions, tuple(range(44)), None, Path("cylinder"), "")  # type: ignore[arg-type]


def said(result: ScanResult) -> str:
    """Return the status of a result, with the checks that speak against a verdict."""
    end = "review" if result.review else result.status
    return f"{end}: {', '.join(finding.check for finding in result.findings)}" if result.findings else end


def real_table(cases: Sequence[Case], bundle: Bundle) -> None:
    """Print what the gate says about the real scans, each compared with the mean of the others."""
    hearts = [likeness.surroundings(Heart(scan.voxels, atrium, scan.spacing_mm)) for scan, atrium in cases]
    print("\n| real scans, as acquired | |\n|---|---|")
    ends: Counter[str] = Counter()
    for number, (scan, _) in enumerate(cases):
        others = mean_of([*hearts[:number], *hearts[number + 1 :]])
        with patch.object(likeness, "mean_heart", lambda mean=others: mean):
            result = assess_scan(scan, bundle, AssessSettings(measures_only=True))
        ends[said(result.result)] += 1
    for end, count in ends.most_common():
        print(f"| {count} of {len(cases)} | {end} |")


def changed_table(cases: Sequence[Case], bundle: Bundle) -> None:
    """Print what the gate says about changed scans."""
    print("\n| changed scans | caught | by |\n|---|---|---|")
    results: dict[str, list[ScanResult]] = {}
    for case in cases:
        for title, scan in changed(*case):
            results.setdefault(title, []).append(assess_scan(scan, bundle, AssessSettings()).result)
    results["cylinder"] = [assess_scan(cylinder(), bundle, AssessSettings()).result]
    for title, records in results.items():
        caught = sum(bool(result.findings) for result in records)
        checks = Counter(f"{finding.check} ({finding.severity})" for result in records for finding in result.findings)
        by = ", ".join(f"{n} x {check}" for check, n in checks.most_common())
        print(f"| {title} | {caught} of {len(records)} | {by} |")


def other_table(paths: Sequence[Path], bundle: Bundle) -> None:
    """Print what the gate says about other volumes."""
    print("\n| other volumes | |\n|---|---|")
    for source in discover(paths):
        result = assess_scan(read_scan(source), bundle, AssessSettings()).result
        print(f"| {source.scan_id} | {said(result)} |")


def main() -> None:
    """Print the tables, or write the mean heart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=Path, required=True)
    parser.add_argument("--n", type=int, default=10, help="scans that are changed, spread over the folder")
    parser.add_argument("--other", type=Path, nargs="*", default=[])
    parser.add_argument("--mean-heart", type=Path)
    options = parser.parse_args()
    sources = [source for source in discover([options.scans]) if source.mask_path]
    scans = [(read_scan(source), source.mask_path) for source in sources]
    cases = [(scan, read_mask(mask, scan)) for scan, mask in scans if mask]
    if options.mean_heart:
        hearts = [likeness.surroundings(Heart(scan.voxels, atrium, scan.spacing_mm)) for scan, atrium in cases]
        np.save(options.mean_heart, mean_of(hearts).astype(np.float16))
        return
    bundle = open_bundle()
    real_table(cases, bundle)
    changed_table(cases[:: max(1, len(cases) // options.n)][: options.n], bundle)
    if options.other:
        other_table(options.other, bundle)


if __name__ == "__main__":
    main()
