"""Motion and resolution in k-space, and noise there."""

import numpy as np
import pytest

from lgeqa.records import FloatArray
from lgeqa.simulate.faults.motion import MotionFault, acquire, displacements, draw_motion
from tests.simulate.chest import SPACING_MM, chest

STILL = MotionFault(amplitude_mm=0, drift_mm=0, resolution_mm=0.05, beats_per_breath=4, phase=0)


def moved(**changes: float) -> MotionFault:
    return STILL.model_copy(update=changes)


def test_without_motion_the_image_stays() -> None:
    signal = chest().voxels
    np.testing.assert_allclose(acquire(signal, SPACING_MM, STILL), signal, atol=1e-3)


def test_small_images_can_be_acquired() -> None:
    signal = np.random.default_rng(0).uniform(1, 2, (3, 4, 5)).astype(np.float32)
    np.testing.assert_allclose(acquire(signal, SPACING_MM, STILL), signal, atol=1e-4)


def test_displacements_are_a_drift_in_the_order_of_acquisition() -> None:
    shifts = displacements((8, 48), moved(drift_mm=4))
    in_time = np.fft.fftshift(shifts)
    assert np.ptp(shifts) == pytest.approx(4)
    assert shifts.mean() == pytest.approx(0, abs=1e-5)
    assert np.all(np.diff(in_time.reshape(-1)) >= 0)
    assert len(np.unique(in_time[0])) == 2  # 48 lines in two heartbeats


def test_breathing_spans_its_amplitude_and_stays_at_expiration() -> None:
    shifts = displacements((64, 96), moved(amplitude_mm=10, beats_per_breath=5.3))
    assert np.ptp(shifts) == pytest.approx(10, rel=0.05)
    assert np.median(shifts) > (shifts.min() + shifts.max()) / 2


def test_ghosts_run_along_the_phase_encodings_and_not_along_the_readout() -> None:
    signal = np.zeros((16, 64, 64), np.float32)
    signal[6:10, 28:36, 28:36] = 1
    made = acquire(signal, SPACING_MM, moved(amplitude_mm=12))
    assert made[:, :20, 28:36].max() > 0.02
    assert made[:, 28:36, :20].max() < 1e-4


def test_what_moves_keeps_its_energy() -> None:
    """Parseval: phases in k-space move signal about and make none; little leaves the field of this small object."""
    signal = np.zeros((24, 96, 64), np.float32)
    signal[10:14, 44:52, 28:36] = 1
    made = acquire(signal, SPACING_MM, moved(amplitude_mm=6, drift_mm=2))
    assert 0.9 < np.sum(made**2) / np.sum(signal**2) < 1 + 1e-5


def test_nothing_is_acquired_beyond_the_resolution() -> None:
    signal = np.random.default_rng(0).uniform(1, 2, (8, 64, 64)).astype(np.float32)
    made = acquire(signal, (2.5, 1.0, 1.0), moved(resolution_mm=4))
    spectrum = np.abs(np.fft.fft2(np.hanning(64)[:, None] * np.hanning(64) * (made - made.mean())))
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(64), np.fft.fftfreq(64)))
    assert spectrum[:, frequency > 0.2].max() < 0.02 * spectrum[:, frequency < 0.1].max()


def test_edges_soften_with_each_score() -> None:
    signal = chest(noise=0).voxels
    steepest = []
    for score in range(1, 6):
        drawn = [draw_motion(np.random.default_rng(seed), score) for seed in range(3)]
        made = [acquire(signal, SPACING_MM, fault) for fault in drawn]
        steepest.append(np.mean([np.percentile(np.abs(np.diff(image, axis=2)), 99) for image in made]))
    assert np.all(np.diff(steepest) > 0)


@pytest.mark.parametrize("resolution_mm", [0.05, 3.0])
def test_noise_is_rician(resolution_mm: float) -> None:
    """Gudbjartsson and Patz 1995: without signal a Rayleigh distribution, far above the noise a Gaussian."""
    deviation, fault = 2.0, moved(resolution_mm=resolution_mm)
    dark, bright = (
        acquire(np.full((16, 64, 64), level, np.float32), SPACING_MM, fault, deviation, seed=1) for level in (0, 100)
    )
    assert dark.mean() == pytest.approx(deviation * np.sqrt(np.pi / 2), rel=0.03)
    assert dark.std() == pytest.approx(deviation * np.sqrt(2 - np.pi / 2), rel=0.05)
    assert bright.std() == pytest.approx(deviation, rel=0.05)
    assert np.sqrt(np.mean(bright**2)) == pytest.approx(np.sqrt(100**2 + 2 * deviation**2), rel=1e-3)


def correlation(image: FloatArray) -> float:
    return float(np.corrcoef(image[..., 1:].ravel(), image[..., :-1].ravel())[0, 1])


def test_noise_is_as_coarse_as_what_is_acquired() -> None:
    flat = np.full((8, 64, 64), 100, np.float32)
    fine, coarse = (acquire(flat, SPACING_MM, moved(resolution_mm=mm), 2.0) for mm in (0.05, 4.0))
    assert abs(correlation(fine)) < 0.05
    assert correlation(coarse) > 0.6
