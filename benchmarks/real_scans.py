"""Judge trained networks by real scans of kept-out patients and by artefacts of mechanisms that they never saw.

    python benchmarks/real_scans.py --scans ../shared/data/lge --folds WORK/folds --strategy baseline [--jobs 2]

WORK/folds is what training/folds.py wrote, with a finished run of the strategy in each fold. Each fold's network sees
its own kept-out patients alone. Masks are the given ones. The page goes to standard output:

- untouched scans: Spearman's correlation of each scale's probability with the measured score, share called diagnostic;
- each mechanism, by the network that never saw it: share of scans whose probability falls under its heaviest severity,
  and the AUROC of quality between scans measured as diagnostic and the same scans with the artefact;
- five severities of each mechanism: Kendall's tau of the scale's probability, its sign turned so that 1 falls at each
  step. One that improves a scan is expected to rise instead;
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

from lgeqa.attributes import NAMES, is_diagnostic
from lgeqa.bundle import Bundle, open_bundle
from lgeqa.cohort import read_split
from lgeqa.measure import Heart, measured_reader, take_measures
from lgeqa.prepare import prepare_for_quality
from lgeqa.read import Source, discover, read_mask, read_scan
from lgeqa.records import BoolArray, FloatArray, Scan
from lgeqa.score import vote
from lgeqa.simulate.artefacts import BY_NAME, MECHANISMS, Artefact, apply_artefacts
from lgeqa.simulate.distractors import Volume, apply_distractors, draw_distractors

QUALITY = NAMES.index("quality")
STEPS = (0.2, 0.4, 0.6, 0.8, 1.0)
#: Slices that stand for a changed scan, evenly spaced; an untouched scan shows all.
SLICES = 8
#: Draws of distractors for each scan.
DRAWS = 2


@dataclass(frozen=True)
class Seen:
    """What one network says of one kept-out scan.

    Attributes:
        scan_id: Name of the scan.
        scores: Measured scores, (4,) in the order of `attributes.NAMES`.
        probabilities: Of the untouched scan, (4,).
        diagnostic: Verdict of its slices.
        contradicted: Whether the verdict contradicts the attributes (diagnostic with one under .2, or the reverse).
        before: Probabilities of the untouched scan on the slices that stand for it, (4,).
        heavy: By left-out mechanism, probabilities (4,) and measured scores (4,) at the heaviest severity.
        steps: By mechanism, probabilities at each of `STEPS` (5, 4).
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
    """Judge the networks of all folds and print the page."""
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
        seen = list(pool.map(look, *zip(*work, strict=True)))
    for line in _page(seen):
        print(line)


def _kept_out(scans: Path, fold: Path) -> list[Source]:
    """Return the sources of a fold's kept-out patients, in order."""
    split = read_split(fold / "split.json")
    return [source for source in discover([scans]) if split.get(source.scan_id) == "test"]


def _look(fold: Path, source: Source, stepped: bool, strategy: str) -> Seen:
    """Show a kept-out scan to its fold's network, untouched and changed."""
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
    """Return the measured scores, NaN where one is undefined."""
    values = take_measures(replace(scan, voxels=voxels), Heart(voxels, atrium, scan.spacing_mm)).values
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


def _page(seen: Sequence[Seen]) -> Iterator[str]:
    yield "## Untouched scans of kept-out patients\n"
    yield f"{len(seen)} scans, each judged by the network of the fold that kept its patient out.\n"
    scores = np.array([one.scores for one in seen])
    probabilities = np.array([one.probabilities for one in seen])
    yield "| scale | Spearman with the measured score (95 % interval) | measured as diagnostic | mean probability |"
    yield "|---|---|---|---|"
    for place, name in enumerate(NAMES):
        rho, low, high = _spearman(probabilities[:, place], scores[:, place])
        share = np.mean([is_diagnostic(score) for score in scores[:, place]])
        yield f"| {name} | {rho:.2f} ({low:.2f} to {high:.2f}) | {share:.2f} | {probabilities[:, place].mean():.2f} |"
    diagnostic = np.array([one.diagnostic for one in seen])
    right = np.mean(diagnostic == np.array([is_diagnostic(score) for score in scores[:, QUALITY]]))
    yield f"\nCalled diagnostic: {diagnostic.mean():.2f}; the same as the measured score: {right:.2f}."
    yield f"Verdicts that contradict the attributes: {sum(one.contradicted for one in seen)} of {len(seen)}.\n"
    yield from _left_out_page(seen)
    yield from _steps_page(seen)
    moved = np.concatenate([np.abs(one.moved) for one in seen])
    yield "## Distractors\n"
    yield f"{len(moved)} draws on {len(seen)} scans.\n"
    yield "| scale | moved by less than .05 | 95th percentile |"
    yield "|---|---|---|"
    for place, name in enumerate(NAMES):
        yield f"| {name} | {np.mean(moved[:, place] < 0.05):.2f} | {np.percentile(moved[:, place], 95):.3f} |"


def _left_out_page(seen: Sequence[Seen]) -> Iterator[str]:
    yield "## Mechanisms that the network never saw, at their heaviest\n"
    yield "| scale | mechanism | scans | own probability falls | quality falls | AUROC of quality | measured falls |"
    yield "|---|---|---|---|---|---|---|"
    for scale, mechanism in ((name, m) for name in NAMES for m in MECHANISMS if m.scale == name and not m.improves):
        held = [one for one in seen if mechanism.name in one.heavy]
        if not held:
            continue
        place = NAMES.index(scale)
        before = np.array([one.before for one in held])
        after, measured = (np.array([one.heavy[mechanism.name][part] for one in held]) for part in (0, 1))
        falls = np.mean(after[:, place] < before[:, place])
        quality = np.mean(after[:, QUALITY] < before[:, QUALITY])
        worse = np.mean(measured[:, place] < np.array([one.scores[place] for one in held]))
        good = np.array([is_diagnostic(one.scores[QUALITY]) for one in held])
        ranks = np.concatenate([before[good, QUALITY], after[good, QUALITY]])
        auroc = roc_auc_score(np.repeat([1, 0], good.sum()), ranks) if good.any() else np.nan
        yield (
            f"| {scale} | {mechanism.title} | {len(held)} | {falls:.2f} | {quality:.2f} | {auroc:.2f} | {worse:.2f} |"
        )
    yield ""


def _steps_page(seen: Sequence[Seen]) -> Iterator[str]:
    stepped = [one for one in seen if one.steps]
    yield "## Severities in five steps\n"
    yield f"{len(stepped)} scans; Kendall's tau over the untouched scan and five steps, 1 falls at each.\n"
    yield "| scale | mechanism | mean tau, own scale | mean tau, quality |"
    yield "|---|---|---|---|"
    taus = []
    for mechanism in MECHANISMS:
        place, sign = NAMES.index(mechanism.scale), 1 if mechanism.improves else -1
        own, quality = np.mean(
            [
                [_tau([one.before[at], *one.steps[mechanism.name][:, at]], sign) for at in (place, QUALITY)]
                for one in stepped
            ],
            axis=0,
        )
        taus.append(own)
        yield f"| {mechanism.scale} | {mechanism.title} | {own:.2f} | {quality:.2f} |"
    yield f"\nMean over mechanisms: {np.mean(taus):.2f}.\n"


def _tau(probabilities: Sequence[float], sign: int) -> float:
    """Return Kendall's tau over rising severities, times a sign; 0 where no step moves the probability."""
    if np.ptp(probabilities) == 0:
        return 0.0
    return float(sign * kendalltau(range(len(probabilities)), probabilities).statistic)


def _spearman(a: FloatArray, b: FloatArray) -> tuple[float, float, float]:
    """Return Spearman's correlation and its 95 % interval by a bootstrap over scans."""
    known = ~np.isnan(b)
    a, b = a[known], b[known]
    rng = np.random.default_rng(0)
    picks = rng.integers(len(a), size=(2000, len(a)))
    # A draw of equal values has no correlation.
    draws = [spearmanr(a[pick], b[pick]).statistic for pick in picks if np.ptp(a[pick]) > 0 and np.ptp(b[pick]) > 0]
    low, high = np.percentile(draws, (2.5, 97.5))
    return float(spearmanr(a, b).statistic), float(low), float(high)


if __name__ == "__main__":
    main()
