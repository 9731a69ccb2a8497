"""Inversion time off null."""

import math
from itertools import pairwise

import numpy as np
import pytest

from lgeqa.simulate.faults.nulling import (
    BLOOD_T1_MS,
    MUSCLE_NULL_MS,
    MUSCLE_T1_MS,
    REPETITION_MS,
    NullingFault,
    apply_nulling,
    draw_nulling,
    inversion_for,
)
from lgeqa.simulate.faults.scene import read_scene
from tests.simulate.chest import SPACING_MM, chest


def recovered(t1_ms: float, inversion_ms: float) -> float:
    return 1 - 2 * math.exp(-inversion_ms / t1_ms) + math.exp(-REPETITION_MS / t1_ms)


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("ratio", [0.02, 0.3, 0.75])
def test_inversion_time_gives_the_ratio(ratio: float, early: bool) -> None:
    inversion_ms = inversion_for(ratio, early)
    muscle, blood = recovered(MUSCLE_T1_MS, inversion_ms), recovered(BLOOD_T1_MS, inversion_ms)
    assert abs(muscle) / blood == pytest.approx(ratio, rel=1e-6)
    assert (muscle < 0) == early == (inversion_ms < MUSCLE_NULL_MS)


def muscle_over_blood(inversion_over_null: float) -> tuple[float, float]:
    """Measured on the chest, and the lung there against its own level before."""
    scene = chest()
    read = read_scene(scene.voxels, scene.atrium, SPACING_MM)
    made = apply_nulling(read, read.signal, NullingFault(inversion_over_null=inversion_over_null))
    blood = np.median(made[scene.inside(scene.atrium)])
    return float(np.median(made[scene.inside(scene.muscle)]) / blood), float(np.median(made[:, 8:-8, 70:]))


@pytest.mark.parametrize("side", [-1, 1])
def test_muscle_brightens_to_both_sides_of_null(side: int) -> None:
    ratios = [muscle_over_blood(1 + side * off)[0] for off in (0.0, 0.05, 0.1, 0.15)]
    assert ratios[0] < 0.1
    assert np.all(np.diff(ratios) > 0.02)


def test_ratio_follows_the_signal_equation() -> None:
    inversion_ms = 0.9 * MUSCLE_NULL_MS
    expected = abs(recovered(MUSCLE_T1_MS, inversion_ms)) / recovered(BLOOD_T1_MS, inversion_ms)
    assert muscle_over_blood(0.9)[0] == pytest.approx(expected, rel=0.1)


def test_lung_does_not_light_up() -> None:
    ratio, lung = muscle_over_blood(0.85)
    assert ratio > 1
    assert lung < 0.1


def test_the_scan_s_own_inversion_time_changes_nothing() -> None:
    scene = chest()
    read = read_scene(scene.voxels, scene.atrium, SPACING_MM)
    own = inversion_for(read.muscle, early=False) / MUSCLE_NULL_MS
    made = apply_nulling(read, read.signal, NullingFault(inversion_over_null=own))
    sure = (read.signal > read.muscle) & (read.signal < 1.5)
    np.testing.assert_allclose(made[sure], read.signal[sure], atol=0.01)


def test_scores_set_muscle_over_blood() -> None:
    ratios = []
    for score in range(1, 6):
        drawn = [draw_nulling(np.random.default_rng(seed), score).inversion_over_null for seed in range(20)]
        times = [over_null * MUSCLE_NULL_MS for over_null in drawn]
        ratios.append([abs(recovered(MUSCLE_T1_MS, t)) / recovered(BLOOD_T1_MS, t) for t in times])
    assert all(min(worse) > max(better) for worse, better in pairwise(ratios))
    assert min(ratios[0]) > 1
    assert max(ratios[4]) < 0.1
    sides = {over_null < 1 for over_null in drawn}
    assert sides == {True, False}
