"""Shapes against closed forms; random fields against their statistics."""

import numpy as np
import pytest

from lgeqa.simulation.shapes import Array, Canvas, Frame, Shape, meet, random_field, union, without
from lgeqa.simulation.tissue import Tissue

AXES = [np.arange(-24.0, 24.5, 1.5)] * 3
VOXEL_ML = 1.5**3


@pytest.fixture
def canvas() -> Canvas:
    return Canvas(AXES, 0.0, np.random.default_rng(0), 30.0)


def grid(shape: Shape) -> tuple[Array, ...]:
    return np.meshgrid(*(axis[cut] for axis, cut in zip(AXES, shape.window, strict=True)), indexing="ij")


def volume(canvas: Canvas, tissue: Tissue) -> float:
    """Of a tissue, edges by their shares."""
    first, second = canvas.labels == tissue, canvas.beneath == tissue
    return float(VOXEL_ML * (canvas.share[first].sum() + (1 - canvas.share[second & ~first]).sum()))


def test_distance_to_a_ball(canvas: Canvas) -> None:
    ball = canvas.ellipsoid(Frame.at((2.0, -3.0, 1.0)), (8.0, 8.0, 8.0))
    z, y, x = grid(ball)
    expected = np.sqrt((z - 2) ** 2 + (y + 3) ** 2 + (x - 1) ** 2) - 8
    np.testing.assert_allclose(ball.distance, expected, atol=1e-4)


def test_a_turned_ellipsoid_is_along_its_axis(canvas: Canvas) -> None:
    """Turned by 90 degrees about z, what was long in y is long in x."""
    turned = canvas.ellipsoid(Frame.at((0.0, 0.0, 0.0), (90.0, 0.0, 0.0)), (5.0, 15.5, 5.0))
    canvas.paint(turned, Tissue.BLOOD)
    spans = [np.ptp(where) * 1.5 for where in np.nonzero(canvas.labels)]
    assert spans == [9.0, 9.0, 30.0]


def test_distance_to_a_straight_tube(canvas: Canvas) -> None:
    tube = canvas.tube([(-10, 0, 0), (10, 0, 0)], [4.0, 4.0])
    z, y, x = grid(tube)
    expected = np.sqrt(np.clip(np.abs(z) - 10, 0, None) ** 2 + y**2 + x**2) - 4
    near = expected < 5
    np.testing.assert_allclose(tube.distance[near], expected[near], atol=1e-4)


def test_soft_edges_keep_the_volume(canvas: Canvas) -> None:
    canvas.paint(canvas.ellipsoid(Frame.at((0.3, 0.4, 0.1)), (9.0, 7.0, 8.0)), Tissue.BLOOD)
    assert volume(canvas, Tissue.BLOOD) == pytest.approx(4 / 3 * np.pi * 9 * 7 * 8, rel=0.02)


def test_a_column_runs_through_the_grid(canvas: Canvas) -> None:
    canvas.paint(canvas.column(Frame.at((0.0, 0.0, 0.0)), (6.0, 9.0)), Tissue.BONE)
    assert volume(canvas, Tissue.BONE) == pytest.approx(np.pi * 6 * 9 * 1.5 * len(AXES[0]), rel=0.03)


def test_paint_can_spare_tissues(canvas: Canvas) -> None:
    ball = canvas.ellipsoid(Frame.at((0.0, 0.0, 0.0)), (8.0, 8.0, 8.0))
    canvas.paint(ball, Tissue.LUNG)
    before = canvas.labels.copy()
    canvas.paint(ball.grown(5.0), Tissue.BLOOD, onto=(Tissue.LUNG,))
    np.testing.assert_array_equal(canvas.labels == Tissue.BLOOD, before == Tissue.LUNG)


def test_union_meet_and_without(canvas: Canvas) -> None:
    a = canvas.ellipsoid(Frame.at((0.0, 0.0, -5.2)), (8.0, 8.0, 8.0))
    b = canvas.ellipsoid(Frame.at((0.0, 0.0, 5.2)), (8.0, 8.0, 8.0))
    inside = {}
    for name, shape in {"a": a, "both": meet(a, b), "either": union([a, b], 0.01), "a only": without(a, b)}.items():
        inside[name] = int((shape.distance < 0).sum())
    assert inside["either"] == 2 * inside["a"] - inside["both"]
    assert inside["a only"] == inside["a"] - inside["both"]
    assert (union([a, b], 8.0).distance < 0).sum() > inside["either"]


def test_strands_are_thin(canvas: Canvas) -> None:
    canvas.paint(canvas.strands(np.random.default_rng(1), 14.0), Tissue.CONNECTIVE)
    assert 0.005 < (canvas.labels == Tissue.CONNECTIVE).mean() < 0.2


def test_random_field_is_standard_smooth_and_tied_to_the_world() -> None:
    wide = [np.arange(-100.0, 100.0, 4.0)] * 3
    field = random_field(np.random.default_rng(3), wide, 12.0)
    assert abs(field.mean()) < 0.1
    assert field.std() == pytest.approx(1, abs=0.1)
    assert np.abs(np.diff(field, axis=2)).mean() < 0.5
    part = random_field(np.random.default_rng(3), [wide[0][5:9], wide[1][10:20], wide[2][30:]], 12.0)
    np.testing.assert_allclose(part, field[5:9, 10:20, 30:], atol=1e-5)
