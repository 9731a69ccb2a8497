"""The phantom's own rotation and curve, against SciPy."""

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator
from scipy.spatial.transform import Rotation

from lgeqa.simulation.curves import monotone_cubic, rotation


@pytest.mark.parametrize("n", [2, 3, 4, 9])
@pytest.mark.parametrize("seed", range(4))
def test_the_curve_is_scipys(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    knots = np.cumsum(rng.uniform(0.2, 2, n))
    values = rng.integers(-2, 3, (n, 4)).astype(float)
    at = np.linspace(knots[0], knots[-1], 57)
    np.testing.assert_allclose(monotone_cubic(knots, values, at), PchipInterpolator(knots, values)(at), atol=1e-12)


@pytest.mark.parametrize("vector", [(0, 0, 0), (0.3, 0, 0), (0, -1, 0), (0.2, 0.5, -2.8)])
def test_the_rotation_is_scipys(vector: tuple[float, float, float]) -> None:
    np.testing.assert_allclose(rotation(np.array(vector, float)), Rotation.from_rotvec(vector).as_matrix(), atol=1e-14)
