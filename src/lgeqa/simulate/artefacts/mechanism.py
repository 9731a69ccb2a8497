"""What a mechanism is: one way in which a scan comes to be worse, with a severity in a physical unit."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lgeqa.records import FloatArray
from lgeqa.simulate.artefacts.subject import Subject

#: Changes a signal of blood 1 (slice, row, column), given its subject, a severity and a generator.
Effect = Callable[[FloatArray, Subject, float, np.random.Generator], FloatArray]


@dataclass(frozen=True)
class Mechanism:
    """One way in which a scan comes to be worse.

    Attributes:
        effect: Function that applies it; its name is that of the mechanism.
        scale: Scale of `attributes.NAMES` that it acts on first.
        cause: Physical cause; a scan has at most one artefact of each.
        title: Name for people.
        unit: Unit of the severity.
        heaviest: Highest severity.
        imitates: What it looks like in the clinic.
        none: Severity without an effect.
        logarithmic: Whether the severity rises by factors.
        improves: Whether it makes the scan better on its scale instead of worse.
    """

    effect: Effect
    scale: str
    cause: str
    title: str
    unit: str
    heaviest: float
    imitates: str
    none: float = 0.0
    logarithmic: bool = False
    improves: bool = False

    @property
    def name(self) -> str:
        """Identifier in recipes and tables."""
        return self.effect.__name__

    def at(self, share: float) -> float:
        """Return the severity at a share from 0, none, to 1, the heaviest."""
        return between(self.none, self.heaviest, share, logarithmic=self.logarithmic)


def between(lowest: float, highest: float, share: float, *, logarithmic: bool) -> float:
    """Return the value at a share, 0 to 1, of the way between two, in equal steps or in equal factors."""
    value = lowest * (highest / lowest) ** share if logarithmic else lowest + (highest - lowest) * share
    # Rounding must not lead out of the range.
    return float(min(max(value, lowest), highest))
