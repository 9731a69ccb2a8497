"""How similar simulated scans are to real ones as acquired: measures, correlated scores, and a two-sample test.

OMP_NUM_THREADS=1 python benchmarks/realism.py --scans ../shared/data/lge --simulated COHORT [COHORT ...] [--seed 0]

COHORT is a folder of `lgeqa simulate`. Writes Markdown.

Overlap is the integral of the smaller of two densities, over 10 bins with equal shares of all scans together. An
overlap of 1 means the same distribution. Chance is the overlap of two parts of one distribution at these numbers of
scans (median and 5th percentile of 1000 permutations), so an overlap cannot be expected to be higher.

In the two-sample test a small convolutional network distinguishes slices of real scans from simulated ones, prepared as
for the quality network. It is trained on one half of the patients and tested on the other, both ways, and a scan's rank
is the mean over its slices. Scans are weighted so that real and simulated ones have equal shares of each quality score.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from lgeqa.bootstrap import Bootstrap, Numbers, cell, with_interval
from lgeqa.cohort import Case, read_cohort
from lgeqa.cohort.case import MEASURED
from lgeqa.measures import MEASURES, Heart, Measure, compute_measures, measured_reader
from lgeqa.preprocessing import QualityPreparation, prepare_for_quality
from lgeqa.records import FloatArray, Measures, Scan
from lgeqa.roc import auroc
from lgeqa.scales import SCALE_NAMES, SCALES
from lgeqa.simulation.cohort_writing import MEASURES as MEASURES_FILE
from lgeqa.simulation.simulated_readers import joint_counts
from lgeqa.simulation.synthesis import find_real_scans
from lgeqa.training.case_reading import read_case

Flags = npt.NDArray[np.bool_]

BINS, PERMUTATIONS = 10, 1000
#: Number of slices of each scan in the two-sample test, spread over the atrium, and number of training epochs.
SLICES, EPOCHS = 8, 30
BATCH = 32
#: Preparation as for the networks, so that a full field differs from a crop only by its content.
PREPARATION = QualityPreparation(margin_mm=14.0)


@dataclass(frozen=True)
class Sample:
    """One scan.

    Attributes:
        patient: Name of the person.
        is_simulated: Whether it was simulated.
        values: Value of each measure by name.
        scores: Measured scores in the order of `scales.SCALE_NAMES`. None if there are none.
        slices: Prepared slices, float32 (SLICES, pixels, pixels).
    """

    patient: str
    is_simulated: bool
    values: dict[str, float | None]
    scores: tuple[float, ...] | None
    slices: FloatArray


def real_samples(folder: Path) -> list[Sample]:
    """Read, measure and score all real scans of a folder."""
    samples = []
    for source in find_real_scans(folder):
        scan, atrium = read_case(Case(source.scan_id, source.scan_id, folder / source.image, folder / source.mask))
        measures = compute_measures(scan, Heart(scan.voxels, atrium, scan.spacing_mm))
        scores = measured_reader().reading(measures.values)
        row = tuple(scores.values()) if scores else None
        samples.append(Sample(source.scan_id, False, measures.values, row, prepared(scan, atrium)))
    return samples


def simulated_samples(folder: Path) -> list[Sample]:
    """Read all scans of a simulated cohort."""
    samples = []
    for case in read_cohort(folder):
        measures = Measures.model_validate_json(case.image.with_name(MEASURES_FILE).read_bytes())
        samples.append(
            Sample(case.patient, True, measures.values, case.scores.get(MEASURED), prepared(*read_case(case)))
        )
    return samples


def prepared(scan: Scan, atrium: npt.NDArray[np.bool_]) -> FloatArray:
    """Return prepared slices, evenly spread over the atrium."""
    slices = prepare_for_quality(scan.voxels, atrium, scan.spacing_mm, PREPARATION)
    spread: FloatArray = slices[np.linspace(0, len(slices) - 1, SLICES + 2).round().astype(int)[1:-1]]
    return spread


def measures_table(real: Sequence[Sample], simulated: Sequence[Sample], seed: int) -> None:
    """Print how each measure is distributed, and how far the distributions overlap."""
    print(
        "\n| measure | real: 10, 50, 90 % | simulated: 10, 50, 90 % | overlap | chance (5 %) |\n|---|---|---|---|---|"
    )
    for measure in MEASURES:
        if measure.better != "neither" or measure.name == "image_intensity_ratio":
            a, b = (defined(samples, measure) for samples in (real, simulated))
            chance = chance_overlaps(np.concatenate([a, b]), len(a), np.random.default_rng(seed))
            ends = [", ".join(f"{q:.{measure.decimals}f}" for q in np.quantile(x, (0.1, 0.5, 0.9))) for x in (a, b)]
            expected = f"{np.median(chance):.2f} ({np.quantile(chance, 0.05):.2f})"
            print(f"| {measure.name} | {ends[0]} | {ends[1]} | {overlap(a, b):.2f} | {expected} |")


def defined(samples: Sequence[Sample], measure: Measure) -> Numbers:
    """Return the values of a measure for the scans on which it is defined."""
    return np.array([value for sample in samples if (value := sample.values[measure.name]) is not None])


def overlap(a: Numbers, b: Numbers) -> float:
    """Return the overlap of two distributions, 0 to 1, over bins of equal shares of both together."""
    inner = np.unique(np.quantile(np.concatenate([a, b]), np.arange(1, BINS) / BINS))
    shares = [
        np.bincount(np.searchsorted(inner, values, side="right"), minlength=BINS) / len(values) for values in (a, b)
    ]
    return float(np.minimum(*shares).sum())


def chance_overlaps(values: Numbers, n: int, rng: np.random.Generator) -> Numbers:
    """Return the overlaps of `n` of the values, drawn at random, with the rest."""
    draws = (rng.permutation(values) for _ in range(PERMUTATIONS))
    return np.array([overlap(drawn[:n], drawn[n:]) for drawn in draws])


def scores_table(real: Sequence[Sample], simulated: Sequence[Sample]) -> None:
    """Print correlations and distributions of scores: by experts, measured on real and on simulated scans."""
    rows, scans = joint_counts()
    groups = {
        "experts": np.repeat(rows, scans, axis=0).astype(float),
        "real": np.array([sample.scores for sample in real if sample.scores]),
        "simulated": np.array([sample.scores for sample in simulated if sample.scores]),
    }
    print(f"\n| Pearson correlation | {' | '.join(groups)} |\n|---|---|---|---|")
    for first, second in combinations(range(len(SCALE_NAMES)), 2):
        correlations = [np.corrcoef(group[:, first], group[:, second])[0, 1] for group in groups.values()]
        print(f"| {SCALE_NAMES[first]}, {SCALE_NAMES[second]} | {' | '.join(f'{r:.2f}' for r in correlations)} |")
    print(f"\n| share of scans with 3 or more | {' | '.join(groups)} |\n|---|---|---|---|")
    for place, scale in enumerate(SCALES):
        shares = [f"{np.mean(group[:, place] >= 3):.2f}" for group in groups.values()]
        print(f"| {scale.title} | {' | '.join(shares)} |")


def matched_weights(samples: Sequence[Sample], quality: npt.NDArray[np.int64]) -> Numbers:
    """Return weights with which real and simulated scans have equal shares of each whole score of quality."""
    is_simulated = np.array([sample.is_simulated for sample in samples])
    weights = np.zeros(len(samples))
    for score in np.unique(quality):
        groups = [(quality == score) & (is_simulated == kind) for kind in (False, True)]
        counts = [int(group.sum()) for group in groups]
        if all(counts):
            for group, count in zip(groups, counts, strict=True):
                weights[group] = min(counts) / count
    return weights


def network() -> nn.Module:
    """Return five convolutions and a mean over the slice."""
    widths = (1, 16, 32, 48, 64, 64)
    blocks: list[nn.Module] = []
    for before, after in pairwise(widths):
        blocks += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.3), nn.Linear(widths[-1], 1))


def learn(samples: Sequence[Sample], weights: Numbers, seed: int) -> Callable[[FloatArray], float]:
    """Train the network on scans, and return a function for a scan's rank, higher for more like a simulated one."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    slices = torch.from_numpy(np.concatenate([sample.slices for sample in samples]))[:, None]
    labels = torch.tensor(np.repeat([sample.is_simulated for sample in samples], SLICES), dtype=torch.float32)
    each = torch.tensor(np.repeat(weights, SLICES), dtype=torch.float32)
    net = network()
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.01)
    steps = EPOCHS * -(-len(slices) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
    for _ in range(EPOCHS):
        for chosen in np.array_split(rng.permutation(len(slices)), -(-len(slices) // BATCH)):
            shift = tuple(int(step) for step in rng.integers(-6, 7, 2))
            batch = torch.roll(slices[chosen], shift, (2, 3))
            batch = batch.flip(3) if rng.random() < 0.5 else batch
            losses = nn.functional.binary_cross_entropy_with_logits(net(batch)[:, 0], labels[chosen], reduction="none")
            optimiser.zero_grad()
            (losses * each[chosen]).mean().backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
    net.eval()

    def rank(prepared_slices: FloatArray) -> float:
        with torch.no_grad():
            return float(net(torch.from_numpy(prepared_slices)[:, None]).mean())

    return rank


def two_sample_test(samples: Sequence[Sample], seed: int) -> None:
    """Print how well the network distinguishes simulated scans from real ones of other patients."""
    scored = [sample for sample in samples if sample.scores]
    quality = np.array([int(sample.scores[SCALE_NAMES.index("quality")]) for sample in scored if sample.scores])
    names, patients = np.unique([sample.patient for sample in scored], return_inverse=True)
    half = np.random.default_rng(seed).permutation(np.arange(len(names)) % 2)[patients]
    is_simulated = np.array([sample.is_simulated for sample in scored])
    ranks, weights = np.zeros(len(scored)), np.zeros(len(scored))
    for part in (0, 1):
        train, test = (np.flatnonzero(half == number) for number in (1 - part, part))
        for chosen in (train, test):
            weights[chosen] = matched_weights([scored[place] for place in chosen], quality[chosen])
        rank = learn([scored[place] for place in train], weights[train], seed)
        ranks[test] = [rank(scored[place].slices) for place in test]

    def mean_auroc(times: Numbers) -> Numbers:
        parts = [half == part for part in (0, 1)]
        first, second = (auroc(is_simulated[part], ranks[part], (times * weights)[:, part]) for part in parts)
        return (first + second) / 2

    figure = with_interval(mean_auroc, patients, Bootstrap(seed=seed))
    counted = [int((weights[is_simulated == kind] > 0).sum()) for kind in (False, True)]
    print(f"\nTwo-sample test on {counted[0]} real and {counted[1]} simulated scans, {len(names)} patients:")
    print(f"AUROC {cell(figure, '.2f')}; .5 means that nothing tells them apart.")


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=Path, required=True)
    parser.add_argument("--simulated", type=Path, nargs="+", required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    real = real_samples(options.scans)
    simulated = [sample for folder in options.simulated for sample in simulated_samples(folder)]
    scored = [sum(bool(sample.scores) for sample in samples) for samples in (real, simulated)]
    print(f"{len(real)} real scans, of which {scored[0]} have scores; {len(simulated)} simulated ones, of which")
    print(f"{scored[1]} have scores; overlap over {BINS} bins.")
    measures_table(real, simulated, options.seed)
    scores_table(real, simulated)
    two_sample_test([*real, *simulated], options.seed)


if __name__ == "__main__":
    main()
