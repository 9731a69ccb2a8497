"""The page on the gate lists every check with the limits that the code has."""

import re
from math import inf
from pathlib import Path

import pytest

from lgeqa.inference.gate import CHECKS, checks
from lgeqa.inference.gate.checks import Limits
from lgeqa.inference.gate.gate import CONTRADICTION

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "the-gate.md"
ROWS = {
    name: (review, refused)
    for name, review, refused in re.findall(
        r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \| ([^|]+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
}
#: Limits of each check, and which of their ends mean something: 0 for the lower, 1 for the upper.
LIMITS: dict[str, list[tuple[Limits, int]]] = {
    "atrium_volume": [(checks.VOLUME_ML, 0), (checks.VOLUME_ML, 1)],
    "atrium_height": [(checks.HEIGHT_MM, 0), (checks.HEIGHT_MM, 1)],
    "atrium_in_one_piece": [(checks.LARGEST_PIECE, 0)],
    "stack_covers_atrium": [(checks.END_AREA, 1)],
    "enough_slices_vote": [(checks.VOTING_SLICES, 0)],
    "no_slice_lost": [(checks.LOST_SLICES, 1)],
    "grey_scale_of_image": [(checks.EQUAL_NEIGHBOURS, 1)],
    "blood_brighter_than_lung": [(checks.DARKEST_TENTH, 1), (checks.MEDIAN_AROUND, 1)],
    "detector_is_sure": [(checks.UNCERTAIN, 1)],
    "looks_like_heart": [(checks.LIKENESS, 0)],
    "orientation_as_stated": [(checks.REVERSED_GAIN, 1)],
}


def words(limits: list[tuple[float, int]]) -> str:
    """Return limits as the page writes them; those that no value passes are `never`."""
    reached = [(limit, end) for limit, end in limits if limit not in (-1, inf)]
    return ", ".join(f"{('below', 'above')[end]} {limit:g}" for limit, end in reached) or "never"


def test_page_lists_every_check_in_order() -> None:
    assert list(ROWS) == [
        "atrium_found",
        *(check.__name__ for check in CHECKS),
        "features_known",
        "verdict_fits_attributes",
    ]
    assert ROWS["verdict_fits_attributes"] == ("below {:g}, or all above {:g}".format(*CONTRADICTION), "never")


@pytest.mark.parametrize("name", [check.__name__ for check in CHECKS])
def test_page_states_the_limits_of_the_code(name: str) -> None:
    review, refused = ROWS[name]

    assert review == words([(limits.review[end], end) for limits, end in LIMITS[name]])
    assert refused == words([(limits.refuse[end], end) for limits, end in LIMITS[name]])
