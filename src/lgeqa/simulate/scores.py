"""Scores as experts give them: the four scales of a scan, drawn from their joint distribution."""

from pydantic import Field

from lgeqa.attributes import HIGHEST_SCORE, LOWEST_SCORE
from lgeqa.config import Settings


class Scores(Settings):
    """The scores of one scan, 1 to 5 on each scale."""

    myocardium_nulling: float = Field(ge=LOWEST_SCORE, le=HIGHEST_SCORE)
    sharpness: float = Field(ge=LOWEST_SCORE, le=HIGHEST_SCORE)
    enhancement: float = Field(ge=LOWEST_SCORE, le=HIGHEST_SCORE)
    quality: float = Field(ge=LOWEST_SCORE, le=HIGHEST_SCORE)
