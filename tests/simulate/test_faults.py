"""Faults as a whole: each follows one score, is drawn apart from being applied, and can be replayed."""

from itertools import pairwise

import numpy as np
import pytest

from lgeqa.attributes import NAMES
from lgeqa.errors import NotAssessableError
from lgeqa.records import BoolArray, Scan
from lgeqa.simulate.faults import Faults, apply_faults, draw_faults
from lgeqa.simulate.scores import Scores
from tests.simulate.chest import SPACING_MM, chest

#: On a real scan 4 and 5 both leave muscle at the noise floor.
SEEN_APART = (1, 2, 3, 5)
FAULT_OF = dict(zip(NAMES, ("nulling", "motion", "enhancement", "quality"), strict=True))


def scores(**given: float) -> Scores:
    return Scores(**(dict.fromkeys(NAMES, 4.0) | given))


def faults(seed: int = 0, **given: float) -> Faults:
    return draw_faults(np.random.default_rng(seed), scores(**given))


@pytest.mark.parametrize("name", NAMES)
def test_each_fault_follows_one_score(name: str) -> None:
    good, bad = faults(**{name: 5}).model_dump(), faults(**{name: 1}).model_dump()
    assert good.pop(FAULT_OF[name]) != bad.pop(FAULT_OF[name])
    assert good == bad


def severity(drawn: Faults) -> dict[str, float]:
    """One number of each fault, larger for a worse one."""
    return {
        "sharpness": drawn.motion.resolution_mm,
        "enhancement": -drawn.enhancement.wall_over_blood,
        "quality": -drawn.quality.signal_to_noise,
    }


@pytest.mark.parametrize("name", ["sharpness", "enhancement", "quality"])
def test_levels_of_neighbouring_scores_do_not_overlap(name: str) -> None:
    drawn = [[severity(faults(seed, **{name: score}))[name] for seed in range(50)] for score in range(1, 6)]
    for worse, better in pairwise(drawn):
        assert min(worse) > max(better)
        assert len(set(worse)) > 15


def test_a_draw_survives_json() -> None:
    drawn = faults()
    assert Faults.model_validate_json(drawn.model_dump_json()) == drawn


def test_replayed_bit_for_bit_and_without_a_trace() -> None:
    scene = chest()
    voxels, atrium, drawn = scene.voxels.copy(), scene.atrium.copy(), faults(quality=2)
    first, again = (apply_faults(voxels, atrium, SPACING_MM, drawn) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(voxels, scene.voxels)
    np.testing.assert_array_equal(atrium, scene.atrium)
    assert first.dtype == np.float32
    assert first.shape == voxels.shape
    assert not np.array_equal(first, apply_faults(voxels, atrium, SPACING_MM, faults(1, quality=2)))


def test_a_scan_with_best_scores_keeps_its_blood_level() -> None:
    scene = chest()
    best = faults(**dict.fromkeys(NAMES, 5))
    made = apply_faults(scene.voxels, scene.atrium, SPACING_MM, best)
    # The scan's own inversion time was late, which made blood brighter than it is where muscle is nulled.
    ratio = np.median(made[scene.inside(scene.atrium)]) / np.median(scene.voxels[scene.atrium])
    assert 0.6 < ratio < 1.05


@pytest.mark.parametrize(
    ("blank", "message"), [("mask", r"holds 0 voxels of median 0"), ("signal", r"holds \d+ voxels of median 0;")]
)
def test_refuses_a_scan_without_blood(blank: str, message: str) -> None:
    scene = chest()
    voxels = np.where(scene.atrium, 0, scene.voxels).astype(np.float32) if blank == "signal" else scene.voxels
    atrium = np.zeros_like(scene.atrium) if blank == "mask" else scene.atrium
    with pytest.raises(NotAssessableError, match=message):
        apply_faults(voxels, atrium, SPACING_MM, faults())


def test_real_scans_get_worse_with_each_score(real_scans: list[tuple[Scan, BoolArray]]) -> None:
    """Averaged over a few scans and draws; muscle is what lies near the atrium and is dark in the scan itself."""
    measured = {name: np.zeros(4) for name in ("myocardium_nulling", "sharpness", "quality")}
    for scan, mask in real_scans:
        first = np.flatnonzero(mask.any(axis=(1, 2)))[8]
        atrium, voxels = mask[first : first + 8], scan.voxels[first : first + 8]
        dark = (voxels < 0.45 * np.median(voxels[atrium])) & (voxels > 0.2 * np.median(voxels[atrium]))
        for place, score in enumerate(SEEN_APART):
            made = {name: apply_faults(voxels, atrium, scan.spacing_mm, faults(**{name: score})) for name in measured}
            nulled, sharp, clear = made.values()
            measured["myocardium_nulling"][place] -= np.median(nulled[dark]) / np.median(nulled[atrium])
            measured["sharpness"][place] += np.abs(np.diff(sharp, axis=2)).mean() / np.median(sharp[atrium])
            measured["quality"][place] -= np.abs(np.diff(clear, axis=2)).mean() / np.median(clear[atrium])
    for name, values in measured.items():
        assert np.all(np.diff(values) > 0), (name, values)
