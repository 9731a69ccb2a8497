"""Fits the quality weights of the measured reader, and compares its scores with expert scores.

OPENBLAS_NUM_THREADS=1 python benchmarks/measured_reader.py --scans ../shared/data/lge [--write FILE]

The scans are measured with their reference masks. They should be the reference scans of `lgeqa.measures`. Without
`--write` the figures describe the reader in the package. With it, the weights of quality are fitted first, so that the
correlations of quality with sharpness and enhancement are close to those of the experts, and the new reader is written
to FILE, such as src/lgeqa/measures/measured_reader.json.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lgeqa.io import Source, discover, read_mask, read_scan
from lgeqa.measures import Heart, MeasuredReader, ScaleRule, compute_measures, measured_reader, reference_scans
from lgeqa.scales import SCALE_NAMES, is_diagnostic
from lgeqa.simulation.simulated_readers import joint_counts

Values = dict[str, float | None]
Scores = npt.NDArray[np.float64]

_VERSION = "6"
_SOURCE = (
    "Measures of the reference scans (see reference_scans.json), with the atrium masks as published, and the four "
    "scores of 473 scans by experts (score_joint_counts.csv). Both are of the University of Utah, so their quality is "
    "assumed to be distributed equally. Nobody scored the reference scans, and these scores are not clinical ones. The "
    "weights of contrast and edges in quality were fitted so that its correlations with sharpness and enhancement come "
    "near the experts'."
)
#: Rules of the attributes, chosen and not fitted.
_ATTRIBUTES = {
    "myocardium_nulling": ScaleRule(
        weights={"nulling_ratio": 0.7, "dark_line_percent": 0.3}, only_lower=("dark_line_percent",)
    ),
    "sharpness": ScaleRule(weights={"edge_width_mm": 1.0}),
    "enhancement": ScaleRule(weights={"aortic_wall_contrast": 0.5, "septal_contrast": 0.5}),
}
#: Faults of which each alone must be able to spoil a scan, and how much the worst counts. Chosen.
_FAULTS = ("noise_percent", "nulling_ratio", "dark_line_percent", "shading_percent", "ghosting_percent")
_FAULT_WEIGHT = 0.6
#: The weight of the contrast is fitted in steps of 1 / `_STEPS`, that of the edges is the rest.
_STEPS = 20
#: Scales whose correlations with quality the weights are fitted to.
_FITTED = ("sharpness", "enhancement")


def measured(source: Source) -> Values:
    """Return the measures of a scan with its reference mask."""
    scan = read_scan(source)
    assert source.mask_path is not None
    return compute_measures(scan, Heart(scan.voxels, read_mask(source.mask_path, scan), scan.spacing_mm)).values


def expert_scores() -> Scores:
    """Return the scores by experts, (scan, scale)."""
    combinations, counts = joint_counts()
    return np.repeat(combinations, counts, axis=0).astype(float)


def reader_of(contrast: float, scans: Sequence[Values]) -> MeasuredReader:
    """Return the reader with this weight of the contrast in quality."""
    weights = {"wall_cnr": contrast, "edge_width_mm": round(1 - contrast, 2)}
    rules = {**_ATTRIBUTES, "quality": ScaleRule(weights=weights, faults=_FAULTS, fault_weight=_FAULT_WEIGHT)}
    shares, experts = reference_scans().shares, expert_scores()
    quantiles = {}
    for name in SCALE_NAMES:
        quantiles[name] = np.quantile(np.array([rules[name].total(values) for values in scans], float), shares)
    return MeasuredReader(
        version=_VERSION,
        source=_SOURCE,
        rules=rules,
        sums={name: tuple(round(float(knot), 5) for knot in knots) for name, knots in quantiles.items()},
        score_shares={
            name: tuple(round(float(np.mean(experts[:, place] <= score)), 5) for score in range(1, 5))
            for place, name in enumerate(SCALE_NAMES)
        },
    )


def fit(scans: Sequence[Values]) -> MeasuredReader:
    """Return the reader whose quality correlations are closest to those of the experts, by the sum of squares."""
    wanted = _with_quality(expert_scores())
    readers = [reader_of(steps / _STEPS, scans) for steps in range(1, _STEPS)]
    return min(readers, key=lambda reader: float(((_with_quality(whole(reader, scans)) - wanted) ** 2).sum()))


def whole(reader: MeasuredReader, scans: Sequence[Values]) -> Scores:
    """Return the whole scores of scans, (scan, scale)."""
    scores: Scores = np.array([list(reader.scores(values).values()) for values in scans], float)
    return np.floor(scores)


def _with_quality(scores: Scores) -> Scores:
    """Return the correlations of quality with the scales that the weights are fitted to."""
    of_quality = correlations(scores)[SCALE_NAMES.index("quality")]
    return np.array([of_quality[SCALE_NAMES.index(name)] for name in _FITTED])


def correlations(scores: Scores) -> Scores:
    """Return Pearson's correlation of each scale with each other one."""
    return np.asarray(np.corrcoef(scores.T), np.float64)


def show(reader: MeasuredReader, scans: Sequence[Values]) -> None:
    """Print the weights, the correlations between the scales and the distribution of the scores."""
    scores_of_reader, experts = whole(reader, scans), expert_scores()
    print(f"Measured reader {reader.version}: {len(scans)} scans. {reader.source}\n")
    print("| scale | weights |\n|---|---|")
    for name, rule in reader.rules.items():
        joined = ", ".join(f"{measure} {weight:g}" for measure, weight in rule.weights.items())
        fault = f"; {rule.fault_weight:g} of the worst of {', '.join(rule.faults)}" if rule.faults else ""
        print(f"| {name} | {joined}{fault} |")
    reader_correlations, expert_correlations = correlations(scores_of_reader), correlations(experts)
    print("\n| correlation of whole scores | measured reader | experts |\n|---|---|---|")
    for a in range(len(SCALE_NAMES)):
        for b in range(a + 1, len(SCALE_NAMES)):
            print(
                f"| {SCALE_NAMES[a]}, {SCALE_NAMES[b]} | {reader_correlations[a, b]:.2f} "
                f"| {expert_correlations[a, b]:.2f} |"
            )
    print("\n| share of scans with score | 1 | 2 | 3 | 4 | 5 | 3 or more |\n|---|---|---|---|---|---|---|")
    for place, name in enumerate(SCALE_NAMES):
        for who, scores in (("measured reader", scores_of_reader), ("experts", experts)):
            shares = [np.mean(scores[:, place] == score) for score in range(1, 6)]
            shares.append(np.mean([is_diagnostic(score) for score in scores[:, place]]))
            print(f"| {name}, {who} | {' | '.join(f'{share:.2f}' for share in shares)} |")


def main() -> None:
    """Print the figures of the reader in the package, or fit and write a new one first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=Path, required=True)
    parser.add_argument("--write", type=Path, metavar="FILE", help="fit the weights and write the reader to this file")
    options = parser.parse_args()
    scans = [measured(source) for source in discover([options.scans]) if source.mask_path]
    reader = fit(scans) if options.write else measured_reader()
    if options.write:
        options.write.write_text(reader.model_dump_json(indent=1) + "\n", encoding="utf-8")
    show(reader, scans)


if __name__ == "__main__":
    main()
