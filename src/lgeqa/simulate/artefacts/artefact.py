"""Artefacts of one scan: drawn as recipes, and applied to a scan."""

from collections.abc import Sequence
from typing import Final, Self

import numpy as np
from pydantic import Field, model_validator

from lgeqa.config import Settings
from lgeqa.records import BoolArray, FloatArray
from lgeqa.simulate.artefacts.catalogue import BY_NAME, MECHANISMS
from lgeqa.simulate.artefacts.mechanism import Mechanism
from lgeqa.simulate.artefacts.subject import Subject

#: How probable 0, 1, 2, 3 and 4 artefacts are.
_NUMBERS: Final = (0.1, 0.35, 0.3, 0.17, 0.08)
#: Parameters of the beta distribution of the severity's share: mostly mild.
_SHARES: Final = (1.0, 2.0)
#: Place of each mechanism in the order in which they act.
_ORDER: Final = {mechanism.name: place for place, mechanism in enumerate(MECHANISMS)}


class Artefact(Settings):
    """An artefact in full: on the same scan it gives the same result again.

    Attributes:
        mechanism: Name of the mechanism.
        severity: Severity in the mechanism's unit.
        seed: Seed of all else that is random about it.
    """

    mechanism: str
    severity: float
    seed: int = Field(ge=0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        mechanism = BY_NAME.get(self.mechanism)
        if mechanism is None:
            raise ValueError(f"{self.mechanism} is not a mechanism. There are {', '.join(BY_NAME)}.")
        if not mechanism.none <= self.severity <= mechanism.heaviest:
            raise ValueError(
                f"a severity of {self.severity:g} {mechanism.unit} is out of the range of {self.mechanism}. Give "
                f"{mechanism.none:g} to {mechanism.heaviest:g}."
            )
        return self


def draw_artefacts(rng: np.random.Generator, mechanisms: Sequence[Mechanism] = MECHANISMS) -> tuple[Artefact, ...]:
    """Draw the artefacts of a scan: none to four, mostly mild ones, each of another physical cause.

    The scale is drawn first, so that each scale has as many artefacts whatever the number of its mechanisms.
    """
    drawn = []
    left = list(mechanisms)
    for _ in range(int(rng.choice(len(_NUMBERS), p=_NUMBERS))):
        if not left:
            break
        scale = rng.choice(sorted({mechanism.scale for mechanism in left}))
        choices = [mechanism for mechanism in left if mechanism.scale == scale]
        mechanism = choices[int(rng.integers(len(choices)))]
        severity = mechanism.at(float(rng.beta(*_SHARES)))
        drawn.append(Artefact(mechanism=mechanism.name, severity=severity, seed=int(rng.integers(2**32))))
        left = [other for other in left if other.cause != mechanism.cause]
    return tuple(sorted(drawn, key=_place))


def apply_artefacts(
    voxels: FloatArray, atrium: BoolArray, spacing_mm: tuple[float, float, float], artefacts: Sequence[Artefact]
) -> FloatArray:
    """Put artefacts on a scan as it is, in the order of nature whatever their order here.

    What depends on tissue is estimated on the scan as it was given.

    Args:
        voxels: Grey levels of magnitude, (slice, row, column), axial LPS; not changed.
        atrium: Blood pool of the left atrium on the same grid.
        spacing_mm: (slice, row, column).
        artefacts: Recipes.

    Returns:
        Grey levels on the scale of `voxels`, float32, 0 or more.

    Raises:
        NotAssessableError: the mask is empty, or there is no signal inside it.
    """
    subject = Subject(voxels, atrium, spacing_mm)
    signal = subject.signal
    for artefact in sorted(artefacts, key=_place):
        mechanism = BY_NAME[artefact.mechanism]
        if artefact.severity > mechanism.none:
            changed = mechanism.effect(signal, subject, artefact.severity, np.random.default_rng(artefact.seed))
            signal = np.abs(changed).astype(np.float32, copy=False)
    return signal * np.float32(subject.blood_level)


def _place(artefact: Artefact) -> int:
    """Return the place of an artefact in the order in which they act."""
    return _ORDER[artefact.mechanism]
