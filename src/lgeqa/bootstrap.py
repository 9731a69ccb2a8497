"""Figures with intervals by bootstrap over patients.

A patient who is drawn brings all scans and slices, since these are alike.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import FiniteFloat, model_validator

from lgeqa.config import Frozen
from lgeqa.records import IntArray

Numbers = npt.NDArray[np.float64]

#: Numbers in a block of draws that is computed at once: 32 MB.
_BLOCK = 4_000_000
#: Caution about a figure that is the same in nearly every draw.
SAME = "the same in nearly every draw: no interval"
#: Width below which an interval counts as empty.
_ROUNDING = 1e-9


class Estimate(Frozen):
    """One measure with its 95 % interval.

    Attributes:
        value: Value of the measure. None if it is undefined.
        low: Lower end of the interval. None if there is no interval.
        high: Upper end of the interval. None if there is no interval.
        undefined: Reason why there is no value. Empty if there is one.
        caution: Note about the interval, or reason why there is none.
    """

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


def cell(figure: Estimate, form: str = ".3f") -> str:
    """Return a figure with its interval as text, such as `0.912 (0.842 to 0.961)` or `undefined`.

    Args:
        figure: Estimate to write.
        form: Format specification of each number.
    """
    if figure.value is None:
        return "undefined"
    if figure.low is None or figure.high is None:
        return f"{figure.value:{form}}"
    return f"{figure.value:{form}} ({figure.low:{form}} to {figure.high:{form}})"


def notes(figures: Mapping[str, Estimate]) -> list[str]:
    """Return texts that say why figures are undefined, or what is special in an interval.

    Args:
        figures: Figures by the names under which the list has them.
    """
    names_by_note: dict[str, list[str]] = {}
    for name, figure in figures.items():
        note = f"undefined, {figure.undefined}" if figure.undefined else figure.caution
        if note not in {"", SAME}:
            names_by_note.setdefault(note, []).append(name)
    return [f"{'; '.join(names)}: {note}." for note, names in names_by_note.items()]


def numbered(patients: Sequence[str] | IntArray) -> IntArray:
    """Return the number of each item's patient, from 0 without gaps in the order of the patients' names."""
    _, numbers = np.unique(np.asarray(patients), return_inverse=True)
    return numbers.astype(np.int64)


@dataclass(frozen=True)
class Bootstrap:
    """Settings of a bootstrap. The same patients, seed and number of draws give the same interval.

    Attributes:
        draws: Number of bootstrap samples.
        seed: Random seed of the bootstrap.
    """

    draws: int = 1000
    seed: int = 0

    def times(self, patients: IntArray) -> Iterator[Numbers]:
        """Yield how often each item counts in each draw, (draws of a block, items), for one block after another.

        Args:
            patients: Number of each item's patient, (items,), from 0 without gaps.
        """
        count = int(patients.max()) + 1
        drawn = np.random.default_rng(self.seed).multinomial(count, np.full(count, 1 / count), self.draws)
        size = max(1, _BLOCK // len(patients))
        for start in range(0, self.draws, size):
            yield drawn[start : start + size, patients].astype(np.float64)


def with_interval(measure: Callable[[Numbers], Numbers], patients: IntArray, bootstrap: Bootstrap) -> Estimate:
    """Return a figure with its 95 % percentile interval.

    Draws in which the measure is undefined are left out, and the figure says so. There is no interval if these are
    more than half of the draws, if there is only one patient, or if nearly all draws agree. The last is the case for
    a figure of 1: no scan was wrong, so draws from these scans cannot show how uncertain the figure is.

    Args:
        measure: Function that returns the measure for `times`, as in `metrics`. It is defined for the original items.
        patients: Number of each item's patient, (items,), from 0 without gaps, with at least one item.
        bootstrap: Settings of the bootstrap.
    """
    return bounded(float(measure(np.ones((1, len(patients))))[0]), measure, patients, bootstrap)


def bounded(value: float, measure: Callable[[Numbers], Numbers], patients: IntArray, bootstrap: Bootstrap) -> Estimate:
    """Return a value that is already known with its interval, as in `with_interval`."""
    if not patients.any():
        return Estimate(value=value, caution="one patient only: no interval")
    drawn = np.concatenate([measure(times) for times in bootstrap.times(patients)])
    defined = drawn[~np.isnan(drawn)]
    without = len(drawn) - len(defined)
    if 2 * without > len(drawn):
        return Estimate(value=value, caution=f"undefined in {without} of {len(drawn)} draws: no interval")
    low, high = np.percentile(defined, [2.5, 97.5])
    if high - low < _ROUNDING:
        return Estimate(value=value, caution=SAME)
    caution = f"interval without the {without} of {len(drawn)} draws in which it is undefined" if without else ""
    return Estimate(value=value, low=float(low), high=float(high), caution=caution)
