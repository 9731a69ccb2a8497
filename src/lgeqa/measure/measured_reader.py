"""The measured reader: scores of 1 to 5 that follow from the image quality measures of a scan."""

from collections.abc import Collection, Mapping
from functools import cache
from importlib import resources
from math import floor
from statistics import NormalDist
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from lgeqa.attributes import HIGHEST_SCORE, LOWEST_SCORE, NAMES
from lgeqa.measure.catalogue import BY_NAME
from lgeqa.measure.reference import reference_scans
from lgeqa.records import Measures

#: Lowest normal score of a measure, however bad it is.
WORST: Final = -6.0
#: Cumulative shares of the reference scans between which the slope for worse values than theirs is taken.
_SLOPE_SHARES: Final = (0.05, 0.5)


class MeasuredReader(BaseModel):
    """A reader whose scores follow from measures, whatever the origin of the scan.

    On each scale, every measure that takes part becomes a normal score: its place among the reference scans through
    the inverse normal distribution. Some measures can only lower quality. Less noise than usual is no merit, since blur
    and denoising give it too, and the contrast-to-noise ratio counts it already. Nor do muscle that is nulled well,
    blood that is even and a background without ghosts make up for a wall that cannot be seen. The place of the weighted
    sum among the same sums of the reference scans gives the score, so that the reference scans have the distribution of
    scores that experts gave to scans of the same centre. That both sets of scans are of equal quality is an assumption:
    nobody scored the reference scans. The scores are not clinical ones.

    Attributes:
        version: Version of the reader. Scores of different versions cannot be compared.
        source: Origin of the numbers, and the assumption behind them.
        weights: Weight of each measure by its name, by name of the scale. Those of a scale add up to 1.
        only_lower: Names of the measures whose normal score counts as 0 where it is above, by name of the scale.
        sums: Weighted sums of normal scores over the reference scans, at the cumulative shares of
            `reference_scans().shares`, by name of the scale.
        score_shares: Share of scans that experts gave at most the score 1, 2, 3 and 4, by name of the scale.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    source: str
    weights: dict[str, dict[str, float]]
    only_lower: dict[str, tuple[str, ...]]
    sums: dict[str, tuple[float, ...]]
    score_shares: dict[str, tuple[float, float, float, float]]

    def scores(self, values: Mapping[str, float | None]) -> dict[str, float | None]:
        """Return the score of a scan on each scale, in the order of `attributes.NAMES`.

        Args:
            values: Value of each measure by its name, as `take_measures` gives them; None where it is undefined.

        Returns:
            Fractions from 1 to 5, whose whole part is the score that an expert would write, so that 3.0 or more is
            diagnostic. None on a scale that needs an undefined measure.
        """
        return {scale: self._score(scale, values) for scale in NAMES}

    def reading(self, values: Mapping[str, float | None]) -> dict[str, float] | None:
        """Return the scores as a table of scores holds them: all four, or None if a scale has none.

        They have two decimals and are cut instead of rounded, so that none of them becomes a 3 which is below.

        Args:
            values: As for `scores`.
        """
        known = {scale: score for scale, score in self.scores(values).items() if score is not None}
        if len(known) < len(NAMES):
            return None
        # The small amount keeps 4.35, whose hundredfold is 434.999..., at 4.35.
        return {scale: floor(100 * score + 1e-9) / 100 for scale, score in known.items()}

    def why_unscored(self, measures: Measures) -> str:
        """Return which undefined measures keep which scales from a score, and why, or an empty text."""
        needed = {scale: [name for name in self.weights[scale] if measures.values[name] is None] for scale in NAMES}
        names = dict.fromkeys(name for lacking in needed.values() for name in lacking)
        if not names:
            return ""
        scales = ", ".join(scale for scale, lacking in needed.items() if lacking)
        reasons = " ".join(f"{name}: {measures.reasons[name]}" for name in names)
        return f"Undefined and needed for {scales}: {reasons}"

    def _score(self, scale: str, values: Mapping[str, float | None]) -> float | None:
        """Return the score on one scale: linear between the experts' shares, 1 below the worst reference scan."""
        if (total := weighted_sum(self.weights[scale], values, self.only_lower.get(scale, ()))) is None:
            return None
        place = np.interp(total, self.sums[scale], reference_scans().shares)
        scores = [*range(LOWEST_SCORE, HIGHEST_SCORE + 1), HIGHEST_SCORE]
        return float(np.interp(place, (0, *self.score_shares[scale], 1), scores))


@cache
def measured_reader() -> MeasuredReader:
    """Return the measured reader that ships with the package."""
    path = resources.files("lgeqa.measure") / "measured_reader.json"
    return MeasuredReader.model_validate_json(path.read_text(encoding="utf-8"))


def weighted_sum(
    weights: Mapping[str, float], values: Mapping[str, float | None], only_lower: Collection[str]
) -> float | None:
    """Return the weighted sum of the normal scores of measures; None if one of them is undefined.

    Args:
        weights: Weight of each measure that takes part, by its name.
        values: Value of each measure by its name.
        only_lower: Names of the measures whose normal score counts as 0 where it is above.
    """
    total = 0.0
    for name, weight in weights.items():
        if (value := values[name]) is None:
            return None
        score = normal_score(name, value)
        total += weight * (min(score, 0.0) if name in only_lower else score)
    return total


def normal_score(name: str, value: float) -> float:
    """Return how good a value is, in standard deviations from the median of the reference scans.

    It is the inverse normal distribution of the share of the reference scans with a worse value, linear between their
    quantiles. A value better than that of all reference scans counts as the best of theirs. One that is worse than
    all falls on linearly, with the slope between the 5 % and the 50 % of them that are worst, down to `WORST`, so that
    a spoilt scan is not saved by its other measures.
    """
    goodness, knots = _knots(name)
    good = value if BY_NAME[name].better == "higher" else -value
    if good >= goodness[0]:
        return float(np.interp(good, goodness, knots))
    low, high = np.interp(_SLOPE_SHARES, reference_scans().shares, goodness)
    slope = (NormalDist().inv_cdf(_SLOPE_SHARES[1]) - NormalDist().inv_cdf(_SLOPE_SHARES[0])) / (high - low)
    return max(WORST, float(knots[0] + slope * (good - goodness[0])))


@cache
def _knots(name: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the quantiles of a measure, rising from bad to good, and their normal scores.

    The worst and the best scan of n count as the shares 1 / 2n and 1 - 1 / 2n.
    """
    reference = reference_scans()
    quantiles = np.array(reference.quantiles[name])
    goodness = quantiles if BY_NAME[name].better == "higher" else -quantiles[::-1]
    shares = np.clip(reference.shares, 0.5 / reference.n, 1 - 0.5 / reference.n)
    return goodness, np.array([NormalDist().inv_cdf(share) for share in shares])
