"""Computation of all measures of a scan, including scans on which some are undefined."""

import inspect
from collections.abc import Callable
from typing import Final

import numpy as np

from lgeqa.measures import artefacts, blood, coverage, enhancement, nulling, sharpness
from lgeqa.measures.catalogue import MEASURES
from lgeqa.measures.heart import Heart
from lgeqa.measures.reference_scans import place_of
from lgeqa.measures.value import Measured, undefined
from lgeqa.records import Measures, Scan, SliceMeasures

_MODULES = (enhancement, blood, sharpness, nulling, artefacts, coverage)
#: The function of each measure, by name.
FUNCTIONS: Final[dict[str, Callable[..., Measured]]] = {
    measure.name: next(getattr(module, measure.name) for module in _MODULES if hasattr(module, measure.name))
    for measure in MEASURES
}
#: Measures that need no atrium.
_OF_STACK = frozenset(name for name, function in FUNCTIONS.items() if function.__module__ == coverage.__name__)


def definition(name: str) -> str:
    """Return the definition of a measure: formula, unit, direction, conditions under which it is undefined, source."""
    return inspect.cleandoc(FUNCTIONS[name].__doc__ or "")


def compute_measures(scan: Scan, heart: Heart) -> Measures:
    """Compute every measure of a scan, and for each slice the measures that are defined by slice.

    Args:
        scan: Scan as read from its file.
        heart: Anatomy of the same scan.

    Returns:
        All measures in the order of `MEASURES`. An undefined measure is None with its reason, and does not affect the
        others.
    """
    measured = {measure.name: _take(measure.name, heart) for measure in MEASURES}
    values = {name: _plain(result) for name, result in measured.items()}
    return Measures(
        values=values,
        reasons={name: result.reason for name, result in measured.items() if result.reason},
        places={name: place_of(name, value) for name, value in values.items() if value is not None},
        slices=_by_slice(scan, heart) if heart.is_there else (),
    )


def _take(name: str, heart: Heart) -> Measured:
    """Compute a measure, which is undefined if it needs an atrium and none was found."""
    if name not in _OF_STACK and not heart.is_there:
        return undefined(coverage.NO_ATRIUM)
    return FUNCTIONS[name](heart)


def _by_slice(scan: Scan, heart: Heart) -> tuple[SliceMeasures, ...]:
    """Compute the measures of each slice with the atrium."""
    names = [measure.name for measure in MEASURES if measure.by_slice]
    first = heart.window[0].start
    return tuple(
        SliceMeasures(
            index=scan.file_slices[first + z],
            position_mm=scan.slice_positions_mm[first + z],
            values={name: _plain(FUNCTIONS[name](heart, slice(z, z + 1))) for name in names},
        )
        for z in np.flatnonzero(heart.atrium.any(axis=(1, 2))).tolist()
    )


def _plain(measured: Measured) -> float | None:
    """Return the value, or None if it is undefined."""
    return None if np.isnan(measured.value) else measured.value
