"""Operating point: the probabilities of quality from which a scan is accepted, and below which it is to be repeated."""

import math
from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from lgeqa.config import Settings
from lgeqa.errors import CohortError
from lgeqa.formatting import probability_text


class Costs(Settings):
    """Costs of wrong decisions, in units of the cost of one review.

    Attributes:
        missed: Cost of accepting a scan that is not diagnostic.
        needless: Cost of repeating a scan that is diagnostic.
    """

    missed: float = Field(5.0, gt=0)
    needless: float = Field(5.0, gt=0)


class OperatingPoint(Settings):
    """Limits of the probability of quality that decide on a scan. Between them a person reviews it.

    Attributes:
        accept_from: Probability from which a scan is accepted. Above 1, no scan is.
        repeat_below: Probability below which a scan is to be repeated. At 0, no scan is.
        set_from: Description of how the limits were chosen.
    """

    accept_from: float = Field(gt=0)
    repeat_below: float = Field(ge=0, lt=1)
    set_from: str = "set by hand"

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.accept_from < self.repeat_below:
            raise ValueError(f"accept_from = {self.accept_from:g} is below repeat_below = {self.repeat_below:g}")
        return self

    @property
    def text(self) -> str:
        """Both limits and how they were chosen, in one sentence."""
        limit, lower = probability_text(self.accept_from), probability_text(self.repeat_below)
        accepted = f"accepted from a probability of {limit}" if self.accept_from <= 1 else "never accepted"
        repeated = f"to be repeated below {lower}" if self.repeat_below > 0 else "never to be repeated"
        return f"Scans are {accepted}, {repeated}, and otherwise for review ({self.set_from})."

    @classmethod
    def of_costs(cls, costs: Costs) -> Self:
        """Return the point with the least expected cost, provided that probabilities are calibrated.

        A scan with the probability p costs (1 - p) `missed` if accepted, p `needless` if repeated, and 1 if reviewed.
        Source: Chow 1970, IEEE Transactions on Information Theory 16:41-46.
        """
        accept_from, repeat_below = 1 - 1 / costs.missed, 1 / costs.needless
        if accept_from < repeat_below:  # a review costs more than it saves at any probability
            accept_from = repeat_below = costs.missed / (costs.missed + costs.needless)
        prices = f"a missed poor scan costs {costs.missed:g} reviews and a needless repeat {costs.needless:g}"
        return cls(accept_from=accept_from, repeat_below=repeat_below, set_from=f"least cost if {prices}")

    @classmethod
    def of_promise(cls, probabilities: npt.NDArray[np.float64], labels: npt.NDArray[np.bool_], risk: float) -> Self:
        """Return the point that accepts few scans that are not diagnostic, and repeats few that are.

        Of new scans like the given ones, the expected share of those not diagnostic that are accepted is at most
        `risk`, and so is that of the diagnostic ones that are repeated, each of their class. This is conformal
        prediction for each class, with the probability as the score. Source: Vovk 2013, Machine Learning 92:349-376.

        Args:
            probabilities: Probability of quality of each scan, (scans,), by a network and a calibration that were not
                fitted on the scan.
            labels: Whether each scan is diagnostic, (scans,).
            risk: Largest share of either class, between 0 and 1.

        Raises:
            CohortError: A class has too few scans for this promise.
        """
        poor, good = np.sort(probabilities[~labels])[::-1], np.sort(probabilities[labels])
        least = math.ceil(1 / risk - 1e-9) - 1
        if min(len(poor), len(good)) < least:
            raise CohortError(
                f"A risk of {risk:g} needs at least {least} scans of each class, and there are {len(good)} diagnostic "
                f"and {len(poor)} others. Choose a larger risk, or score more scans."
            )
        # A new scan has rank r of n + 1 among its class with probability 1 / (n + 1). The first ranks may go wrong.
        wrong = [math.floor(risk * (len(scans) + 1) + 1e-9) - 1 for scans in (poor, good)]
        accept_from = math.nextafter(float(poor[wrong[0]]), math.inf)
        repeat_below = float(good[wrong[1]])
        if accept_from < repeat_below:  # the classes are apart: one limit half way keeps both promises
            accept_from = repeat_below = (accept_from + repeat_below) / 2
        text = f"at most {risk:.0%} of poor scans accepted and of good scans repeated, by {len(labels)} scored scans"
        return cls(accept_from=accept_from, repeat_below=repeat_below, set_from=text)


#: Operating point of a bundle that names none.
DEFAULT = OperatingPoint.of_costs(Costs())
