"""Artefacts on existing scans: each is a recipe that is drawn from a mechanism and then applied.

artefacts = draw_artefacts(rng)
worse = apply_artefacts(voxels, atrium, spacing_mm, artefacts)
"""

from lgeqa.simulation.artefacts.artefact import Artefact, apply_artefacts, draw_artefacts
from lgeqa.simulation.artefacts.catalogue import BY_NAME, MECHANISMS
from lgeqa.simulation.artefacts.mechanism import Mechanism

__all__ = ["BY_NAME", "MECHANISMS", "Artefact", "Mechanism", "apply_artefacts", "draw_artefacts"]
