"""Mechanisms of artefacts: physical causes that degrade a scan, with a severity in a physical unit."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lgeqa.records import FloatArray
from lgeqa.simulation.artefacts.subject import Subject

#: Function of a signal (slice, row, column) with blood at 1, its subject, a severity and a generator.
Effect = Callable[[FloatArray, Subject, float, np.random.Generator], FloatArray]


@dataclass(frozen=True)
class Mechanism:
    """One mechanism that degrades a scan.

    Attributes:
        effect: Function that applies the artefact and has the name of the mechanism.
        scale: Scale of `scales.SCALE_NAMES` that the mechanism affects most.
        cause: Physical cause. A scan has at most one artefact of each cause.
        title: Display name.
        unit: Unit of the severity.
        heaviest: Highest severity.
        imitates: Clinical situation that the artefact imitates.
        none: Severity without an effect.
        logarithmic: Whether the severity rises by factors.
        improves: Whether the mechanism improves the scan on its scale instead of degrading it.
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
        """Return the severity at a share from 0 (none) to 1 (heaviest)."""
        return between(self.none, self.heaviest, share, logarithmic=self.logarithmic)


def between(lowest: float, highest: float, share: float, *, logarithmic: bool) -> float:
    """Return the value at a share, 0 to 1, of the way between two values, in equal steps or in equal factors."""
    value = lowest * (highest / lowest) ** share if logarithmic else lowest + (highest - lowest) * share
    # Rounding must not leave the range.
    return float(min(max(value, lowest), highest))
