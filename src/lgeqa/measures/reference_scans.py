"""The reference scans: the distribution of each measure over real scans, stored as quantiles without any scan."""

from functools import cache
from importlib import resources

import numpy as np

from lgeqa.config import Frozen


class ReferenceScans(Frozen):
    """Quantiles of each measure over the reference scans.

    Attributes:
        source: Description of the scans.
        n: Number of scans.
        shares: Cumulative shares, 0 to 1, rising.
        quantiles: Value of each measure at these shares, by name, over the scans on which it is defined.
    """

    source: str
    n: int
    shares: tuple[float, ...]
    quantiles: dict[str, tuple[float, ...]]


@cache
def reference_scans() -> ReferenceScans:
    """Return the quantiles that ship with the package."""
    path = resources.files("lgeqa.measures") / "reference_scans.json"
    return ReferenceScans.model_validate_json(path.read_text(encoding="utf-8"))


def place_of(name: str, value: float) -> float:
    """Return the share of the reference scans, 0 to 1, with a lower value of a measure.

    It is interpolated between the quantiles. Where several quantiles are equal, the middle of their shares counts.
    Below the lowest quantile it is 0, above the highest 1.
    """
    reference = reference_scans()
    quantiles = np.array(reference.quantiles[name])
    if value < quantiles[0]:
        return 0.0
    if value > quantiles[-1]:
        return 1.0
    below = np.interp(value, quantiles, reference.shares, left=0)
    above = 1 - np.interp(-value, -quantiles[::-1], 1 - np.array(reference.shares)[::-1])
    return float(np.clip((below + above) / 2, 0, 1))
