"""Two passes of the detector: what it is shown, and what comes of it."""

from pathlib import Path

import numpy as np
import pytest

from lgeqa.cohort import read_cohort
from lgeqa.evaluation.detection import dice
from lgeqa.inference.bundle import open_bundle
from lgeqa.inference.detection import SliceRule, atrium_mask, search_atrium
from lgeqa.preprocessing import DetectorPreparation
from lgeqa.records import BoolArray, FloatArray, IntArray
from lgeqa.training.case_reading import read_case

SPACING_MM = (2.5, 1.25, 1.25)
PREPARATION = DetectorPreparation(least=32)
RULE = SliceRule(largest_component=True)


class Detector:
    """Bright pixels are atrium; keeps what it was shown."""

    def __init__(self) -> None:
        self.shown: list[FloatArray] = []

    def __call__(self, slices: FloatArray, context: IntArray) -> FloatArray:
        own = slices[context[:, 0]]
        self.shown.append(own)
        probabilities: FloatArray = (1 / (1 + np.exp(20 * (1.3 - own)))).astype(np.float32)
        return probabilities


def scan() -> tuple[FloatArray, BoolArray]:
    z, y, x = np.ogrid[:32, :150, :160]
    voxels = np.random.default_rng(0).uniform(20, 60, (32, 150, 160)).astype(np.float32)
    ball = ((z - 16) * 2.5) ** 2 + (1.25 * (y - 60)) ** 2 + (1.25 * (x - 100)) ** 2 < 20**2
    voxels[ball] += 150
    return voxels, ball


def test_the_second_pass_sees_a_window_around_the_atrium() -> None:
    detector, (voxels, ball) = Detector(), scan()
    probabilities = search_atrium(voxels, SPACING_MM, detector, PREPARATION, RULE)
    whole, window = detector.shown
    assert whole.shape == (16, 96, 112)  # each second slice
    # Slices 10 to 22 show the ball, which also reaches 9 and 23. Slice 9 goes with 10, and 7.5 mm are 3 slices.
    assert window.shape == (20, 32, 32)
    bright = window[10] > 1
    assert [np.flatnonzero(bright.any(axis=axis)).mean() for axis in (0, 1)] == pytest.approx([15.5, 15.5], abs=1)
    assert probabilities.shape == voxels.shape
    assert np.flatnonzero(probabilities.any(axis=(1, 2))).tolist() == list(range(6, 26))
    assert dice(atrium_mask(probabilities, voxels, SPACING_MM, RULE), ball) > 0.95


def test_a_crop_or_padding_gives_the_same_outline() -> None:
    voxels, _ = scan()
    plain = search_atrium(voxels, SPACING_MM, Detector(), PREPARATION, RULE) > 0.5
    crop = np.s_[:, 33:100, 71:129]
    cropped = search_atrium(voxels[crop], SPACING_MM, Detector(), PREPARATION, RULE) > 0.5
    assert np.count_nonzero(cropped != plain[crop]) <= 0.01 * plain.sum()
    sides = ((0, 0), (8, 0), (3, 20))
    padded = search_atrium(np.pad(voxels, sides, constant_values=-1000), SPACING_MM, Detector(), PREPARATION, RULE)
    np.testing.assert_array_equal(padded[:, 8:, 3:-20] > 0.5, plain)


def test_without_an_atrium_there_is_one_pass() -> None:
    shown = []

    def nothing(slices: FloatArray, context: IntArray) -> FloatArray:
        shown.append(context[:, 0])
        return 0.01 * np.ones_like(slices[context[:, 0]]) * context[:, :, None]

    voxels, _ = scan()
    probabilities = search_atrium(voxels, (1.25, 1.25, 1.25), nothing, PREPARATION, RULE)
    assert [indices.tolist() for indices in shown] == [list(range(0, 32, 4))]
    nearest = [0, 0, *(index for index in range(4, 28, 4) for _ in range(4)), 28, 28, 28, 28, 28, 28]
    np.testing.assert_allclose(probabilities[:, 5, 5], 0.01 * np.array(nearest), atol=1e-6)


@pytest.mark.parametrize(("slices", "spacing_mm"), [(1, 1.0), (2, 1.0), (3, 12.0)])
def test_a_scan_of_few_or_thick_slices_is_searched(slices: int, spacing_mm: float) -> None:
    voxels, ball = scan()
    middle = np.s_[16 : 16 + slices]
    probabilities = search_atrium(voxels[middle], (spacing_mm, 1.25, 1.25), Detector(), PREPARATION, RULE)
    assert dice(probabilities > 0.5, ball[middle]) > 0.9


def test_one_hot_voxel_does_not_move_the_outline_of_a_real_scan(real_folder: Path) -> None:
    bundle = open_bundle()
    part = bundle.manifest.detector
    real, _ = read_case(read_cohort(real_folder)[0])

    def outline(voxels: FloatArray) -> BoolArray:
        found = search_atrium(voxels, real.spacing_mm, bundle.detect, part.preparation, part.rule)
        return atrium_mask(found, voxels, real.spacing_mm, part.rule)

    hot = real.voxels.copy()
    hot[20, 5, 5] = 1e5
    plain = outline(real.voxels)
    assert dice(outline(hot), plain) > 0.99
    sides = ((0, 0), (8, 8), (8, 8))
    assert dice(outline(np.pad(real.voxels, sides, constant_values=-1000))[:, 8:-8, 8:-8], plain) > 0.9999
