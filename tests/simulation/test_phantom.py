"""What a phantom holds, and that a recipe makes it again."""

import numpy as np
import pytest
from scipy import ndimage

from lgeqa.errors import ConfigError, UsageError
from lgeqa.records import FloatArray
from lgeqa.simulation.anatomy import Anatomy
from lgeqa.simulation.phantom import Phantom, PhantomRecipe, build_phantom, draw_phantom, render
from lgeqa.simulation.signal import Sequence, null_time
from lgeqa.simulation.tissue import PROPERTIES, Tissue

SPACING = (5.0, 2.5, 2.5)
NULLED = Sequence(inversion_time_ms=null_time(PROPERTIES[Tissue.MYOCARDIUM].t1_ms, 1000.0))


def recipe(seed: int, field: str = "full") -> PhantomRecipe:
    rng = np.random.default_rng(seed)
    return draw_phantom(rng, "full" if field == "full" else "cropped", slices=22, spacing_mm=SPACING)


@pytest.fixture(scope="module")
def full() -> Phantom:
    return build_phantom(recipe(7))


@pytest.fixture(scope="module")
def fine() -> Phantom:
    """A cropped phantom at the default grid."""
    return build_phantom(draw_phantom(np.random.default_rng(7), "cropped"))


def mean(phantom: Phantom, image: FloatArray, tissue: Tissue) -> float:
    pure = (phantom.labels == tissue) & (phantom.share == 1)
    return float(image[pure].mean())


def test_full_phantom_holds_every_tissue(full: Phantom) -> None:
    held = np.bincount(full.labels.ravel(), minlength=len(Tissue))
    assert {tissue.name for tissue in Tissue if held[tissue] == 0} == set()


def test_arrays_agree(full: Phantom) -> None:
    shape = full.labels.shape
    assert full.beneath.shape == full.share.shape == full.texture.shape == full.atrium.shape == shape
    assert full.share.min() >= 0.5
    assert full.share.max() <= 1
    assert full.texture.mean() == pytest.approx(1, abs=0.05)
    assert shape[1] * SPACING[1] + 2.5 >= 360
    assert shape[2] * SPACING[2] <= 402.5


def test_things_are_where_they_belong(full: Phantom) -> None:
    """Organs against the atrium: slices rise to superior, rows to posterior, columns to the left."""
    z, y, x = ndimage.center_of_mass(full.atrium)

    def centre(tissue: Tissue) -> tuple[float, float, float]:
        c: tuple[float, float, float] = ndimage.center_of_mass(full.labels == tissue)
        return c

    assert centre(Tissue.LIVER)[0] < z
    assert centre(Tissue.LIVER)[2] < x
    assert centre(Tissue.SPLEEN)[2] > x
    assert centre(Tissue.CSF)[1] > y + 40 / SPACING[1]
    assert centre(Tissue.MYOCARDIUM)[1] < y
    assert centre(Tissue.MYOCARDIUM)[2] > x
    border = np.concatenate([full.labels[:, 0].ravel(), full.labels[:, -1].ravel()])
    assert (border == Tissue.AIR).all()
    lungs = np.argwhere(full.labels == Tissue.LUNG)
    assert lungs[:, 2].min() < x - 60 / SPACING[2]
    assert lungs[:, 2].max() > x + 60 / SPACING[2]


def test_descending_aorta_runs_through_every_slice(full: Phantom) -> None:
    """A disc of blood left of the spine and behind the atrium, also beyond the atrium's slices."""
    _, y, x = (int(c) for c in ndimage.center_of_mass(full.atrium))
    behind = full.labels[:, y + 8 : y + 32, x : x + 20] == Tissue.BLOOD
    assert (behind.sum((1, 2)) * SPACING[1] * SPACING[2] > 150).all()


def test_atrium_is_one_blood_pool_inside_its_wall(fine: Phantom) -> None:
    assert (fine.labels[fine.atrium] == Tissue.BLOOD).all()
    parts, n = ndimage.label(fine.atrium)
    assert np.bincount(parts.ravel())[1:].max() > 0.97 * fine.atrium.sum(), n
    rim = fine.labels[ndimage.binary_dilation(fine.atrium) & ~fine.atrium]
    assert np.isin(rim, [Tissue.WALL, Tissue.FIBROSIS]).mean() > 0.6
    wall = (fine.labels == Tissue.WALL) | (fine.labels == Tissue.FIBROSIS)
    assert 0.001 < (fine.labels == Tissue.FIBROSIS).sum() / wall.sum() < 0.6


def test_atrium_has_the_size_of_real_ones() -> None:
    slices, volumes = [], []
    for seed in range(4):
        phantom = build_phantom(recipe(seed, "cropped"))
        slices.append(SPACING[0] * phantom.atrium.any((1, 2)).sum())
        volumes.append(phantom.atrium.sum() * np.prod(SPACING) / 1000)
        held = np.flatnonzero(phantom.atrium.any((1, 2)))
        assert held[0] > 0
        assert (np.diff(held) == 1).all()
    assert min(slices) >= 55
    assert max(slices) <= 92.5
    assert min(volumes) > 65
    assert max(volumes) < 260
    assert np.std(volumes) > 5


def test_cropped_is_a_crop_around_the_atrium() -> None:
    whole, crop = recipe(3), recipe(3, "cropped")
    assert whole.anatomy == crop.anatomy
    full, cropped = build_phantom(whole), build_phantom(crop)
    at = [c - w for c, w in zip(crop.first, whole.first, strict=True)]
    window = tuple(slice(a, a + n) for a, n in zip(at, crop.shape, strict=True))
    assert (full.labels[window] == cropped.labels).mean() > 0.999
    np.testing.assert_allclose(full.texture[window], cropped.texture, atol=0.3)
    assert cropped.atrium.sum() > 0.85 * full.atrium.sum()
    rows, columns = (n * s for n, s in zip(crop.shape[1:], SPACING[1:], strict=True))
    assert 80 <= rows <= 100
    assert 105 <= columns <= 146


def test_a_recipe_makes_the_very_same_phantom_through_json() -> None:
    first = recipe(11, "cropped")
    again = PhantomRecipe.model_validate_json(first.model_dump_json())
    assert again == first
    a, b = build_phantom(first), build_phantom(again)
    for name in ("labels", "beneath", "share", "texture", "atrium"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    np.testing.assert_array_equal(render(a, NULLED), render(b, NULLED))


def test_seeds_make_different_people() -> None:
    one, other = recipe(1, "cropped"), recipe(2, "cropped")
    assert one.seed != other.seed
    drawn = [(getattr(one.anatomy, name), getattr(other.anatomy, name)) for name in Anatomy.model_fields]
    assert sum(a != b for a, b in drawn) > 0.9 * len(drawn)


def test_the_seed_alone_changes_patches_and_texture() -> None:
    grid = {"shape": (16, 40, 48), "spacing_mm": SPACING, "first": (-8, -20, -24)}
    a, b = (build_phantom(PhantomRecipe.of({"seed": seed, **grid})) for seed in (1, 2))
    fibrosis = [p.labels == Tissue.FIBROSIS for p in (a, b)]
    assert (fibrosis[0] & fibrosis[1]).sum() < 0.8 * fibrosis[0].sum()
    assert np.abs(a.texture - b.texture).max() > 0.1


def test_a_good_inversion_time_shows_what_it_should(fine: Phantom) -> None:
    image = render(fine, NULLED)
    assert image.dtype == np.float32
    assert mean(fine, image, Tissue.BLOOD) == pytest.approx(100, rel=0.1)
    assert mean(fine, image, Tissue.MYOCARDIUM) < 1
    assert mean(fine, image, Tissue.FIBROSIS) > 1.2 * mean(fine, image, Tissue.BLOOD)
    assert mean(fine, image, Tissue.VALVE) > mean(fine, image, Tissue.BLOOD)
    assert mean(fine, image, Tissue.LUNG) < 20


@pytest.mark.parametrize("off", [-100.0, 120.0])
def test_off_null_the_myocardium_rises_against_blood(fine: Phantom, off: float) -> None:
    def ratio(sequence: Sequence) -> float:
        image = render(fine, sequence)
        return mean(fine, image, Tissue.MYOCARDIUM) / mean(fine, image, Tissue.BLOOD)

    wrong = Sequence(inversion_time_ms=NULLED.inversion_time_ms + off)
    assert ratio(wrong) > ratio(NULLED) + 0.2


def test_t1_given_replaces_that_of_the_table(fine: Phantom) -> None:
    muscle = PROPERTIES[Tissue.MYOCARDIUM].t1_ms
    usual, weak = render(fine, NULLED), render(fine, NULLED, {Tissue.FIBROSIS: muscle})
    assert mean(fine, weak, Tissue.FIBROSIS) < 0.05 * mean(fine, usual, Tissue.FIBROSIS)
    apart = (fine.labels != Tissue.FIBROSIS) & (fine.beneath != Tissue.FIBROSIS)
    np.testing.assert_array_equal(weak[apart], usual[apart])


def test_fat_saturation_scales_fat(fine: Phantom) -> None:
    kept = [Sequence(inversion_time_ms=300, fat_signal=share) for share in (0.1, 0.4)]
    low, high = (mean(fine, render(fine, sequence), Tissue.FAT) for sequence in kept)
    assert high == pytest.approx(4 * low, rel=1e-4)


def test_edges_mix_signed_signals(fine: Phantom) -> None:
    """A voxel on an edge holds the mean of both tissues' signed signals."""
    still = Phantom(fine.labels, fine.beneath, fine.share, np.ones_like(fine.texture), fine.atrium, fine.spacing_mm)
    image = render(still, NULLED)
    edge = (fine.labels == Tissue.BLOOD) & (fine.beneath == Tissue.MYOCARDIUM)
    assert edge.sum() > 20
    np.testing.assert_allclose(image[edge], 100 * fine.share[edge], rtol=1e-4)


def test_render_changes_no_input(fine: Phantom) -> None:
    before = [fine.labels.copy(), fine.share.copy(), fine.texture.copy()]
    render(fine, Sequence(inversion_time_ms=200), {Tissue.WALL: 300.0})
    for kept, now in zip(before, (fine.labels, fine.share, fine.texture), strict=True):
        np.testing.assert_array_equal(kept, now)


def test_bad_requests_are_refused(fine: Phantom) -> None:
    with pytest.raises(UsageError, match="1 slices"):
        draw_phantom(np.random.default_rng(0), slices=1)
    with pytest.raises(UsageError, match=r"\(2.5, 0.0, 1.0\) mm"):
        draw_phantom(np.random.default_rng(0), spacing_mm=(2.5, 0.0, 1.0))
    with pytest.raises(UsageError, match="T1 of 0 ms"):
        render(fine, NULLED, {Tissue.BLOOD: 0.0})
    with pytest.raises(ConfigError, match=r"shape\.1 = 1"):
        PhantomRecipe.of({"seed": 1, "shape": (4, 1, 8)})
    with pytest.raises(ConfigError, match="wall = 9"):
        Anatomy.of({"wall": 9.0})
