"""Judge real scans with artefacts that other code than the simulator makes, by the whole pipeline.

    python benchmarks/other_artefacts.py --scans ../shared/data/lge [--bundle DIR] [--every 2] [--jobs 2]

Some of the artefacts are transforms of MONAI, the others a few lines of NumPy. No training of lgeqa uses them. A scan
is assessed as by `lgeqa assess`, so the atrium is searched in the spoilt scan, too. The table says: how many scans the
gate refuses; on how many of the others the probability of quality falls; and the AUROC with which it tells the scans
without the artefact that are diagnostic by their measures from the same scans with it. Where the measured reader has a
share, the AUROC of each part follows; the last one is that of the lowest of the four probabilities.
"""

import argparse
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from monai.transforms import GaussianSmooth, GibbsNoise, KSpaceSpikeNoise, RandBiasField, RandRicianNoise
from scipy.ndimage import gaussian_filter, rotate
from sklearn.metrics import roc_auc_score

from lgeqa.inference.bundle import open_bundle
from lgeqa.inference.pipeline import AssessSettings, assess_scan
from lgeqa.io import Source, discover, read_mask, read_scan
from lgeqa.measures import Heart, measured_reader
from lgeqa.records import FloatArray, ScanResult
from lgeqa.scales import SCALE_NAMES, is_diagnostic

#: Blur, in mm, and noise, as a share of the signal of blood.
BLUR_MM, NOISE = 3.0, 0.25
#: Length in mm over which tissue is told from air.
TISSUE_MM = 3.0
#: Angle by which a patient turns within a scan, in degrees, and signal of a copy and of weak lines of k-space.
TURN_DEGREES, COPY, WEAK_LINES = 6.0, 0.3, 0.3

ComplexArray = npt.NDArray[np.complexfloating]
Spoil = Callable[[FloatArray, tuple[float, float, float], float], FloatArray]


def by_monai(transform: Any, voxels: FloatArray) -> FloatArray:
    """Return voxels (slice, row, column) after a transform of MONAI, as magnitudes."""
    if hasattr(transform, "set_random_state"):
        transform.set_random_state(0)
    changed: FloatArray = np.abs(np.asarray(transform(torch.from_numpy(voxels)[None]))[0]).astype(np.float32)
    return changed


def blurred(
    voxels: FloatArray, spacing_mm: tuple[float, float, float], _blood: float, mm: float = BLUR_MM
) -> FloatArray:
    """Return voxels blurred within each slice."""
    sigma = (1e-6, *(mm / step for step in spacing_mm[1:]))
    return by_monai(GaussianSmooth(sigma), voxels)


def noisy(
    voxels: FloatArray, _spacing_mm: tuple[float, float, float], blood: float, share: float = NOISE
) -> FloatArray:
    """Return voxels with Rician noise."""
    return by_monai(RandRicianNoise(prob=1, std=share * blood, sample_std=False), voxels)


def spiked(voxels: FloatArray, *_: object) -> FloatArray:
    """Return voxels with one spike in k-space, a fifth as high as its centre."""
    place = tuple(int(0.55 * n) for n in voxels.shape)
    height = float(np.log(np.abs(voxels.sum(dtype=float)) / 5))
    return by_monai(KSpaceSpikeNoise(place, height), voxels)


def dull(voxels: FloatArray, _spacing_mm: tuple[float, float, float], blood: float) -> FloatArray:
    """Return voxels of which all that is brighter than blood, such as enhanced walls, is so by a quarter only."""
    dulled: FloatArray = np.minimum(voxels, blood + (voxels - blood) / 4)
    return dulled


def early(voxels: FloatArray, spacing_mm: tuple[float, float, float], blood: float) -> FloatArray:
    """Return magnitudes after the signal of tissue, but not of air, was lowered through zero, by half of blood's."""
    smooth = gaussian_filter(voxels, [TISSUE_MM / step for step in spacing_mm])
    tissue = np.clip(smooth / (0.25 * blood), 0, 1)
    lowered: FloatArray = np.abs(voxels - 0.5 * blood * tissue)
    return lowered


def turned(voxels: FloatArray, *_: object) -> FloatArray:
    """Return magnitudes of a scan whose patient turns when a third of the lines of k-space, along rows, is sampled."""
    after = rotate(voxels, TURN_DEGREES, axes=(1, 2), reshape=False, order=1, mode="nearest")
    before, later = (np.fft.fft(image, axis=1) for image in (voxels, after))
    is_early = np.fft.fftfreq(voxels.shape[1]) < -1 / 6
    return _magnitudes(np.where(is_early[:, None], before, later))


def weak_lines(voxels: FloatArray, *_: object) -> FloatArray:
    """Return magnitudes of a scan with every fourth line of k-space too weak, which gives three ghosts."""
    weights = np.where(np.arange(voxels.shape[1]) % 4 == 2, WEAK_LINES, 1)
    return _magnitudes(np.fft.fft(voxels, axis=1) * weights[:, None])


def copied(voxels: FloatArray, *_: object) -> FloatArray:
    """Return voxels with a weak copy of the image half a field away along rows."""
    doubled: FloatArray = voxels + np.float32(COPY) * np.roll(voxels, voxels.shape[1] // 2, axis=1)
    return doubled


def _magnitudes(spectrum: ComplexArray) -> FloatArray:
    """Return the magnitudes of images from their spectrum along rows."""
    magnitudes: FloatArray = np.abs(np.fft.ifft(spectrum, axis=1)).astype(np.float32)
    return magnitudes


def all_at_once(voxels: FloatArray, spacing_mm: tuple[float, float, float], blood: float) -> FloatArray:
    """Return voxels dulled, blurred and noisy, the last two to a lesser degree."""
    return noisy(blurred(dull(voxels, spacing_mm, blood), spacing_mm, blood, BLUR_MM / 2), spacing_mm, blood, NOISE / 2)


ARTEFACTS: dict[str, Spoil] = {
    "blur of 3 mm (MONAI)": blurred,
    "Rician noise of 25 % of blood (MONAI)": noisy,
    "Gibbs ringing (MONAI)": lambda voxels, *_: by_monai(GibbsNoise(0.9), voxels),
    "spike in k-space (MONAI)": spiked,
    "bias field (MONAI)": lambda voxels, *_: by_monai(RandBiasField(degree=2, coeff_range=(0.3, 0.5), prob=1), voxels),
    "nothing much brighter than blood": dull,
    "tissue lowered through zero, as too early": early,
    "dull, blur and noise at once": all_at_once,
    "patient turned by 6 degrees": turned,
    "every fourth line of k-space weak": weak_lines,
    "copy half a field away": copied,
}


def main() -> None:
    """Print a row for each artefact."""
    parser = argparse.ArgumentParser(description="Judge real scans with artefacts by other code.")
    parser.add_argument("--scans", required=True, type=Path)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--every", default=2, type=int, help="Step between the scans that are taken.")
    parser.add_argument("--jobs", default=1, type=int)
    options = parser.parse_args()
    sources = discover([options.scans])[:: options.every]
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        rows = list(pool.map(partial(_judged, bundle=options.bundle), sources))
    good = [row for row, is_good in rows if is_good]
    print(f"{len(rows)} scans, {len(good)} of them diagnostic by their measures\n")
    heads = (
        "artefact",
        "refused",
        "quality falls",
        "AUROC of quality",
        "network alone",
        "measures alone",
        "lowest of four",
    )
    print(f"| {' | '.join(heads)} |")
    print(f"|{'---|' * len(heads)}")
    for name in ARTEFACTS:
        refused = sum(row[name].verdict is None for row, _ in rows)
        pairs = [(row[""], row[name]) for row, _ in rows if row[name].verdict and row[""].verdict]
        falls = np.mean([(after.p_quality or 0) < (before.p_quality or 0) for before, after in pairs])
        cells = [_auroc(good, name, answer) for answer in (_quality, _network, _measures, _lowest)]
        print(f"| {name} | {refused} | {falls:.2f} | {' | '.join(cells)} |")


def _judged(source: Source, bundle: Path | None) -> tuple[dict[str, ScanResult], bool]:
    """Return the results of a scan by artefact, unchanged under the empty name, and whether its measures are good."""
    torch.set_num_threads(1)
    opened = open_bundle(bundle, threads=1)
    scan = read_scan(source)
    assert source.mask_path
    heart = Heart(scan.voxels, read_mask(source.mask_path, scan), scan.spacing_mm)
    blood = heart.reference.blood - heart.reference.air

    def assessed(voxels: FloatArray) -> ScanResult:
        return assess_scan(replace(scan, voxels=voxels), opened, AssessSettings()).result

    results = {"": assessed(scan.voxels)}
    for name, spoil in ARTEFACTS.items():
        results[name] = assessed(spoil(scan.voxels, scan.spacing_mm, blood))
    measures = results[""].measures
    score = measured_reader().scores(measures.values)["quality"] if measures else None
    return results, score is not None and is_diagnostic(score)


def _quality(result: ScanResult) -> float | None:
    return result.p_quality


def _network(result: ScanResult) -> float | None:
    return result.parts["quality"].network if result.parts else None


def _measures(result: ScanResult) -> float | None:
    return result.parts["quality"].measures if result.parts else None


def _lowest(result: ScanResult) -> float | None:
    """Return the lowest of the four probabilities."""
    return min(getattr(result, f"p_{name}") for name in SCALE_NAMES) if result.verdict else None


def _auroc(rows: list[dict[str, ScanResult]], name: str, answer: Callable[[ScanResult], float | None]) -> str:
    """Return how well an answer tells good scans from the same ones with an artefact, without refused scans."""
    before, after = ([answer(row[key]) for row in rows] for key in ("", name))
    known = [[value for value in values if value is not None] for values in (before, after)]
    if not all(known):
        return ""
    labels = np.repeat([1, 0], [len(values) for values in known])
    return f"{roc_auc_score(labels, np.concatenate(known)):.2f}"


if __name__ == "__main__":
    main()
