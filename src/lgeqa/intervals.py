"""A measured figure, and its interval by bootstrap over patients.

A patient who is drawn brings all scans and slices, since these are alike.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, FiniteFloat, model_validator

from lgeqa.records import IntArray

Numbers = npt.NDArray[np.float64]

#: Numbers in a block of draws that are worked on at once: 32 MB.
_BLOCK = 4_000_000
#: Of a figure that draws do not change.
SAME = "the same in nearly every draw: no interval"
#: An interval narrower than this has no width.
_ROUNDING = 1e-9


class Figure(BaseModel):
    """One measure with its 95 % interval.

    Attributes:
        value: nothing where the measure is undefined.
        low, high: the interval; nothing where there is none.
        undefined: why there is no value; empty if there is one.
        caution: what to know of the interval, or why there is none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: FiniteFloat | None = None
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    undefined: str = ""
    caution: str = ""

    @model_validator(mode="after")
    def _value_or_reason(self) -> Self:
        if (self.value is None) != bool(self.undefined):
            raise ValueError(f"a figure has a value or a reason why not: {self.value!r}, {self.undefined!r}")
        return self


def cell(figure: Figure, form: str = ".3f") -> str:
    """A figure with its interval: `0.912 (0.842 to 0.961)`; `undefined` where it is.

    Args:
        figure: any.
        form: how a number is written, as in a format string.
    """
    if figure.value is None:
        return "undefined"
    if figure.low is None or figure.high is None:
        return f"{figure.value:{form}}"
    return f"{figure.value:{form}} ({figure.low:{form}} to {figure.high:{form}})"


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are drawn: the same patients, seed and number of draws give the same interval.

    Attributes:
        draws: number of bootstrap samples.
        seed: of the draws.
    """

    draws: int = 1000
    seed: int = 0

    def times(self, patients: IntArray) -> Iterator[Numbers]:
        """How often each item counts in each draw, (some draws, items), until there are all draws.

        Args:
            patients: (items,) number of each item's patient, from 0 without gaps.
        """
        count = int(patients.max()) + 1
        drawn = np.random.default_rng(self.seed).multinomial(count, np.full(count, 1 / count), self.draws)
        size = max(1, _BLOCK // len(patients))
        for start in range(0, self.draws, size):
            yield drawn[start : start + size, patients].astype(np.float64)


def with_interval(measure: Callable[[Numbers], Numbers], patients: IntArray, bootstrap: Bootstrap) -> Figure:
    """A figure with its 95 % percentile interval.

    Draws in which the measure is undefined are left out, and the figure says so; where they are more than half, or
    where there is one patient only, there is no interval. Nor is there one where nearly all draws agree, as those of
    a figure of 1 do: no scan was wrong, so draws from these scans cannot tell how uncertain that is.

    Args:
        measure: of `times` as in `metrics`; defined for the items as they are.
        patients: (items,) number of each item's patient, from 0 without gaps; at least one item.
        bootstrap: how to draw.
    """
    return bounded(float(measure(np.ones((1, len(patients))))[0]), measure, patients, bootstrap)


def bounded(value: float, measure: Callable[[Numbers], Numbers], patients: IntArray, bootstrap: Bootstrap) -> Figure:
    """A value that is known already, with its interval; the rest as in `with_interval`."""
    if not patients.any():
        return Figure(value=value, caution="one patient only: no interval")
    drawn = np.concatenate([measure(times) for times in bootstrap.times(patients)])
    defined = drawn[~np.isnan(drawn)]
    without = len(drawn) - len(defined)
    if 2 * without > len(drawn):
        return Figure(value=value, caution=f"undefined in {without} of {len(drawn)} draws: no interval")
    low, high = np.percentile(defined, [2.5, 97.5])
    if high - low < _ROUNDING:
        return Figure(value=value, caution=SAME)
    caution = f"interval without the {without} of {len(drawn)} draws in which it is undefined" if without else ""
    return Figure(value=value, low=float(low), high=float(high), caution=caution)
