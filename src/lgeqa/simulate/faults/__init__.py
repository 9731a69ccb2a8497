"""Faults on scans: each is a draw, tied to one score, and a pure application; the draw is kept and can be replayed.

faults = draw_faults(rng, scores)
worse = apply_faults(voxels, atrium, spacing_mm, faults)
"""

from lgeqa.simulate.faults.draw import Faults, draw_faults
from lgeqa.simulate.faults.on_phantom import apply_faults_to_phantom
from lgeqa.simulate.faults.on_scan import apply_faults

__all__ = ["Faults", "apply_faults", "apply_faults_to_phantom", "draw_faults"]
