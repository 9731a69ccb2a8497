"""Artefacts of one scan, drawn as recipes and applied to a scan."""

from collections.abc import Sequence
from typing import Final, Self

import numpy as np
from pydantic import Field, model_validator

from lgeqa.config import Settings
from lgeqa.records import BoolArray, FloatArray
from lgeqa.simulation.artefacts.catalogue import BY_NAME, MECHANISMS
from lgeqa.simulation.artefacts.mechanism import Mechanism
from lgeqa.simulation.artefacts.subject import Subject

#: Probabilities of 0, 1, 2, 3 and 4 artefacts.
_NUMBERS: Final = (0.1, 0.35, 0.3, 0.17, 0.08)
#: Parameters of the beta distribution of the severity's share, mostly mild.
_SHARES: Final = (1.0, 2.0)
#: Position of each mechanism in the order of application.
_ORDER: Final = {mechanism.name: place for place, mechanism in enumerate(MECHANISMS)}


class Artefact(Settings):
    """An artefact with all its parameters, so that it always changes the same scan in the same way.

    Attributes:
        mechanism: Name of the mechanism.
        severity: Severity in the mechanism's unit.
        seed: Random seed of all other parameters.
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
    """Draw none to four artefacts for a scan, mostly mild, each with a different physical cause.

    The scale is drawn first, so that all scales get equally many artefacts whatever the number of their mechanisms.
    """
    drawn = []
    remaining = list(mechanisms)
    for _ in range(int(rng.choice(len(_NUMBERS), p=_NUMBERS))):
        if not remaining:
            break
        scale = rng.choice(sorted({mechanism.scale for mechanism in remaining}))
        choices = [mechanism for mechanism in remaining if mechanism.scale == scale]
        mechanism = choices[int(rng.integers(len(choices)))]
        severity = mechanism.at(float(rng.beta(*_SHARES)))
        drawn.append(Artefact(mechanism=mechanism.name, severity=severity, seed=int(rng.integers(2**32))))
        remaining = [other for other in remaining if other.cause != mechanism.cause]
    return tuple(sorted(drawn, key=_place))


def apply_artefacts(
    voxels: FloatArray, atrium: BoolArray, spacing_mm: tuple[float, float, float], artefacts: Sequence[Artefact]
) -> FloatArray:
    """Apply artefacts to a scan, always in the physical order of their mechanisms.

    Tissue is estimated on the scan without these artefacts.

    Args:
        voxels: Magnitude grey levels (slice, row, column), axial LPS, which are not changed.
        atrium: Blood pool of the left atrium on the same grid.
        spacing_mm: Voxel spacing (slice, row, column).
        artefacts: Artefacts in any order.

    Returns:
        Grey levels on the scale of `voxels`, float32, 0 or more.

    Raises:
        NotAssessableError: The mask is empty, or there is no signal inside it.
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
    """Return the position of an artefact in the order of application."""
    return _ORDER[artefact.mechanism]
