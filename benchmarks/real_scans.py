"""Evaluate trained networks on real scans of held-out patients and on artefacts of mechanisms that they never saw.

    python benchmarks/real_scans.py --scans ../shared/data/lge --folds WORK/folds --strategy baseline [--jobs 2]

WORK/folds is the output of training/folds.py, with a finished run of the strategy in each fold. Each fold's network
only sees its own held-out patients, with their reference masks. The page goes to standard output:

- unchanged scans: Spearman's correlation of each scale's probability with the measured score, share called diagnostic;
- each mechanism, by the network that never saw it: share of scans whose probability falls at its heaviest severity, and
  the AUROC of quality between scans measured as diagnostic and the same scans with the artefact;
- five severities of each mechanism: Kendall's tau of the scale's probability, with its sign chosen so that 1 means a
  fall at each step. The probability is expected to rise instead for a mechanism that improves a scan;
- distractors: share of scans whose probabilities move by less than .05;
- verdicts that contradict the attributes.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from scipy.stats import kendalltau, spearmanr
from sklearn.metrics import roc_auc_score

from lgeqa.cohort import read_split
from lgeqa.inference.bundle import Bundle, open_bundle
from lgeqa.inference.vote import vote
from lgeqa.io import Source, discover, read_mask, read_scan
from lgeqa.measures import Heart, compute_measures, measured_reader
from lgeqa.preprocessing import prepare_for_quality
from lgeqa.records import BoolArray, FloatArray, Scan
from lgeqa.scales import SCALE_NAMES, is_diagnostic
from lgeqa.simulation.artefacts import BY_NAME, MECHANISMS, Artefact, apply_artefacts
from lgeqa.simulation.distractors import Volume, apply_distractors, draw_distractors

QUALITY = SCALE_NAMES.index("quality")
STEPS = (0.2, 0.4, 0.6, 0.8, 1.0)
#: Number of evenly spaced slices that represent a changed scan. An unchanged scan shows all.
SLICES = 8
#: Number of draws of distractors for each scan.
DRAWS = 2


@dataclass(frozen=True)
class Seen:
    """Output of one network on one held-out scan.

    Attributes:
        scan_id: Name of the scan.
        scores: Measured scores, (4,) in the order of `scales.SCALE_NAMES`.
        probabilities: Probabilities of the unchanged scan, (4,).
        diagnostic: Whether its slices vote diagnostic.
        contradicted: Whether the verdict contradicts the attributes (diagnostic with one under .2, or the reverse).
        before: Probabilities of the unchanged scan on the slices that represent it, (4,).
        heavy: Probabilities (4,) and measured scores (4,) at the heaviest severity, by left-out mechanism.
        steps: Probabilities at each of `STEPS` (5, 4), by mechanism.
        moved: Change of the probabilities by each draw of distractors, (draws, 4).
    """

    scan_id: str
    scores: FloatArray
    probabilities: FloatArray
    diagnostic: bool
    contradicted: bool
    before: FloatArray
    heavy: dict[str, tuple[FloatArray, FloatArray]]
    steps: dict[str, FloatArray]
    moved: FloatArray


def main() -> None:
    """Evaluate the networks of all folds and print the page."""
    parser = argparse.ArgumentParser(description="Judge networks by real scans of kept-out patients.")
    parser.add_argument("--scans", required=True, type=Path)
    parser.add_argument("--folds", required=True, type=Path)
    parser.add_argument("--strategy", default="baseline")
    parser.add_argument("--stepped", default=2, type=int, help="Scans of each fold that go through all severities.")
    parser.add_argument("--jobs", default=1, type=int)
    options = parser.parse_args()
    folds = sorted(options.folds.glob("fold-*"))
    work = [
        (fold, source, number < options.stepped)
        for fold in folds
        for number, source in enumerate(_kept_out(options.scans, fold))
    ]
    look = partial(_look, strategy=options.strategy)
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        records = list(pool.map(look, *zip(*work, strict=True)))
    for line in _page(records):
        print(line)


def _kept_out(scans: Path, fold: Path) -> list[Source]:
    """Return the sources of a fold's held-out patients, in order."""
    split = read_split(fold / "split.json")
    return [source for source in discover([scans]) if split.get(source.scan_id) == "test"]


def _look(fold: Path, source: Source, stepped: bool, strategy: str) -> Seen:
    """Return the output of a fold's network on a held-out scan, unchanged and changed."""
    bundle = open_bundle(fold / strategy / "bundle")
    left_out = json.loads((fold / "left-out.json").read_text(encoding="utf-8"))
    scan = read_scan(source)
    assert source.mask_path
    atrium = read_mask(source.mask_path, scan)
    slices = _probabilities(bundle, scan.voxels, atrium, scan.spacing_mm, every=True)
    probabilities = slices.mean(axis=0)
    before = _mean(bundle, scan.voxels, atrium, scan.spacing_mm)
    diagnostic = vote(slices[:, QUALITY], bundle.manifest.threshold).verdict == "diagnostic"
    attributes = probabilities[:QUALITY]
    contradicted = bool(attributes.min() < 0.2 if diagnostic else attributes.min() > 0.8)
    seed = int(source.scan_id.encode().hex(), 16) % 2**32
    changed = partial(_changed, scan, atrium, seed)
    heavy = {}
    for name in left_out:
        voxels = changed(name, 1.0)
        heavy[name] = _mean(bundle, voxels, atrium, scan.spacing_mm), _measured(scan, voxels, atrium)
    steps = {
        mechanism.name: np.array(
            [_mean(bundle, changed(mechanism.name, share), atrium, scan.spacing_mm) for share in STEPS]
        )
        for mechanism in (MECHANISMS if stepped else ())
    }
    rng = np.random.default_rng(seed)
    moved = []
    for _ in range(DRAWS):
        volume = apply_distractors(Volume(scan.voxels, atrium, scan.spacing_mm), draw_distractors(rng))
        moved.append(_mean(bundle, volume.voxels, volume.atrium, volume.spacing_mm) - before)
    scores = _measured(scan, scan.voxels, atrium)
    return Seen(source.scan_id, scores, probabilities, diagnostic, contradicted, before, heavy, steps, np.array(moved))


def _changed(scan: Scan, atrium: BoolArray, seed: int, name: str, share: float) -> FloatArray:
    artefact = Artefact(mechanism=name, severity=BY_NAME[name].at(share), seed=seed)
    return apply_artefacts(scan.voxels, atrium, scan.spacing_mm, (artefact,))


def _measured(scan: Scan, voxels: FloatArray, atrium: BoolArray) -> FloatArray:
    """Return the measured scores, NaN if one is undefined."""
    values = compute_measures(replace(scan, voxels=voxels), Heart(voxels, atrium, scan.spacing_mm)).values
    scores = measured_reader().scores(values).values()
    return np.array([np.nan if score is None else score for score in scores], np.float32)


def _mean(bundle: Bundle, voxels: FloatArray, atrium: BoolArray, spacing_mm: tuple[float, float, float]) -> FloatArray:
    """Return the probabilities of a scan by some of its slices, (4,)."""
    means: FloatArray = _probabilities(bundle, voxels, atrium, spacing_mm, every=False).mean(axis=0)
    return means


def _probabilities(
    bundle: Bundle, voxels: FloatArray, atrium: BoolArray, spacing_mm: tuple[float, float, float], *, every: bool
) -> FloatArray:
    """Return the probabilities of slices, (slice, 4)."""
    prepared = prepare_for_quality(voxels, atrium, spacing_mm, bundle.manifest.quality.preparation)
    if not every:
        chosen = np.unique(np.linspace(0, len(prepared) - 1, min(SLICES, len(prepared))).round().astype(int))
        prepared = prepared[chosen]
    return bundle.score(prepared).probabilities


def _page(records: Sequence[Seen]) -> Iterator[str]:
    yield "## Untouched scans of kept-out patients\n"
    yield f"{len(records)} scans, each judged by the network of the fold that kept its patient out.\n"
    scores = np.array([record.scores for record in records])
    probabilities = np.array([record.probabilities for record in records])
    yield "| scale | Spearman with the measured score (95 % interval) | measured as diagnostic | mean probability |"
    yield "|---|---|---|---|"
    for place, name in enumerate(SCALE_NAMES):
        rho, low, high = _spearman(probabilities[:, place], scores[:, place])
        share = np.mean([is_diagnostic(score) for score in scores[:, place]])
        yield f"| {name} | {rho:.2f} ({low:.2f} to {high:.2f}) | {share:.2f} | {probabilities[:, place].mean():.2f} |"
    diagnostic = np.array([record.diagnostic for record in records])
    right = np.mean(diagnostic == np.array([is_diagnostic(score) for score in scores[:, QUALITY]]))
    yield f"\nCalled diagnostic: {diagnostic.mean():.2f}; the same as the measured score: {right:.2f}."
    n_contradicted = sum(record.contradicted for record in records)
    yield f"Verdicts that contradict the attributes: {n_contradicted} of {len(records)}.\n"
    yield from _left_out_page(records)
    yield from _steps_page(records)
    moved = np.concatenate([np.abs(record.moved) for record in records])
    yield "## Distractors\n"
    yield f"{len(moved)} draws on {len(records)} scans.\n"
    yield "| scale | moved by less than .05 | 95th percentile |"
    yield "|---|---|---|"
    for place, name in enumerate(SCALE_NAMES):
        yield f"| {name} | {np.mean(moved[:, place] < 0.05):.2f} | {np.percentile(moved[:, place], 95):.3f} |"


def _left_out_page(records: Sequence[Seen]) -> Iterator[str]:
    yield "## Mechanisms that the network never saw, at their heaviest\n"
    yield "| scale | mechanism | scans | own probability falls | quality falls | AUROC of quality | measured falls |"
    yield "|---|---|---|---|---|---|---|"
    for scale, mechanism in (
        (name, m) for name in SCALE_NAMES for m in MECHANISMS if m.scale == name and not m.improves
    ):
        scans = [record for record in records if mechanism.name in record.heavy]
        if not scans:
            continue
        place = SCALE_NAMES.index(scale)
        before = np.array([record.before for record in scans])
        after, measured = (np.array([record.heavy[mechanism.name][part] for record in scans]) for part in (0, 1))
        falls = np.mean(after[:, place] < before[:, place])
        quality = np.mean(after[:, QUALITY] < before[:, QUALITY])
        worse = np.mean(measured[:, place] < np.array([record.scores[place] for record in scans]))
        good = np.array([is_diagnostic(record.scores[QUALITY]) for record in scans])
        ranks = np.concatenate([before[good, QUALITY], after[good, QUALITY]])
        auroc = roc_auc_score(np.repeat([1, 0], good.sum()), ranks) if good.any() else np.nan
        yield (
            f"| {scale} | {mechanism.title} | {len(scans)} | {falls:.2f} | {quality:.2f} | {auroc:.2f} | {worse:.2f} |"
        )
    yield ""


def _steps_page(records: Sequence[Seen]) -> Iterator[str]:
    stepped = [record for record in records if record.steps]
    yield "## Severities in five steps\n"
    yield f"{len(stepped)} scans; Kendall's tau over the untouched scan and five steps, 1 falls at each.\n"
    yield "| scale | mechanism | mean tau, own scale | mean tau, quality |"
    yield "|---|---|---|---|"
    taus = []
    for mechanism in MECHANISMS:
        place, sign = SCALE_NAMES.index(mechanism.scale), 1 if mechanism.improves else -1
        own_tau, quality_tau = np.mean(
            [
                [_tau([record.before[at], *record.steps[mechanism.name][:, at]], sign) for at in (place, QUALITY)]
                for record in stepped
            ],
            axis=0,
        )
        taus.append(own_tau)
        yield f"| {mechanism.scale} | {mechanism.title} | {own_tau:.2f} | {quality_tau:.2f} |"
    yield f"\nMean over mechanisms: {np.mean(taus):.2f}.\n"


def _tau(probabilities: Sequence[float], sign: int) -> float:
    """Return Kendall's tau over increasing severities, times a sign, or 0 if no step moves the probability."""
    if np.ptp(probabilities) == 0:
        return 0.0
    return float(sign * kendalltau(range(len(probabilities)), probabilities).statistic)


def _spearman(a: FloatArray, b: FloatArray) -> tuple[float, float, float]:
    """Return Spearman's correlation and its 95 % interval by a bootstrap over scans."""
    known = ~np.isnan(b)
    a, b = a[known], b[known]
    rng = np.random.default_rng(0)
    picks = rng.integers(len(a), size=(2000, len(a)))
    # The correlation of a draw of equal values is undefined.
    draws = [spearmanr(a[pick], b[pick]).statistic for pick in picks if np.ptp(a[pick]) > 0 and np.ptp(b[pick]) > 0]
    low, high = np.percentile(draws, (2.5, 97.5))
    return float(spearmanr(a, b).statistic), float(low), float(high)


if __name__ == "__main__":
    main()
