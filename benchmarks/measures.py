"""Behaviour of the image quality measures: artefacts in five steps, other masks of the atrium, and computing time.

OPENBLAS_NUM_THREADS=1 python benchmarks/measures.py --scans ../shared/data/lge [--n 10]
python benchmarks/measures.py --scans ../shared/data/lge --reference src/lgeqa/measures/reference_scans.json

The second form only writes the quantiles of all measures over the scans, with their reference masks.

The artefacts are made here and share no code with the simulator. A change is expressed in units of the spread of the
measure over the reference scans (90th minus 10th percentile), so that measures of different units can be compared.
Repeatability is measured on all scans: masks one voxel larger and smaller in the plane, and the detected mask compared
with the reference mask.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.ndimage import binary_dilation, binary_erosion, binary_opening, gaussian_filter

from lgeqa.inference.atrium import find_atrium
from lgeqa.inference.bundle import Bundle, open_bundle
from lgeqa.inference.pipeline import AssessSettings, assess_scan
from lgeqa.io import Source, discover, read_mask, read_scan
from lgeqa.measures import FUNCTIONS, MEASURES, Heart, ReferenceScans, reference_scans
from lgeqa.records import BoolArray, FloatArray, Scan

Values = dict[str, float | None]
Artefact = Callable[[FloatArray, Heart, float], FloatArray]

_SOURCE = (
    "The public training part of the 2018 Left Atrium Segmentation Challenge (Xiong et al., "
    "doi:10.1016/j.media.2020.101832), as acquired at one centre and unrated, with the atrium masks as published."
)
#: In-plane neighbours, for masks that grow or shrink by a voxel.
_IN_PLANE = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)[None]
_STEPS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def noise(signal: FloatArray, _heart: Heart, amount: float) -> FloatArray:
    """Add Rician noise of up to 30 % of blood."""
    rng = np.random.default_rng(0)
    real, imaginary = rng.normal(0, 0.3 * amount, (2, *signal.shape))
    return np.asarray(np.hypot(signal + real, imaginary), np.float32)


def blur(signal: FloatArray, heart: Heart, amount: float) -> FloatArray:
    """Blur in the plane by a Gaussian of up to 2.5 mm."""
    return np.asarray(gaussian_filter(signal, (0, *(2.5 * amount / mm for mm in heart.pixel_mm))))


def wrong_inversion_time(signal: FloatArray, heart: Heart, amount: float) -> FloatArray:
    """Lift tissue that is darker than blood, but not lung, towards blood by up to half of the difference."""
    smooth = gaussian_filter(signal, (0, *(2 / mm for mm in heart.pixel_mm)))
    lung = binary_opening(smooth < 0.25, _IN_PLANE, iterations=8)
    is_tissue = ~lung * np.clip((1 - smooth) / 0.2, 0, 1)
    return np.asarray(signal + 0.5 * amount * is_tissue * np.maximum(1 - smooth, 0), np.float32)


def early_inversion(signal: FloatArray, heart: Heart, amount: float) -> FloatArray:
    """Lower tissue, but not lung, by up to 70 % of blood, and show magnitudes, as if muscle were still inverted."""
    smooth = gaussian_filter(signal, [3.0 / mm for mm in heart.spacing_mm])
    return np.asarray(np.abs(signal - 0.7 * amount * np.clip(smooth / 0.25, 0, 1)), np.float32)


def dull_walls(signal: FloatArray, heart: Heart, amount: float) -> FloatArray:
    """Remove up to all of the signal above the nearby blood, outside of the pools' cores."""
    blood = binary_erosion(heart.whole_atrium, _IN_PLANE, iterations=4) | binary_erosion(
        heart.aorta, _IN_PLANE, iterations=4
    )
    near = gaussian_filter(blood * signal, (0, 12, 12)) / np.maximum(gaussian_filter(blood * 1.0, (0, 12, 12)), 1e-3)
    level = np.where(gaussian_filter(blood * 1.0, (0, 12, 12)) > 1e-3, near, 1)
    smooth = gaussian_filter(signal, (0, *(0.8 / mm for mm in heart.pixel_mm)))
    return np.asarray(signal - amount * np.maximum(smooth - level, 0) * ~blood, np.float32)


def shading(signal: FloatArray, heart: Heart, amount: float) -> FloatArray:
    """Multiply by a ramp along the slope of the blood from left to right, up to a factor of three in 120 mm."""
    across = np.arange(signal.shape[2]) * heart.pixel_mm[1]
    places = np.nonzero(heart.whole_atrium)
    slope = np.sign(np.polyfit(across[places[2]], signal[places], 1)[0])
    return np.asarray(signal * np.exp(slope * np.log(3) * amount * (across - across.mean()) / 120), np.float32)


def ghosts(signal: FloatArray, heart: Heart, amount: float) -> FloatArray:
    """Add copies that are shifted by 17 and 31 mm along the rows, with up to 30 % of the signal."""
    copies = sum(np.roll(signal, round(shift / heart.pixel_mm[0]), axis=1) for shift in (17, -17, 31))
    return signal + np.float32(0.3 * amount) * np.asarray(copies, np.float32)


def clipping(signal: FloatArray, _heart: Heart, amount: float) -> FloatArray:
    """Clip between the eleventh-brightest voxel and the grey level that 2 % of the voxels exceed."""
    highest, lowest = float(np.sort(signal, axis=None)[-11]), float(np.quantile(signal, 0.98))
    return np.minimum(signal, np.float32(highest + amount * (lowest - highest))) if amount else signal


#: Each artefact, and the measures that it should change with the direction of the change.
ARTEFACTS: dict[str, tuple[Artefact, dict[str, int]]] = {
    "noise": (noise, {"noise_percent": 1, "asnr": -1, "wall_cnr": -1}),
    "blur": (blur, {"edge_width_mm": 1}),
    "inversion time too late": (wrong_inversion_time, {"nulling_ratio": 1}),
    "inversion time too early": (early_inversion, {"dark_line_percent": 1}),
    "dull walls": (dull_walls, {"wall_cnr": -1, "aortic_wall_contrast": -1, "septal_contrast": -1}),
    "shading": (shading, {"shading_percent": 1}),
    "ghosts": (ghosts, {"ghosting_percent": 1}),
    "clipping": (clipping, {"clipping_percent": 1}),
}


def measured(scan: Scan, atrium: BoolArray) -> Values:
    """Return the measures of a scan with a mask, which need no place among the reference scans."""
    heart = Heart(scan.voxels, atrium, scan.spacing_mm)
    values = {measure.name: FUNCTIONS[measure.name](heart).value for measure in MEASURES}
    return {name: None if np.isnan(value) else value for name, value in values.items()}


def with_artefact(scan: Scan, atrium: BoolArray, artefact: Artefact, amount: float) -> Scan:
    """Return the scan with an artefact on its signal in units of blood, in addition to its original noise and blur."""
    heart = Heart(scan.voxels, atrium, scan.spacing_mm)
    level = heart.reference.blood - heart.reference.air
    signal = (scan.voxels - np.float32(heart.reference.air)) / np.float32(level)
    voxels = artefact(signal, heart, amount) * np.float32(level) + np.float32(heart.reference.air)
    return replace(scan, voxels=voxels.astype(np.float32))


def artefact_table(cases: Sequence[tuple[Scan, BoolArray]]) -> None:
    """Print for each artefact how the measures that it should change and the others move."""
    quantiles = reference_scans()
    low, high = quantiles.shares.index(0.1), quantiles.shares.index(0.9)
    spread = {name: (values[high] - values[low]) or 1.0 for name, values in quantiles.quantiles.items()}
    scored = [measure.name for measure in MEASURES if measure.better != "neither"]
    print("\n| artefact | measure | scans that move monotonically | change at the heaviest, in spreads (median) |")
    print("|---|---|---|---|")
    for title, (artefact, expected) in ARTEFACTS.items():
        series = [[measured(with_artefact(*case, artefact, step), case[1]) for step in _STEPS] for case in cases]
        moves = {name: [_move(steps, name) / spread[name] for steps in series] for name in scored}
        largest = max(abs(statistics.median(moves[name])) for name in expected)
        for name, direction in expected.items():
            rising = sum(_is_monotone([values[name] for values in steps], direction) for steps in series)
            print(f"| {title} | **{name}** | {rising} of {len(cases)} | {statistics.median(moves[name]):+.2f} |")
        for name in scored:
            if name not in expected and abs(statistics.median(moves[name])) > largest / 3:
                print(f"| {title} | {name} | moves too | {statistics.median(moves[name]):+.2f} |")


def _move(series: Sequence[Values], name: str) -> float:
    """Return how far a measure moves from the first step to the last, 0 if it is undefined."""
    first, last = series[0][name], series[-1][name]
    return 0.0 if first is None or last is None else last - first


def _is_monotone(values: Sequence[float | None], direction: int) -> bool:
    """Return whether all values are defined and each moves in the direction."""
    rest = [direction * value for value in values if value is not None]
    return len(rest) == len(values) and all(b > a for a, b in pairwise(rest))


def repeatability_table(cases: Sequence[tuple[Scan, BoolArray]], bundle: Bundle) -> None:
    """Print the median relative change of each measure over the scans with another mask, in %."""
    ways: dict[str, Callable[[Scan, BoolArray], BoolArray]] = {
        "grown": lambda _, mask: np.asarray(binary_dilation(mask, _IN_PLANE)),
        "shrunk": lambda _, mask: np.asarray(binary_erosion(mask, _IN_PLANE)),
        "detected": lambda scan, _: find_atrium(scan, bundle).mask,
    }
    plain = [measured(*case) for case in cases]
    other = {way: [measured(scan, change(scan, mask)) for scan, mask in cases] for way, change in ways.items()}
    print(f"\n| measure | {' | '.join(f'mask {way}: median % (90 %)' for way in ways)} |\n|---|{'---|' * len(ways)}")
    for measure in MEASURES:
        cells = [_changes(plain, other[way], measure.name) for way in ways]
        print(f"| {measure.name} | {' | '.join(cells)} |")


def _changes(before: Sequence[Values], after: Sequence[Values], name: str) -> str:
    """Return median and 90th percentile of the relative change in %."""
    pairs = [(a[name], b[name]) for a, b in zip(before, after, strict=True)]
    changes = [abs(b - a) / max(abs(a), 1e-9) * 100 for a, b in pairs if a is not None and b is not None]
    return f"{np.median(changes):.1f} ({np.quantile(changes, 0.9):.1f})" if changes else "undefined"


def time_table(cases: Sequence[tuple[Scan, BoolArray]], bundle: Bundle) -> None:
    """Print the median time of measures and of the whole assessment, each scan in turn, and their ratio."""
    times: dict[str, list[float]] = {"measures": [], "assess": []}
    for scan, mask in cases:
        ways: dict[str, Callable[[], object]] = {
            "measures": partial(measured, scan, mask),
            "assess": partial(assess_scan, scan, bundle, AssessSettings()),
        }
        for way, run in ways.items():
            start = time.perf_counter()
            run()
            times[way].append(time.perf_counter() - start)
    measures, whole = (statistics.median(times[way]) for way in ("measures", "assess"))
    print(f"\nMeasures {measures:.3f} s, the whole assessment {whole:.3f} s: a share of {measures / whole:.2f}.")


def write_reference(cases: Sequence[tuple[Scan, BoolArray]], path: Path) -> None:
    """Write the quantiles of each measure over the scans, with which `lgeqa.measures` compares every scan."""
    taken = [measured(*case) for case in cases]
    shares = tuple(round(0.05 * step, 2) for step in range(21))
    quantiles = {
        measure.name: [round(float(q), 5) for q in np.quantile(_defined(taken, measure.name), shares)]
        for measure in MEASURES
    }
    reference = ReferenceScans(source=_SOURCE, n=len(cases), shares=shares, quantiles=quantiles)
    path.write_text(reference.model_dump_json(indent=1) + "\n", encoding="utf-8")


def _defined(taken: Sequence[Values], name: str) -> list[float]:
    """Return the values of a measure on the scans on which it is defined."""
    return [value for values in taken if (value := values[name]) is not None]


def _case(source: Source) -> tuple[Scan, BoolArray]:
    """Return a scan and its mask."""
    scan = read_scan(source)
    assert source.mask_path is not None
    return scan, read_mask(source.mask_path, scan)


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=Path, required=True)
    parser.add_argument("--n", type=int, default=10, help="scans that get artefacts, spread over the folder")
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--reference", type=Path, help="write the quantiles to this file, and nothing else")
    options = parser.parse_args()
    bundle = open_bundle(options.bundle)
    cases = [_case(source) for source in discover([options.scans]) if source.mask_path]
    if options.reference:
        write_reference(cases, options.reference)
        return
    few = cases[:: max(1, len(cases) // options.n)][: options.n]
    artefact_table(few)
    repeatability_table(cases, bundle)
    time_table(few, bundle)


if __name__ == "__main__":
    main()
