"""Simulated cohorts that are quick to make."""

from collections.abc import Sequence
from pathlib import Path

from lgeqa.simulation.cohort_writing import write_cohort
from lgeqa.simulation.recipe import CohortSettings, FromPhantom, ScanRecipe, draw_cohort

#: Pixels of the phantoms are larger by this factor than those of the public scans.
_COARSER = 2


def write_phantoms(folder: Path, n: int, seed: int = 3) -> None:
    """Write a cohort of phantoms with artefacts, on coarse pixels."""
    recipes = draw_cohort(CohortSettings(n=n, seed=seed))
    for _ in write_cohort([_coarse(recipe) for recipe in recipes], folder):
        pass


def _coarse(recipe: ScanRecipe) -> ScanRecipe:
    """Return the recipe of the same phantom on larger pixels."""
    assert isinstance(recipe.source, FromPhantom)
    phantom = recipe.source.phantom
    changes: dict[str, Sequence[float]] = {
        "shape": (phantom.shape[0], *(n // _COARSER for n in phantom.shape[1:])),
        "first": (phantom.first[0], *(n // _COARSER for n in phantom.first[1:])),
        "spacing_mm": (phantom.spacing_mm[0], *(_COARSER * mm for mm in phantom.spacing_mm[1:])),
    }
    source = recipe.source.model_copy(update={"phantom": phantom.model_copy(update=changes)})
    return recipe.model_copy(update={"source": source})
