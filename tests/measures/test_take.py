"""Taking all measures: what is defined without an atrium, per slice, and with degenerate input."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lgeqa.measures import BY_NAME, FUNCTIONS, MEASURES, Heart, compute_measures, definition, reference_scans
from lgeqa.measures.reference_scans import place_of
from lgeqa.records import BoolArray, FloatArray, Measures
from tests.factories.heart import SPACING_MM, GeometricHeart, atrium, scan_of


def taken(voxels: FloatArray, mask: BoolArray) -> Measures:
    return compute_measures(scan_of(voxels), Heart(voxels, mask, SPACING_MM))


@pytest.fixture(scope="module")
def voxels() -> FloatArray:
    return GeometricHeart(noise=5, wall=130, aortic_wall=130, septum=130, muscle=45, blur_mm=0.8).voxels()


@pytest.fixture(scope="module")
def plain(voxels: FloatArray) -> Measures:
    return taken(voxels, atrium())


def test_every_measure_is_taken_in_catalogue_order(plain: Measures) -> None:
    assert list(plain.values) == [measure.name for measure in MEASURES] == list(BY_NAME)
    assert plain.reasons == {}
    assert set(plain.places) == set(plain.values)


def test_without_atrium_the_stack_is_still_measured(voxels: FloatArray) -> None:
    measures = taken(voxels, np.zeros_like(atrium()))
    defined = {name for name, value in measures.values.items() if value is not None}
    assert defined == {"empty_slices", "repeated_slices", "pixel_mm", "slice_mm"}
    assert set(measures.reasons) == set(measures.values) - defined
    assert measures.reasons["wall_cnr"] == "No left atrium was found."
    assert measures.slices == ()


def test_blood_as_dark_as_air_leaves_the_stack_measures(voxels: FloatArray) -> None:
    measures = taken(np.where(atrium(), voxels.min(), voxels).astype(np.float32), atrium())
    assert measures.values["asnr"] is None
    assert measures.values["atrium_volume_ml"] is not None


def test_slices_have_their_own_measures(plain: Measures) -> None:
    by_slice = {measure.name for measure in MEASURES if measure.by_slice}
    assert len(plain.slices) == atrium().any(axis=(1, 2)).sum()
    assert all(set(one.values) == by_slice for one in plain.slices)
    noise = [value for one in plain.slices if (value := one.values["noise_percent"]) is not None]
    assert np.median(noise) == pytest.approx(plain.values["noise_percent"], rel=0.1)


def test_a_noisy_slice_shows_in_its_own_measures(voxels: FloatArray) -> None:
    noisy = voxels.copy()
    noisy[20] += np.random.default_rng(1).normal(0, 25, noisy[20].shape).astype(np.float32)
    measures = taken(noisy, atrium())
    worst = max(measures.slices, key=lambda one: one.values["noise_percent"] or 0)
    assert worst.index == 20


ROUTES: dict[str, Callable[[FloatArray], tuple[FloatArray, BoolArray]]] = {
    "gain": lambda voxels: (voxels * np.float32(3.7), atrium()),
    "offset": lambda voxels: (voxels + np.float32(100), atrium()),
    "padding of 0": lambda voxels: padded(voxels, 0),
    "padding of -1000": lambda voxels: padded(voxels, -1000),
    "crop": lambda voxels: (voxels[:, 8:-8, 8:-8].copy(), atrium()[:, 8:-8, 8:-8].copy()),
    "hot voxel": lambda voxels: (with_hot_voxel(voxels), atrium()),
}


def padded(voxels: FloatArray, level: float) -> tuple[FloatArray, BoolArray]:
    wide = ((0, 0), (8, 8), (8, 8))
    return np.pad(voxels, wide, constant_values=level), np.pad(atrium(), wide)


def with_hot_voxel(voxels: FloatArray) -> FloatArray:
    hot = voxels.copy()
    hot[20, 90, 100] = 1e5
    return hot


@pytest.mark.parametrize("route", ROUTES)
def test_measures_survive_export_routes(route: str, voxels: FloatArray, plain: Measures) -> None:
    changed = taken(*ROUTES[route](voxels))
    # A crop takes away background, which ghosting and clipping are shares of.
    free = {"blood_signal", "clipping_percent"} | ({"ghosting_percent", "nulling_ratio"} if route == "crop" else set())
    for name in set(plain.values) - free:
        slack = 0.1 if name == "shading_percent" else 1e-6  # % of blood; there is hardly any shading
        assert changed.values[name] == pytest.approx(plain.values[name], rel=0.01, abs=slack), name


def test_input_is_left_as_it_was(voxels: FloatArray) -> None:
    copy, mask = voxels.copy(), atrium()
    taken(copy, mask)
    np.testing.assert_array_equal(copy, voxels)
    np.testing.assert_array_equal(mask, atrium())


def test_degenerate_volumes_give_reasons_and_never_fail() -> None:
    rng = np.random.default_rng(0)
    shapes = [(1, 1, 1), (6, 1, 40), (6, 40, 1), (7, 30, 20), (12, 9, 50)]
    masks: dict[str, Callable[[Any], BoolArray]] = {
        "all": lambda shape: np.ones(shape, bool),
        "one voxel": lambda shape: np.arange(np.prod(shape)).reshape(shape) == 0,
        "half at random": lambda shape: rng.random(shape) > 0.5,
    }
    levels: tuple[Callable[[Any], Any], ...] = (
        lambda shape: rng.normal(0, 1, shape),
        np.zeros,
        lambda shape: rng.uniform(-1e37, 1e37, shape),
        lambda shape: rng.uniform(0, 1e-30, shape),
    )
    for shape, mask, make in itertools.product(shapes, masks.values(), levels):
        measures = taken(make(shape).astype(np.float32), mask(shape))
        assert all(value is None or np.isfinite(value) for value in measures.values.values())
        assert all(measures.reasons[name] for name, value in measures.values.items() if value is None)


@pytest.mark.parametrize("name", BY_NAME)
def test_definition_names_formula_unit_direction_and_source(name: str) -> None:
    text = definition(name)
    assert text.split()[0] in {"Measure", "Count", "Return"}
    for part in ("Formula:", "Unit:", "Direction:", "Undefined:", "Source:"):
        assert part in text, f"{name} lacks {part}"
    direction = text.split("Direction:")[1].split(".")[0]
    assert BY_NAME[name].better in direction
    assert FUNCTIONS[name].__name__ == name


def test_reference_scans_cover_every_measure() -> None:
    reference = reference_scans()
    assert reference.n == 70
    assert set(reference.quantiles) == set(BY_NAME)
    assert reference.shares[0] == 0
    assert reference.shares[-1] == 1
    assert all(len(one) == len(reference.shares) for one in reference.quantiles.values())
    assert all(list(one) == sorted(one) for one in reference.quantiles.values())


def test_place_counts_the_scans_below() -> None:
    quantiles = reference_scans().quantiles["asnr"]
    middle = reference_scans().shares.index(0.5)
    assert place_of("asnr", quantiles[middle]) == pytest.approx(0.5)
    assert place_of("asnr", quantiles[0] - 1) == 0
    assert place_of("asnr", quantiles[-1] + 1) == 1
    between = (quantiles[middle] + quantiles[middle + 1]) / 2
    assert place_of("asnr", between) == pytest.approx(0.525)


def test_place_of_a_value_that_all_scans_share() -> None:
    assert place_of("empty_slices", 0) == pytest.approx(0.5)
    assert place_of("empty_slices", 1) == 1
