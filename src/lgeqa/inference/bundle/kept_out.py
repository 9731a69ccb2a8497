"""Answers of a calibrated bundle on labelled scans that were kept out, and what they say about its decisions."""

from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from lgeqa.bootstrap import Bootstrap, Estimate, Numbers, with_interval
from lgeqa.config import Settings
from lgeqa.operating_point import OperatingPoint

#: Shares of all scans that describe an operating point, and their titles.
OUTCOMES = {
    "accepted": "accepted",
    "poor_accepted": "poor ones accepted",
    "reviewed": "sent to review",
    "repeated": "to be repeated",
    "good_repeated": "good ones to be repeated",
}
#: Shares of accepted scans near which the risk is shown.
COVERAGES = (0.1, 0.25, 0.5, 0.75, 1.0)


class KeptOut(Settings):
    """Labelled scans of a calibration, each answered by a calibration that left its patient out.

    All fields have one entry a scan.

    Attributes:
        probabilities: Calibrated probability of quality.
        diagnostic: Whether the label is diagnostic.
        may_accept: Whether the scan would be accepted if its probability were high enough.
        may_repeat: Whether the scan would be repeated if its probability were low enough.
        patients: Number of the patient, from 0 without gaps.
    """

    probabilities: tuple[float, ...] = Field(min_length=1)
    diagnostic: tuple[bool, ...]
    may_accept: tuple[bool, ...]
    may_repeat: tuple[bool, ...]
    patients: tuple[int, ...]

    @model_validator(mode="after")
    def _are_aligned(self) -> Self:
        counts = {name: len(values) for name, values in self if len(values) != len(self.probabilities)}
        if counts:
            raise ValueError(f"{len(self.probabilities)} scans have other numbers of {', '.join(counts)}")
        return self

    def outcomes(self, point: OperatingPoint, bootstrap: Bootstrap) -> dict[str, Estimate]:
        """Return each of `OUTCOMES` at an operating point, as a share of all scans with its interval."""
        shares, labels = np.array(self.probabilities), np.array(self.diagnostic)
        accepted = (shares >= point.accept_from) & np.array(self.may_accept)
        repeated = (shares < point.repeat_below) & np.array(self.may_repeat)
        flags = {
            "accepted": accepted,
            "poor_accepted": accepted & ~labels,
            "reviewed": ~accepted & ~repeated,
            "repeated": repeated,
            "good_repeated": repeated & labels,
        }
        return {name: self._share(flag.astype(np.float64), bootstrap) for name, flag in flags.items()}

    def _share(self, flags: Numbers, bootstrap: Bootstrap) -> Estimate:
        def share(times: Numbers) -> Numbers:
            return np.asarray(times @ flags / times.sum(axis=1))

        return with_interval(share, np.array(self.patients), bootstrap)

    def reliability(self, bins: int = 5) -> Iterator[tuple[float, float, int]]:
        """Yield the mean probability, the share of diagnostic scans and the number of scans of equally filled bins."""
        shares, labels = np.array(self.probabilities), np.array(self.diagnostic)
        for places in np.array_split(np.argsort(shares, kind="stable"), min(bins, len(shares))):
            yield float(shares[places].mean()), float(labels[places].mean()), len(places)

    def risk_coverage(self) -> list[tuple[float, float]]:
        """Return the share of the scans that are accepted, and the share of poor ones among them, for each limit.

        The scans are accepted from the highest probability on, each group of equal ones at once. Source: Geifman and
        El-Yaniv 2017, arXiv 1705.08500.
        """
        shares, labels = np.array(self.probabilities), np.array(self.diagnostic)
        order = np.argsort(-shares, kind="stable")
        accepted = np.arange(1, len(order) + 1)
        risk = np.cumsum(~labels[order]) / accepted
        ends = np.append(np.diff(shares[order]) != 0, True)
        return list(zip((accepted[ends] / len(order)).tolist(), risk[ends].tolist(), strict=True))


def nearest_to(curve: Sequence[tuple[float, float]], shares: Sequence[float]) -> list[tuple[float, float]]:
    """Return the points of a curve of `risk_coverage` near some shares of accepted scans, without repetition."""
    return list(dict.fromkeys(min(curve, key=lambda point: abs(point[0] - share)) for share in shares))


def outcome_text(outcomes: dict[str, Estimate]) -> str:
    """Return the outcomes as a sentence on 100 scans."""
    per_100 = {name: f"{100 * (estimate.value or 0):.0f}" for name, estimate in outcomes.items()}
    return (
        f"Of 100 scans like these, {per_100['accepted']} are accepted ({per_100['poor_accepted']} of them poor), "
        f"{per_100['reviewed']} sent to review, and {per_100['repeated']} are to be repeated "
        f"({per_100['good_repeated']} of them good)."
    )
