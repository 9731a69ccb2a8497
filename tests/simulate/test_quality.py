"""Noise, coil and the contrast of the atrial wall."""

import numpy as np
import pytest

from lgeqa.simulate.faults.quality import QualityFault, apply_coil, draw_quality, level_of_noise, lower_wall_contrast
from lgeqa.simulate.faults.scene import calm, even, read_scene
from tests.simulate.chest import SPACING_MM, chest, rim

CHEST = chest()
NONE = QualityFault(wall_contrast=1, signal_to_noise=20, coil=(0, 0, 0), seed=0)


def test_coil_is_an_exponential_of_a_plane_and_one_at_the_centre() -> None:
    flat = np.ones((5, 7, 9), np.float32)
    made = apply_coil(flat, NONE.model_copy(update={"coil": (0.2, -0.4, 0.8)}))
    assert made[2, 3, 4] == pytest.approx(1)
    assert made[-1, 3, 4] / made[0, 3, 4] == pytest.approx(np.exp(0.2), rel=1e-5)
    assert made[2, -1, 4] / made[2, 0, 4] == pytest.approx(np.exp(-0.4), rel=1e-5)
    assert made[2, 3, -1] / made[2, 3, 0] == pytest.approx(np.exp(0.8), rel=1e-5)
    np.testing.assert_array_equal(flat, 1)


def test_noise_is_measured_against_the_heart() -> None:
    signal = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    assert level_of_noise(signal, signal >= 4, NONE) == pytest.approx(np.percentile([4, 5, 6, 7], 75) / 20)


def test_only_the_atrial_wall_loses_contrast() -> None:
    scene = read_scene(CHEST.voxels, CHEST.atrium, SPACING_MM)
    wall, aorta = rim(CHEST.atrium), rim(CHEST.aorta)
    bright = np.where(wall | aorta, 2, scene.signal).astype(np.float32)
    made = lower_wall_contrast(scene, bright, NONE.model_copy(update={"wall_contrast": 0.0}))
    assert made[wall].mean() < 1.6
    far = aorta.copy()
    far[:, :50] = False  # where the two pools nearly touch
    np.testing.assert_allclose(made[far], bright[far], atol=0.05)
    np.testing.assert_array_equal(lower_wall_contrast(scene, bright, NONE), bright)


def test_worse_scores_draw_more_noise_shading_and_less_contrast() -> None:
    drawn = [draw_quality(np.random.default_rng(3), score) for score in range(1, 6)]
    assert np.all(np.diff([fault.signal_to_noise for fault in drawn]) > 0)
    assert np.all(np.diff([fault.wall_contrast for fault in drawn]) > 0)
    assert np.all(np.diff([np.linalg.norm(fault.coil) for fault in drawn]) < 0)


def test_calming_takes_noise_and_leaves_edges() -> None:
    noisy = chest(noise=0.15)
    signal = noisy.voxels / np.median(noisy.voxels[noisy.atrium])
    calmed = calm(signal, noisy.atrium)
    inside = noisy.inside(noisy.atrium)
    assert calmed[inside].std() < 0.5 * signal[inside].std()
    edge = [image[:, 28, 44:52].mean(axis=0) for image in (signal, calmed)]
    assert np.ptp(edge[1]) > 0.8 * np.ptp(edge[0])


def test_evening_takes_out_shading() -> None:
    ramp = np.exp(np.linspace(-0.4, 0.4, CHEST.voxels.shape[1], dtype=np.float32))[:, None]
    signal = CHEST.voxels * ramp / np.median((CHEST.voxels * ramp)[CHEST.atrium])
    gap = [
        abs(np.log(np.median(image[CHEST.aorta]) / np.median(image[CHEST.atrium])))
        for image in (signal, even(signal, SPACING_MM))
    ]
    assert gap[1] < 0.6 * gap[0]
