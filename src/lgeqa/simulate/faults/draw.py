"""All faults of one scan."""

import numpy as np

from lgeqa.config import Settings
from lgeqa.simulate.faults.enhancement import EnhancementFault, draw_enhancement
from lgeqa.simulate.faults.motion import MotionFault, draw_motion
from lgeqa.simulate.faults.nulling import NullingFault, draw_nulling
from lgeqa.simulate.faults.quality import QualityFault, draw_quality
from lgeqa.simulate.scores import Scores


class Faults(Settings):
    """All faults of one scan, in full: with the scan they give the same result again, bit for bit."""

    nulling: NullingFault
    motion: MotionFault
    enhancement: EnhancementFault
    quality: QualityFault


def draw_faults(rng: np.random.Generator, scores: Scores) -> Faults:
    """Draw the faults of a scan with these scores; each fault follows one score only."""
    return Faults(
        nulling=draw_nulling(rng, scores.myocardium_nulling),
        motion=draw_motion(rng, scores.sharpness),
        enhancement=draw_enhancement(rng, scores.enhancement),
        quality=draw_quality(rng, scores.quality),
    )
