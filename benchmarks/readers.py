"""Agreement of real readers, from the counts in the package.

python benchmarks/readers.py

The counts name neither scans nor readers, so there are no intervals, and each pair of readings counts as one scan.
"""

import numpy as np

from lgeqa.agreement.statistics import Sample, alpha, exact_agreement, kappa, label_kappa, same_side, sides
from lgeqa.bootstrap import Bootstrap
from lgeqa.scales import SCALES
from lgeqa.simulation.simulated_readers import SCORES, agreement_counts


def main() -> None:
    """Print a table in Markdown."""
    print("| Scale | Weighted kappa | Kappa of labels | Same score | Same side of 3 | Alpha | 2 or more apart |")
    print("|---|---|---|---|---|---|---|")
    first, second = np.meshgrid(SCORES, SCORES, indexing="ij")
    for scale, ordered in zip(SCALES, agreement_counts(), strict=True):
        # Every pair was counted in both orders, but is used only once here.
        counts = np.triu(ordered) - np.diag(np.diag(ordered) // 2)
        a, b = (np.repeat(scores, counts.ravel()).astype(float) for scores in (first.ravel(), second.ravel()))
        both = np.concatenate([a, b]), np.concatenate([b, a])
        labels = sides(both[0]), sides(both[1])
        sample, once = (Sample(np.arange(n), Bootstrap(draws=2)) for n in (len(both[0]), len(a)))
        figures = [
            kappa(*both, sample),
            label_kappa(*labels, sample),
            exact_agreement(*both, sample),
            same_side(*labels, sample),
            alpha(np.stack([a, b]), once),
        ]
        apart = (np.abs(a - b) >= 2).mean()
        print(f"| {scale.title} | {' | '.join(f'{figure.value:.3f}' for figure in figures)} | {apart:.3f} |")
    print(f"\n{len(a)} pairs of readings on each scale.")


if __name__ == "__main__":
    main()
