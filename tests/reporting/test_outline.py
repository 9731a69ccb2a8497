from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from lgeqa.reporting.pictures import Polygon, outlines

Mask = npt.NDArray[np.bool_]


def mask(*rows: str) -> Mask:
    return np.array([[sign == "#" for sign in row] for row in rows])


def area(polygons: list[Polygon]) -> float:
    """Signed: what a hole encloses counts against."""
    edges = [pair for polygon in polygons for pair in pairwise([*polygon, polygon[0]])]
    return sum(a[1] * b[0] - b[1] * a[0] for a, b in edges) / 2


def test_one_pixel_is_a_diamond_around_its_middle() -> None:
    [found] = outlines(mask("....", "..#.", "...."))
    assert sorted(found) == [(1, 2.5), (1.5, 2), (1.5, 3), (2, 2.5)]


def test_a_straight_side_is_two_points() -> None:
    [found] = outlines(mask("###", "###", "###"))
    assert len(found) == 8
    assert {(0, 0.5), (0, 2.5), (0.5, 3), (2.5, 3)} <= set(found)


def test_a_mask_of_nothing_has_no_outline() -> None:
    assert outlines(np.zeros((3, 4), bool)) == []


@pytest.mark.parametrize(
    ("drawn", "count"),
    [
        (mask("#.#"), 2),
        (mask("#.", ".#"), 2),
        (mask(".#", "#."), 2),
        (mask("###", "#.#", "###"), 2),  # outside and hole
        (mask("####", "#.##", "##.#", "####"), 2),  # the holes join, since the pixels between them are separate
        (mask("####", "##.#", "#.##", "####"), 2),
        (mask("##.", "##.", "..#"), 2),
    ],
)
def test_each_piece_and_each_hole_is_a_polygon(drawn: Mask, count: int) -> None:
    assert len(outlines(drawn)) == count


def test_the_area_is_that_of_the_mask_less_its_corners() -> None:
    """Each convex corner is cut by an eighth of a pixel, each concave one is filled by as much."""
    rng = np.random.default_rng(1)
    drawn = np.pad(rng.random((20, 17)) > 0.4, 1)
    quads = drawn[:-1, :-1] + 0 + drawn[1:, :-1] + drawn[:-1, 1:] + drawn[1:, 1:]
    crossed = (quads == 2) & (drawn[:-1, :-1] == drawn[1:, 1:])
    convex = (quads == 1).sum() + 2 * crossed.sum()
    assert area(outlines(drawn)) == pytest.approx(drawn.sum() - convex / 8 + (quads == 3).sum() / 8)
