"""Each check of the gate alone: what it lets pass, doubts and refuses, and what it says."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from lgeqa.inference.bundle.manifest import NoveltyLimits
from lgeqa.inference.gate import (
    CHECKS,
    Evidence,
    check_consistency,
    check_novelty,
    check_scan,
    checks,
    in_order,
    refused,
)
from lgeqa.inference.gate.likeness import AS_IT_IS, likeness, mean_heart
from lgeqa.measures import Heart
from lgeqa.records import BoolArray, Finding, FloatArray
from lgeqa.scales import SCALE_NAMES
from tests.factories.heart import SPACING_MM, GeometricHeart, atrium
from tests.results import assessed


def evidence_of(
    voxels: FloatArray | None = None, mask: BoolArray | None = None, probabilities: FloatArray | None = None
) -> Evidence:
    made = GeometricHeart(noise=5).voxels() if voxels is None else voxels
    return Evidence(Heart(made, atrium() if mask is None else mask, SPACING_MM), probabilities)


def block(slices: slice, side: int) -> BoolArray:
    """A mask of a square of `side` voxels on some slices."""
    mask = np.zeros(atrium().shape, bool)
    mask[slices, 90 - side // 2 : 90 + side // 2, 104 - side // 2 : 104 + side // 2] = True
    return mask


def severity(finding: Finding | None) -> str | None:
    return finding.severity if finding else None


SOUND = [check for check in CHECKS if check.__name__ not in ("looks_like_heart", "orientation_as_stated")]


@pytest.mark.parametrize("check", SOUND, ids=lambda check: check.__name__)
def test_a_sound_heart_passes(check: Any) -> None:
    assert check(evidence_of()) is None


def test_no_atrium_is_refused_and_nothing_else_is_said() -> None:
    [finding] = check_scan(evidence_of(mask=np.zeros_like(atrium())).heart)
    assert (finding.check, finding.severity) == ("atrium_found", "refused")
    assert "on any of the 40 slices" in finding.seen
    assert "--given-masks" in finding.remedy


def test_atrium_as_dark_as_air_is_refused() -> None:
    voxels = np.where(atrium(), -50, GeometricHeart(noise=5).voxels()).astype(np.float32)
    [finding] = check_scan(evidence_of(voxels).heart)
    assert (finding.check, finding.severity) == ("atrium_found", "refused")
    assert "as dark as" in finding.seen


@pytest.mark.parametrize(
    ("side", "expected"), [(20, "refused"), (30, "review"), (60, None), (110, "review"), (140, "refused")]
)
def test_volume(side: int, expected: str | None) -> None:
    finding = checks.atrium_volume(evidence_of(mask=block(slice(6, 34), side)))
    assert severity(finding) == expected
    if finding:
        assert f"{28 * side * side * 2.5 * 0.625**2 / 1000:.0f} ml" in finding.seen


@pytest.mark.parametrize(("n", "expected"), [(11, "refused"), (15, "review"), (25, None), (36, None)])
def test_height(n: int, expected: str | None) -> None:
    finding = checks.atrium_height(evidence_of(mask=block(slice(2, 2 + n), 60)))
    assert severity(finding) == expected
    if finding:
        assert f"{n * 2.5:.0f} mm high" in finding.seen


def test_pieces() -> None:
    mask = block(slice(6, 34), 60)
    mask[6:34, 10:22, 10:22] = True
    assert checks.atrium_in_one_piece(evidence_of(mask=mask)) is None  # 4 %
    mask[6:34, 10:40, 10:40] = True
    finding = checks.atrium_in_one_piece(evidence_of(mask=mask))
    assert severity(finding) == "review"
    assert finding is not None
    assert "in 2 pieces, and the largest holds 80 %" in finding.seen
    scattered = np.zeros_like(mask)
    scattered[::2, ::20, ::20] = True
    assert severity(checks.atrium_in_one_piece(evidence_of(mask=scattered))) == "refused"


@pytest.mark.parametrize(("first", "last", "side"), [(0, 30, "below"), (8, 40, "above"), (0, 40, "below and about")])
def test_cut_stack_says_how_much_is_missing_where(first: int, last: int, side: str) -> None:
    finding = checks.stack_covers_atrium(evidence_of(mask=block(slice(first, last), 60)))
    assert severity(finding) == "refused"
    assert finding is not None
    radius = 60 * 0.625 / np.sqrt(np.pi)
    assert f"about {0.9 * radius:.0f} mm missing {side}" in finding.seen


def test_a_vein_at_the_end_of_the_stack_is_no_cut() -> None:
    mask = block(slice(8, 34), 60)
    mask[34:, 90:110, 104:124] = True
    assert checks.stack_covers_atrium(evidence_of(mask=mask)) is None
    mask[34:, 80:120, 94:124] = True
    assert severity(checks.stack_covers_atrium(evidence_of(mask=mask))) == "review"


@pytest.mark.parametrize(("n", "expected"), [(1, "refused"), (5, "refused"), (6, "review"), (9, "review"), (10, None)])
def test_vote_needs_slices(n: int, expected: str | None) -> None:
    finding = checks.enough_slices_vote(evidence_of(mask=block(slice(10, 10 + n), 60)))
    assert severity(finding) == expected
    if finding:
        assert finding.seen.startswith("1 slice holds" if n == 1 else f"{n} slices hold")


def test_lost_slices() -> None:
    voxels = GeometricHeart(noise=5).voxels()
    voxels[20] = 0
    assert severity(checks.no_slice_lost(evidence_of(voxels))) == "review"
    voxels[18] = voxels[17]
    voxels[23] = voxels[22]
    finding = checks.no_slice_lost(evidence_of(voxels))
    assert severity(finding) == "refused"
    assert finding is not None
    assert "1 slices in the atrium are empty and 2 are copies" in finding.seen


def test_blanked_slices_beside_a_split_atrium() -> None:
    voxels, mask = GeometricHeart(noise=5).voxels(), atrium()
    voxels[14:22], mask[:22] = 0, False
    finding = checks.no_slice_lost(evidence_of(voxels, mask))
    assert severity(finding) == "refused"
    assert finding is not None
    assert finding.seen.startswith("8 slices")


def test_empty_slices_at_the_ends_of_the_stack_do_not_matter() -> None:
    voxels = GeometricHeart(noise=5).voxels()
    voxels[:3] = 0
    assert checks.no_slice_lost(evidence_of(voxels)) is None


def test_label_map_is_refused() -> None:
    finding = checks.grey_scale_of_image(evidence_of(GeometricHeart().voxels()))
    assert severity(finding) == "refused"
    assert finding is not None
    assert "map of labels" in finding.seen


def test_few_grey_levels_are_still_an_image() -> None:
    coarse = (GeometricHeart(noise=10).voxels() / 8).round()  # blood at about 12 grey levels
    assert checks.grey_scale_of_image(evidence_of(coarse.astype(np.float32))) is None


@pytest.mark.parametrize("kind", ["noise", "inverted"])
def test_nothing_dark_around_blood_is_refused(kind: str) -> None:
    if kind == "noise":
        voxels = np.hypot(*np.random.default_rng(0).normal(0, 20, (2, *atrium().shape))).astype(np.float32)
    else:
        voxels = 200 - GeometricHeart(noise=5, muscle=60).voxels()
    finding = checks.blood_brighter_than_lung(evidence_of(voxels))
    assert severity(finding) == "refused"


def test_an_unsure_detector_is_doubted() -> None:
    probabilities = np.where(atrium(), 0.95, 0.05).astype(np.float32)
    assert checks.detector_is_sure(evidence_of(probabilities=probabilities)) is None
    unsure = np.where(atrium() & (np.arange(208) % 2 == 0), 0.6, probabilities).astype(np.float32)
    finding = checks.detector_is_sure(evidence_of(probabilities=unsure))
    assert severity(finding) == "review"
    assert finding is not None
    assert "50 %" in finding.seen
    assert checks.detector_is_sure(evidence_of()) is None  # a mask that was supplied


def in_mean_heart(way: tuple[int, int, int] = (1, 1, 1)) -> Evidence:
    """A scan that looks exactly like the mean of real scans, with axes reversed."""
    mean = np.nan_to_num(mean_heart(), nan=0.2)[:: way[0], :: way[1], :: way[2]]
    voxels = np.repeat(np.repeat(np.repeat(mean, 8, 0), 6, 1), 6, 2) * 100
    mask = np.zeros(voxels.shape, bool)
    middle = [n // 2 for n in voxels.shape]
    mask[tuple(slice(c - 13, c + 13) for c in middle)] = True
    noise = np.random.default_rng(0).normal(0, 3, voxels.shape)
    return Evidence(Heart(np.hypot(voxels + noise, noise).astype(np.float32), mask, (1.0, 1.0, 1.0)))


def test_a_mean_heart_looks_like_a_heart() -> None:
    evidence = in_mean_heart()
    assert evidence.likeness[AS_IT_IS] > 0.8
    assert checks.looks_like_heart(evidence) is None
    assert checks.orientation_as_stated(evidence) is None


@pytest.mark.parametrize(
    ("way", "axes"),
    [
        ((1, 1, -1), "left and right exchanged"),
        ((1, -1, -1), "front and back and left and right exchanged"),
        ((-1, 1, 1), "head and foot exchanged"),
    ],
)
def test_a_reversed_heart_is_named(way: tuple[int, int, int], axes: str) -> None:
    finding = checks.orientation_as_stated(in_mean_heart(way))
    assert severity(finding) == "review"
    assert finding is not None
    assert axes in finding.seen


def test_what_looks_like_nothing_is_doubted() -> None:
    noise = np.random.default_rng(0).uniform(10, 100, atrium().shape).astype(np.float32)
    finding = checks.looks_like_heart(evidence_of(noise))
    assert severity(finding) == "review"


def test_likeness_needs_a_field_of_view() -> None:
    narrow = Heart(GeometricHeart(noise=5).voxels()[:, 80:96, 90:110], atrium()[:, 80:96, 90:110], SPACING_MM)
    assert np.isnan(likeness(narrow)[AS_IT_IS])
    assert severity(checks.looks_like_heart(Evidence(narrow))) == "review"
    assert checks.orientation_as_stated(Evidence(narrow)) is None


@pytest.mark.parametrize(("novelty", "expected"), [(1.0, None), (1.5, "review"), (2.5, "refused")])
def test_novelty(novelty: float, expected: str | None) -> None:
    limits = NoveltyLimits(review=1.2, refuse=2.0, set_from="a test")
    found = check_novelty(np.array([0.1, novelty, 9.0], np.float32), limits, ())
    assert [finding.severity for finding in found] == ([expected] if expected else [])
    assert check_novelty(None, limits, ()) == ()
    assert check_novelty(np.array([9.0], np.float32), None, ()) == ()


@pytest.mark.parametrize(
    ("doubts", "expected"),
    [
        ((), "review"),
        (("looks_like_heart", "orientation_as_stated"), "review"),
        (("atrium_height", "atrium_volume"), "review"),
        (("atrium_height", "looks_like_heart"), "refused"),
        (("looks_like_heart", "detector_is_sure"), "refused"),
    ],
)
def test_doubtful_novelty_refuses_with_doubts_of_atrium_and_surroundings(
    doubts: tuple[str, ...], expected: str
) -> None:
    limits = NoveltyLimits(review=1.2, refuse=2.0, set_from="a test")
    others = [Finding(check=check, severity="review", seen="Odd.", remedy="Look.") for check in doubts]
    [found] = check_novelty(np.array([1.5], np.float32), limits, others)
    assert found.severity == expected
    assert check_novelty(np.array([1.0], np.float32), limits, others) == ()


@pytest.mark.parametrize(
    ("attributes", "quality", "seen"),
    [
        ((0.9, 0.21, 0.9), 0.7, None),
        ((0.9, 0.19, 0.9), 0.7, "diagnostic, and the probability of a good score says otherwise: sharpness .19."),
        ((0.1, 0.5, 0.05), 0.7, "myocardium nulling .10, enhancement of aorta and valve .05."),
        ((0.1, 0.1, 0.1), 0.3, None),
        ((0.9, 0.79, 0.9), 0.3, None),
        (
            (0.9, 0.81, 0.95),
            0.3,
            "non-diagnostic, and the probability of a good score says otherwise: myocardium nulling .90, sharpness",
        ),
        ((0.9, 0.9, 0.9), 0.5, None),
    ],
)
def test_verdict_fits_attributes(attributes: tuple[float, float, float], quality: float, seen: str | None) -> None:
    shares: dict[str, Any] = dict(zip((f"p_{name}" for name in SCALE_NAMES), (*attributes, quality), strict=True))
    verdict = "diagnostic" if quality >= 0.5 else "non-diagnostic"
    found = check_consistency(assessed(**shares, verdict=verdict))
    assert [finding.severity for finding in found] == (["review"] if seen else [])
    assert all(finding.check == "verdict_fits_attributes" and str(seen) in finding.seen for finding in found)


def test_refusals_come_first() -> None:
    make = partial(Finding, seen="Seen.", remedy="Do.")
    doubt, refusal = make(check="a", severity="review"), make(check="b", severity="refused")
    assert in_order([doubt, refusal]) == (refusal, doubt)
    assert refused([doubt, refusal])
    assert not refused([doubt])


def test_every_check_names_itself_and_a_remedy() -> None:
    voxels = GeometricHeart().voxels()
    voxels[10:20] = 0
    cut = Heart(voxels, block(slice(0, 40), 150), SPACING_MM)
    found = check_scan(cut, np.full(voxels.shape, 0.5, np.float32))
    assert len(found) >= 6
    names = {check.__name__ for check in CHECKS}
    assert {finding.check for finding in found} <= names
    assert all(finding.seen.endswith(".") and finding.remedy.endswith(".") for finding in found)


def test_check_scan_leaves_its_input_alone() -> None:
    evidence = evidence_of()
    before = replace(evidence).heart.voxels.copy()
    check_scan(evidence.heart)
    np.testing.assert_array_equal(evidence.heart.voxels, before)
