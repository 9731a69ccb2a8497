"""Artefacts as recipes: what a mechanism is, how they are drawn, and that applying them can be repeated."""

from collections import Counter
from dataclasses import replace
from inspect import cleandoc
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from lgeqa.errors import ConfigError, NotAssessableError
from lgeqa.records import FloatArray
from lgeqa.scales import SCALE_NAMES
from lgeqa.simulation.artefacts import BY_NAME, MECHANISMS, Artefact, Mechanism, apply_artefacts, draw_artefacts
from tests.simulation.chest import SPACING_MM, chest

#: Mechanisms of all causes in one recipe: tissue, signal, motion, resolution, noise and reconstruction.
MIXED = ("weak_walls", "late_inversion", "breathing", "coarse_matrix", "white_noise", "median_denoising")


def artefact(name: str, share: float, seed: int = 0) -> Artefact:
    return Artefact(mechanism=name, severity=BY_NAME[name].at(share), seed=seed)


def applied(*artefacts: Artefact) -> FloatArray:
    scene = chest()
    return apply_artefacts(scene.voxels, scene.atrium, SPACING_MM, artefacts)


@pytest.mark.parametrize("mechanism", MECHANISMS, ids=lambda mechanism: mechanism.name)
def test_severity_rises_from_none_to_heaviest(mechanism: Mechanism) -> None:
    severities = [mechanism.at(share) for share in np.linspace(0, 1, 11)]
    assert severities[0] == mechanism.none
    assert severities[-1] == pytest.approx(mechanism.heaviest)
    assert np.all(np.diff(severities) > 0)


@pytest.mark.parametrize("mechanism", MECHANISMS, ids=lambda mechanism: mechanism.name)
def test_no_severity_leaves_the_scan_as_it_is(mechanism: Mechanism) -> None:
    np.testing.assert_allclose(applied(artefact(mechanism.name, 0)), chest().voxels, rtol=1e-6)


@pytest.mark.parametrize("mechanism", MECHANISMS, ids=lambda mechanism: mechanism.name)
def test_every_mechanism_keeps_to_magnitude(mechanism: Mechanism) -> None:
    made = applied(artefact(mechanism.name, 1))
    assert made.dtype == np.float32
    assert made.shape == chest().voxels.shape
    assert np.isfinite(made).all()
    assert made.min() >= 0


@pytest.mark.parametrize("name", ["white_noise", "point_spread", "late_inversion", "drift", "wavelet_thresholding"])
def test_a_faint_severity_changes_little(name: str) -> None:
    before = chest().voxels
    faint, clear = (np.abs(applied(artefact(name, share)) - before).mean() for share in (0.02, 1.0))
    assert faint < 0.1 * clear


def test_each_scale_has_independent_mechanisms() -> None:
    names = Counter(mechanism.scale for mechanism in MECHANISMS if not mechanism.improves)
    causes = {
        scale: {one.cause for one in MECHANISMS if one.scale == scale and not one.improves} for scale in SCALE_NAMES
    }
    assert set(names) == set(SCALE_NAMES)
    assert min(names.values()) >= 4
    assert min(len(of_scale) for of_scale in causes.values()) >= 2


def test_recipes_are_replayed_bit_for_bit() -> None:
    recipe = [artefact(name, 0.7, seed) for seed, name in enumerate(MIXED)]
    scene = chest()
    voxels, atrium = scene.voxels.copy(), scene.atrium.copy()
    first = apply_artefacts(voxels, atrium, SPACING_MM, recipe)
    applied(artefact("spikes", 1))
    again = apply_artefacts(voxels, atrium, SPACING_MM, recipe[::-1])
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(voxels, scene.voxels)
    np.testing.assert_array_equal(atrium, scene.atrium)


def test_artefacts_are_applied_in_physical_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tissue, signal, motion, resolution, noise and reconstruction, in whatever order a recipe names them."""
    order: list[str] = []
    for name in MIXED:

        def record(signal: FloatArray, *_: object, name: str = name) -> FloatArray:
            order.append(name)
            return signal

        monkeypatch.setitem(BY_NAME, name, replace(BY_NAME[name], effect=record))
    scene = chest()
    drawn = [artefact(name, 0.5) for name in sorted(MIXED)]
    apply_artefacts(scene.voxels, scene.atrium, SPACING_MM, drawn)
    assert order == list(MIXED)


@pytest.mark.parametrize(
    "name", ["breathing", "spikes", "white_noise", "incomplete_inversion", "metal", "coarse_matrix"]
)
def test_seeds_make_different_artefacts(name: str) -> None:
    first, second = (applied(artefact(name, 0.6, seed)) for seed in (0, 1))
    assert not np.array_equal(first, second)


def test_no_artefact_keeps_the_grey_levels() -> None:
    np.testing.assert_allclose(applied(), chest().voxels, rtol=1e-6)


def test_grey_scale_does_not_matter() -> None:
    scene = chest()
    recipe = [artefact(name, 0.5) for name in MIXED]
    plain = apply_artefacts(scene.voxels, scene.atrium, SPACING_MM, recipe)
    scaled = apply_artefacts(3 * scene.voxels, scene.atrium, SPACING_MM, recipe)
    np.testing.assert_allclose(scaled, 3 * plain, rtol=1e-3, atol=0.1)


@pytest.mark.parametrize("blank", ["mask", "signal"])
def test_a_scan_without_blood_is_refused(blank: str) -> None:
    scene = chest()
    voxels = np.where(scene.atrium, 0, scene.voxels).astype(np.float32) if blank == "signal" else scene.voxels
    atrium = np.zeros_like(scene.atrium) if blank == "mask" else scene.atrium
    with pytest.raises(NotAssessableError, match=r"holds \d+ voxels, and no signal"):
        apply_artefacts(voxels, atrium, SPACING_MM, [artefact("white_noise", 0.5)])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mechanism": "blur", "severity": 1.0, "seed": 0}, "blur is not a mechanism"),
        ({"mechanism": "white_noise", "severity": 99.0, "seed": 0}, "a severity of 99 % of blood is out of the range"),
        ({"mechanism": "coarse_matrix", "severity": 0.5, "seed": 0}, "Give 1 to 4.5"),
    ],
)
def test_a_wrong_recipe_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Artefact.of(values)


def test_a_draw_survives_json() -> None:
    drawn = draw_artefacts(np.random.default_rng(1))
    assert drawn
    assert tuple(Artefact.model_validate_json(one.model_dump_json()) for one in drawn) == drawn


def test_draws_are_few_mild_and_of_different_causes() -> None:
    draws = [draw_artefacts(np.random.default_rng(seed)) for seed in range(600)]
    numbers = Counter(len(drawn) for drawn in draws)
    assert set(numbers) == {0, 1, 2, 3, 4}
    assert (numbers[1] + numbers[2]) / 600 > 0.55
    for drawn in draws:
        causes = [BY_NAME[one.mechanism].cause for one in drawn]
        assert len(causes) == len(set(causes))
    shares = [share_of(one) for drawn in draws for one in drawn]
    assert np.median(shares) == pytest.approx(1 - np.sqrt(0.5), abs=0.04)  # of a Beta(1, 2)
    assert max(shares) > 0.9
    assert len(set(shares)) == len(shares)
    assert {one.mechanism for drawn in draws for one in drawn} == set(BY_NAME)


def share_of(drawn: Artefact) -> float:
    mechanism = BY_NAME[drawn.mechanism]
    shares = np.linspace(0, 1, 201)
    return float(np.interp(drawn.severity, [mechanism.at(share) for share in shares], shares))


def test_scales_are_drawn_equally_often() -> None:
    draws = [draw_artefacts(np.random.default_rng(seed)) for seed in range(600)]
    scales = Counter(BY_NAME[drawn[0].mechanism].scale for drawn in draws if len(drawn) == 1)
    assert min(scales.values()) / sum(scales.values()) > 0.18


def test_a_draw_keeps_to_the_given_mechanisms() -> None:
    few = [BY_NAME["white_noise"], BY_NAME["g_factor_noise"], BY_NAME["drift"]]
    drawn = [draw_artefacts(np.random.default_rng(seed), few) for seed in range(100)]
    assert {one.mechanism for recipe in drawn for one in recipe} == {one.name for one in few}
    assert max(len(recipe) for recipe in drawn) == 2  # two kinds of noise are one cause


def test_names_are_unique() -> None:
    assert all(first.name != second.name for first, second in combinations(MECHANISMS, 2))


@pytest.mark.parametrize("mechanism", MECHANISMS, ids=lambda mechanism: mechanism.name)
def test_the_reference_page_says_what_it_is(mechanism: Mechanism) -> None:
    page = (Path(__file__).parents[2] / "docs/reference/artefacts.md").read_text(encoding="utf-8")
    row = (mechanism.title, f"`{mechanism.name}`", mechanism.cause, mechanism.unit)
    assert f"| {' | '.join(row)} | {mechanism.none:g} | {mechanism.heaviest:g} | {mechanism.imitates} |" in page
    assert f"### `{mechanism.name}`\n\n{cleandoc(mechanism.effect.__doc__ or '')}\n" in page
