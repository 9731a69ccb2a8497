"""The measured reader: scores of 1 to 5 computed from the image quality measures of a scan."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from math import floor
from statistics import NormalDist
from typing import Final

import numpy as np
import numpy.typing as npt

from lgeqa.config import Frozen
from lgeqa.measures.catalogue import BY_NAME
from lgeqa.measures.reference_scans import reference_scans
from lgeqa.records import Measures
from lgeqa.scales import DIAGNOSTIC_FROM, HIGHEST_SCORE, LOWEST_SCORE, SCALE_NAMES, chance_of_at_least

#: Lowest possible normal score of a measure.
WORST: Final = -6.0
#: Cumulative shares of the reference scans that define the slope for values worse than all of them.
_SLOPE_SHARES: Final = (0.05, 0.5)


class ScaleRule(Frozen):
    """How the measures of a scan are joined on one scale.

    Attributes:
        weights: Weight of each measure in the sum of normal scores, by its name. They add up to 1.
        only_lower: Names of the measures of the sum whose positive normal scores count as 0.
        faults: Names of the measures of which the worst counts. Less noise than usual is not an advantage, since blur
            and denoising also reduce it, and the contrast-to-noise ratio already counts it. Likewise, well-nulled
            muscle, even blood and a background without ghosts do not compensate for a wall that cannot be seen. But
            each of them alone must be able to spoil a scan.
        fault_weight: Weight of the worst fault.
        fault_share: Share of the reference scans that are bad enough to count as having a fault.
    """

    weights: dict[str, float]
    only_lower: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    fault_weight: float = 0.0
    fault_share: float = 0.1

    @property
    def measures(self) -> tuple[str, ...]:
        """The names of all measures that the rule needs."""
        return (*self.weights, *self.faults)

    def total(self, values: Mapping[str, float | None]) -> float | None:
        """Return the weighted sum of normal scores less the worst fault, or None if a needed measure is undefined.

        Args:
            values: Value of each measure by its name.
        """
        known = {name: value for name in self.measures if (value := values[name]) is not None}
        if len(known) < len(self.measures):
            return None
        scores = {name: normal_score(name, value) for name, value in known.items()}
        limit = NormalDist().inv_cdf(self.fault_share)
        worst_fault = min((scores[name] - limit for name in self.faults), default=0.0)
        return self.fault_weight * min(worst_fault, 0.0) + sum(
            weight * (min(scores[name], 0.0) if name in self.only_lower else scores[name])
            for name, weight in self.weights.items()
        )


class MeasuredReader(Frozen):
    """A reader whose scores are computed from measures, whatever the origin of the scan.

    On each scale, every measure with a weight becomes a normal score: its rank among the reference scans, mapped by the
    inverse normal distribution. The rank of the weighted sum among the sums of the reference scans gives the score, so
    that the reference scans have the same distribution of scores that experts gave to scans of the same centre. Equal
    quality of both sets of scans is an assumption, since nobody scored the reference scans. The scores are not clinical
    scores.

    Attributes:
        version: Version of the reader. Scores of different versions cannot be compared.
        source: Origin of the numbers and the assumption behind them.
        rules: How measures are joined, by name of the scale.
        sums: What the rules give over the reference scans, at the cumulative shares of `reference_scans().shares`, by
            name of the scale.
        score_shares: Share of scans to which experts gave at most the score 1, 2, 3 and 4, by name of the scale.
    """

    version: str
    source: str
    rules: dict[str, ScaleRule]
    sums: dict[str, tuple[float, ...]]
    score_shares: dict[str, tuple[float, float, float, float]]

    @property
    def measures(self) -> tuple[str, ...]:
        """The names of all measures that the scores need, each once."""
        return tuple(dict.fromkeys(name for rule in self.rules.values() for name in rule.measures))

    def scores(self, values: Mapping[str, float | None]) -> dict[str, float | None]:
        """Return the score of a scan on each scale, in the order of `scales.SCALE_NAMES`.

        Args:
            values: Value of each measure by its name, as from `compute_measures`, None if undefined.

        Returns:
            Fractional scores from 1 to 5. Their whole part is the score that an expert would write, so 3.0 or more is
            diagnostic. None on a scale that needs an undefined measure.
        """
        return {scale: self._score(scale, values) for scale in SCALE_NAMES}

    def probabilities(self, values: Mapping[str, float | None]) -> dict[str, float | None]:
        """Return the assumed probability of an expert's score of 3 or more on each scale.

        Args:
            values: Value of each measure by its name, None if undefined.

        Returns:
            Probability by name of the scale, as `scales.chance_of_at_least` gives it. None where there is no score.
        """
        return {
            scale: None if score is None else chance_of_at_least(DIAGNOSTIC_FROM, score)
            for scale, score in self.scores(values).items()
        }

    def reading(self, values: Mapping[str, float | None]) -> dict[str, float] | None:
        """Return all four scores with two decimals, as in a table of scores, or None if a scale has no score.

        They are cut instead of rounded, so that a score below 3 does not become 3.

        Args:
            values: Value of each measure by its name, None if undefined.
        """
        known = {scale: score for scale, score in self.scores(values).items() if score is not None}
        if len(known) < len(SCALE_NAMES):
            return None
        # Without the small amount 4.35 would become 4.34, as 100 * 4.35 is 434.999...
        return {scale: floor(100 * score + 1e-9) / 100 for scale, score in known.items()}

    def why_unscored(self, measures: Measures) -> str:
        """Return which undefined measures leave which scales without a score, and why, or an empty text."""
        missing = {
            scale: [name for name in self.rules[scale].measures if measures.values[name] is None]
            for scale in SCALE_NAMES
        }
        names = dict.fromkeys(name for undefined in missing.values() for name in undefined)
        if not names:
            return ""
        scales = ", ".join(scale for scale, undefined in missing.items() if undefined)
        reasons = " ".join(f"{name}: {measures.reasons[name]}" for name in names)
        return f"Undefined and needed for {scales}: {reasons}"

    def _score(self, scale: str, values: Mapping[str, float | None]) -> float | None:
        """Return the score on one scale, linear between the experts' shares and 1 below the worst reference scan."""
        if (total := self.rules[scale].total(values)) is None:
            return None
        place = np.interp(total, self.sums[scale], reference_scans().shares)
        scores = [*range(LOWEST_SCORE, HIGHEST_SCORE + 1), HIGHEST_SCORE]
        return float(np.interp(place, (0, *self.score_shares[scale], 1), scores))


@cache
def measured_reader() -> MeasuredReader:
    """Return the measured reader that ships with the package."""
    path = resources.files("lgeqa.measures") / "measured_reader.json"
    return MeasuredReader.model_validate_json(path.read_text(encoding="utf-8"))


def normal_score(name: str, value: float) -> float:
    """Return the quality of a value in standard deviations from the median of the reference scans.

    It is the inverse normal distribution of the share of reference scans with a worse value, linear between their
    quantiles. A value better than all reference scans counts as their best. For a value worse than all of them, the
    score continues linearly down to `WORST`, with the slope between their worst 5 % and 50 %, so that good values of
    other measures do not hide a degraded scan.
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
