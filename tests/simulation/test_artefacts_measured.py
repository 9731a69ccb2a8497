"""What artefacts do to the measures of a scan, and what they leave alone."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from lgeqa.io import discover, read_mask, read_scan
from lgeqa.measures import FUNCTIONS, Heart
from lgeqa.records import BoolArray, FloatArray
from lgeqa.simulation.artefacts import BY_NAME, MECHANISMS, Artefact, Mechanism, apply_artefacts, motion
from lgeqa.simulation.artefacts.subject import Subject
from tests.factories import heart
from tests.simulation.chest import BLOOD_LEVEL, SPACING_MM, chest

#: The measure that each mechanism makes worse, and whether it rises then.
BY_SCALE = {
    "sharpness": ("edge_width_mm", True),
    "myocardium_nulling": ("nulling_ratio", True),
    "enhancement": ("wall_cnr", False),
    "quality": ("asnr", False),
}
#: By how much a measure may move the other way from one severity to the next, and must move in all, as a logarithm.
LEAST_STEP, LEAST_TOTAL = -0.07, 0.1
#: Mechanisms that no measure follows step by step: they lie outside of the blood, or fall on another place each time.
SEEN_BY_EYE = {"bright_fat", "bright_vertebra", "wrap_around", "metal"}
MEASURED = [mechanism for mechanism in MECHANISMS if mechanism.name not in SEEN_BY_EYE and not mechanism.improves]
#: Mechanisms that change tissue and leave the acquisition as it was.
OF_TISSUE = [mechanism.name for mechanism in MECHANISMS if mechanism.scale in ("enhancement", "myocardium_nulling")]
SEEDS = (0, 1)
SLICES = 8


@dataclass(frozen=True)
class Sample:
    """Some slices of a scan."""

    voxels: FloatArray
    atrium: BoolArray
    spacing_mm: tuple[float, float, float]

    def with_artefact(self, name: str, share: float, seed: int = 0) -> FloatArray:
        artefacts = [Artefact(mechanism=name, severity=BY_NAME[name].at(share), seed=seed)]
        return apply_artefacts(self.voxels, self.atrium, self.spacing_mm, artefacts)

    def measured(self, measure: str, voxels: FloatArray) -> float:
        return FUNCTIONS[measure](Heart(voxels, self.atrium, self.spacing_mm)).value


def middle_slices(voxels: FloatArray, atrium: BoolArray, spacing_mm: tuple[float, float, float]) -> Sample:
    held = np.flatnonzero(atrium.any(axis=(1, 2)))
    first = held[(len(held) - SLICES) // 2]
    return Sample(voxels[first : first + SLICES], atrium[first : first + SLICES], spacing_mm)


@pytest.fixture(scope="module")
def geometric() -> Sample:
    """A geometric heart with enhancing walls, some blur and noise."""
    voxels = heart.GeometricHeart(wall=160, aortic_wall=150, septum=150, blur_mm=0.8, noise=6).voxels()
    return middle_slices(voxels, heart.atrium(), heart.SPACING_MM)


@pytest.fixture(scope="module")
def samples(real_folder: Path, geometric: Sample) -> list[Sample]:
    """Two real scans with enhancing walls, one noisy and one clear, and the geometric heart."""
    sources = discover([real_folder / f"lge-{number:03d}" for number in (5, 60)])
    scans = [(read_scan(source), source.mask_path) for source in sources]
    real = [middle_slices(scan.voxels, read_mask(path, scan), scan.spacing_mm) for scan, path in scans if path]
    return [*real, geometric]


@pytest.mark.slow
@pytest.mark.parametrize("mechanism", MEASURED, ids=lambda mechanism: mechanism.name)
def test_its_measure_gets_worse(samples: list[Sample], mechanism: Mechanism) -> None:
    """In the mean over scans and seeds, and step by step but for what chance and nulling's blind spot explain.

    Where muscle becomes as bright as blood, the measure of nulling takes it for a pool.
    """
    measure, rises = BY_SCALE[mechanism.scale]
    means = []
    for share in (0.0, 1.0) if mechanism.scale == "myocardium_nulling" else (0.0, 0.4, 0.7, 1.0):
        values = [
            sample.measured(measure, sample.with_artefact(mechanism.name, share, seed))
            for sample in samples
            for seed in (SEEDS if share else SEEDS[:1])
        ]
        means.append(np.nanmean(np.log(np.maximum(values, 0.05))))
    steps = np.diff(means) if rises else -np.diff(means)
    assert np.all(steps > LEAST_STEP), (measure, np.exp(means))
    assert steps.sum() > LEAST_TOTAL, (measure, np.exp(means))


def test_better_walls_are_brighter(geometric: Sample) -> None:
    dull = middle_slices(heart.GeometricHeart(blur_mm=0.8, noise=6).voxels(), heart.atrium(), heart.SPACING_MM)
    better = dull.with_artefact("bright_walls", 1)
    assert dull.measured("wall_cnr", better) > 1.5 * max(dull.measured("wall_cnr", dull.voxels), 1)


@pytest.mark.parametrize("name", sorted(SEEN_BY_EYE))
def test_what_no_measure_follows_can_be_seen(geometric: Sample, name: str) -> None:
    """Somewhere, over some cubic centimetres, the smoothed image changes by a third of blood and more."""
    change = np.abs(geometric.with_artefact(name, 1, seed=3) - geometric.voxels)
    smooth = ndimage.gaussian_filter(change, (0, 2, 2))
    assert (smooth > 33).mean() > 0.005


@pytest.mark.parametrize("name", OF_TISSUE)
def test_tissue_artefacts_leave_noise_alone(name: str) -> None:
    scene = chest(noise=0.05)
    sample = Sample(scene.voxels, scene.atrium, SPACING_MM)
    made = sample.with_artefact(name, 0.5)
    for mask in (scene.inside(scene.atrium), scene.inside(scene.lung)):
        before, after = (grain(voxels)[mask] for voxels in (scene.voxels, made))
        assert after.std() == pytest.approx(before.std(), rel=0.12)
        assert np.corrcoef(before, after)[0, 1] > 0.95


@pytest.mark.parametrize("name", ["weak_walls", "patchy_walls", "absent_walls"])
def test_walls_change_and_blood_does_not(geometric: Sample, name: str) -> None:
    made = geometric.with_artefact(name, 1)
    core = Heart(geometric.voxels, geometric.atrium, geometric.spacing_mm).depth > 4
    assert np.abs(made - geometric.voxels)[core].max() < 0.05 * np.median(geometric.voxels[core])
    distance = heart.distance_mm("atrium")
    first = (len(distance) - SLICES) // 2
    wall = (distance[first : first + SLICES] > 0.5) & (distance[first : first + SLICES] < 1.5)
    excess = [np.percentile(voxels[wall], 75) - 100 for voxels in (made, geometric.voxels)]
    assert excess[0] < 0.6 * excess[1]


@pytest.mark.parametrize("name", [one.name for one in MECHANISMS if one.scale == "myocardium_nulling"])
def test_muscle_over_blood_rises_with_severity(name: str) -> None:
    scene = chest()
    sample = Sample(scene.voxels, scene.atrium, SPACING_MM)
    blood, muscle = (scene.inside(mask) for mask in (scene.atrium, scene.muscle))
    made = [sample.with_artefact(name, share) for share in (0, 0.25, 0.5, 0.75, 1)]
    ratios = [voxels[muscle].mean() / voxels[blood].mean() for voxels in made]
    assert np.all(np.diff(ratios) > 0.01), ratios


def test_late_inversion_brightens_muscle_and_not_air() -> None:
    scene = chest()
    made = Sample(scene.voxels, scene.atrium, SPACING_MM).with_artefact("late_inversion", 1)
    muscle, lung = (scene.inside(mask) for mask in (scene.muscle, scene.lung))
    assert made[muscle].mean() > 2 * scene.voxels[muscle].mean()
    assert made[lung].mean() < 0.3 * made[muscle].mean()


def test_early_inversion_makes_blood_darker_than_muscle() -> None:
    scene = chest()
    made = Sample(scene.voxels, scene.atrium, SPACING_MM).with_artefact("early_inversion", 1)
    blood, muscle = (made[scene.inside(mask)].mean() for mask in (scene.atrium, scene.muscle))
    assert blood < muscle


def test_motion_keeps_the_atrium_in_its_mask() -> None:
    """The mean displacement is taken out, so the centroid of the blood stays within a pixel."""
    scene = chest(noise=0.005)
    sample = Sample(scene.voxels, scene.atrium, SPACING_MM)
    for name in ("breathing", "drift", "sudden_shift", "irregular_breathing"):
        for seed in range(4):
            made = sample.with_artefact(name, 0.5, seed)
            near = ndimage.binary_dilation(scene.atrium, np.ones((1, 3, 3), bool), iterations=4)
            moved = np.subtract(ndimage.center_of_mass(made * near), ndimage.center_of_mass(scene.voxels * near))
            assert np.abs(moved[1:]).max() < 1.5, (name, seed, moved)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_motion_moves_along_its_direction(monkeypatch: pytest.MonkeyPatch, axis: int) -> None:
    """A broad blob moves forward from the fine pattern that was acquired before it moved.

    The pattern dominates the mean displacement that is taken out, so it stays.
    """
    shape, spacing_mm = (24, 48, 48), (1.5, 1.0, 1.0)
    places = np.stack(np.meshgrid(*(np.arange(n) * mm for n, mm in zip(shape, spacing_mm, strict=True)), indexing="ij"))
    middle = np.array(shape) / 2 * spacing_mm
    blob = np.exp(-((places - middle[:, None, None, None]) ** 2).sum(axis=0) / 50)
    pattern = np.indices(shape)[1] % 2
    along = np.eye(3, dtype=np.float32)[axis]
    monkeypatch.setattr(motion, "direction", lambda *_: along)
    monkeypatch.setattr(motion, "beats", lambda shape, *_: np.abs(np.fft.fftfreq(shape[1])) < 0.3 + np.zeros(shape))
    signal = (2 + blob + pattern).astype(np.float32)
    subject = Subject(signal, blob > 0.5, spacing_mm)

    made = motion.drift(signal, subject, 2.0, np.random.default_rng(0))

    weights = np.clip(ndimage.uniform_filter(made, (1, 2, 1)) - 2.75, 0, None)
    moved = (places * weights).sum(axis=(1, 2, 3)) / weights.sum() - middle
    assert moved @ along == pytest.approx(2, abs=0.6)


def test_noise_is_as_strong_as_it_says() -> None:
    scene = chest(noise=0.005)
    made = Sample(scene.voxels, scene.atrium, SPACING_MM).with_artefact("white_noise", 0.5)
    inside = scene.inside(scene.atrium)
    assert made[inside].std() == pytest.approx(BY_NAME["white_noise"].at(0.5) / 100 * BLOOD_LEVEL, rel=0.1)
    assert made[scene.inside(scene.lung)].mean() > 3 * scene.voxels[scene.inside(scene.lung)].mean()  # Rician


def test_a_full_field_can_be_worsened() -> None:
    """An atrium in the middle of a field that is mostly chest and air."""
    scene = chest()
    margins = ((0, 0), (60, 60), (60, 60))
    voxels, atrium = np.pad(scene.voxels, margins), np.pad(scene.atrium, margins)
    for mechanism in MECHANISMS:
        recipe = [Artefact(mechanism=mechanism.name, severity=mechanism.at(0.6), seed=1)]
        made = apply_artefacts(voxels, atrium, SPACING_MM, recipe)
        assert np.isfinite(made).all(), mechanism.name


def grain(voxels: FloatArray) -> FloatArray:
    smooth: FloatArray = ndimage.gaussian_filter(voxels, (0, 1.5, 1.5))
    return voxels - smooth
