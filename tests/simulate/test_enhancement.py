"""Walls that enhance, or do not."""

import numpy as np
import pytest

from lgeqa.records import BoolArray, FloatArray
from lgeqa.simulate.faults.enhancement import EnhancementFault, apply_enhancement, draw_enhancement
from lgeqa.simulate.faults.scene import Scene, read_scene
from tests.simulate.chest import SPACING_MM, chest, rim

CHEST = chest()


@pytest.fixture(scope="module")
def scene() -> Scene:
    return read_scene(CHEST.voxels, CHEST.atrium, SPACING_MM)


def excess(signal: FloatArray, wall: BoolArray) -> float:
    return float(np.mean(np.maximum(signal[wall] - 1, 0)))


def test_walls_brighten_with_each_score(scene: Scene) -> None:
    levels = []
    for score in range(1, 6):
        faults = [draw_enhancement(np.random.default_rng(seed), score) for seed in range(4)]
        made = [apply_enhancement(scene, scene.signal, SPACING_MM, fault) for fault in faults]
        levels.append(np.mean([signal[rim(CHEST.aorta)].mean() for signal in made]))
    assert np.all(np.diff(levels) > 0)


def test_blood_and_muscle_stay(scene: Scene) -> None:
    made = apply_enhancement(scene, scene.signal, SPACING_MM, EnhancementFault(wall_over_blood=2, own_excess=1, seed=0))
    for tissue in (CHEST.atrium, CHEST.muscle):
        inside = CHEST.inside(tissue)
        np.testing.assert_allclose(made[inside], scene.signal[inside], atol=0.02)


def test_own_enhancement_is_taken_away(scene: Scene) -> None:
    bright = np.where(rim(CHEST.aorta), 2, scene.signal).astype(np.float32)
    left = [
        excess(
            apply_enhancement(scene, bright, SPACING_MM, EnhancementFault(wall_over_blood=1, own_excess=own, seed=0)),
            rim(CHEST.aorta),
        )
        for own in (0, 0.5, 1)
    ]
    assert left[0] < left[1] < left[2] == pytest.approx(excess(bright, rim(CHEST.aorta)))


def test_the_mask_leaves_no_outline() -> None:
    """A mask drawn into the middle of blood: its border is no wall, or a detector could read the answer there."""
    inner = CHEST.inside(CHEST.atrium)
    scene = read_scene(CHEST.voxels, inner, SPACING_MM)
    made = apply_enhancement(scene, scene.signal, SPACING_MM, EnhancementFault(wall_over_blood=2, own_excess=1, seed=0))
    assert np.abs(made - scene.signal)[inner].max() < 0.05
