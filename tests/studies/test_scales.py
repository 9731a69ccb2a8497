from typing import get_args

from lgeqa.scales import SCALE_NAMES, SCALES, ScaleName
from lgeqa.studies.scale_texts import DEFINED_SCALES


def test_every_scale_has_five_scores_with_the_papers_ends() -> None:
    assert tuple(scale.name for scale in DEFINED_SCALES) == SCALE_NAMES == get_args(ScaleName)
    for scale, defined in zip(SCALES, DEFINED_SCALES, strict=True):
        assert (defined.scores[0], defined.scores[4]) == (scale.worst, scale.best)
        assert len(set(defined.scores)) == 5
        assert "just enough to be diagnostic" in defined.scores[2]
