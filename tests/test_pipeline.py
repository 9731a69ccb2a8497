"""One scan from its files to its result: the same in every format, with the bundle in the package."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import lgeqa
from lgeqa.bundle import Bundle, open_bundle
from lgeqa.pipeline import AssessSettings, assess_scan, find_atrium
from lgeqa.read import discover, read_scan
from lgeqa.records import ScanResult
from lgeqa.simulate.phantom import build_phantom, draw_phantom, render
from lgeqa.simulate.signal import Sequence
from tests.images import write_dicom_series, write_volume
from tests.toy import SLOPES, toy_bundle, toy_scan

SPACING_MM = (2.5, 1.25, 1.25)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """The bundle in the package."""
    return open_bundle()


@pytest.fixture(scope="module")
def voxels() -> npt.NDArray[np.int16]:
    """A phantom with some noise."""
    rng = np.random.default_rng(11)
    signal = render(build_phantom(draw_phantom(rng, "cropped")), Sequence(inversion_time_ms=300))
    return np.hypot(*(part + rng.normal(0, 5, signal.shape) for part in (signal, 0 * signal))).astype(np.int16)


@pytest.fixture(scope="module")
def plain(voxels: npt.NDArray[np.int16], bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> ScanResult:
    path = write_volume(tmp_path_factory.mktemp("plain") / "a.nrrd", voxels, spacing_mm=SPACING_MM)
    return lgeqa.assess(path, bundle=bundle)


def same(found: ScanResult, plain: ScanResult) -> None:
    assert found.verdict == plain.verdict
    assert (found.votes_diagnostic, found.votes_total) == (plain.votes_diagnostic, plain.votes_total)
    assert found.probability == pytest.approx(plain.probability, abs=1e-3)
    assert [one.position_mm for one in found.slices] == pytest.approx([one.position_mm for one in plain.slices])


@pytest.mark.parametrize("axes", ["LPS", "RAS", "SLP", "PIR"])
@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz", ".mha"])
def test_formats_and_axis_orders_give_one_verdict(
    suffix: str, axes: str, voxels: npt.NDArray[np.int16], plain: ScanResult, bundle: Bundle, tmp_path: Path
) -> None:
    path = write_volume(tmp_path / f"a{suffix}", voxels, spacing_mm=SPACING_MM, axes=axes)
    same(lgeqa.assess(path, bundle=bundle), plain)


@pytest.mark.parametrize("axes", ["LPS", "LPI", "RAS"])
def test_dicom_gives_the_same_verdict(
    axes: str, voxels: npt.NDArray[np.int16], plain: ScanResult, bundle: Bundle, tmp_path: Path
) -> None:
    write_dicom_series(tmp_path, voxels, spacing_mm=SPACING_MM, axes=axes)
    same(lgeqa.assess(tmp_path, bundle=bundle), plain)


def test_slices_are_counted_in_the_files_own_order(
    voxels: npt.NDArray[np.int16], bundle: Bundle, tmp_path: Path
) -> None:
    up = lgeqa.assess(write_volume(tmp_path / "u.nrrd", voxels, spacing_mm=SPACING_MM), bundle=bundle)
    down = lgeqa.assess(write_volume(tmp_path / "d.nrrd", voxels, spacing_mm=SPACING_MM, axes="LPI"), bundle=bundle)
    assert up.first_slice is not None
    assert [43 - one.index for one in down.slices] == [one.index for one in up.slices]
    assert (down.first_slice, down.last_slice) == (43 - (up.last_slice or 0), 43 - up.first_slice)


def test_the_record_adds_up(plain: ScanResult, bundle: Bundle) -> None:
    quality = np.array([one.p_quality for one in plain.slices])
    assert plain.n_slices == plain.votes_total == len(plain.slices)
    assert plain.votes_diagnostic == (quality >= bundle.manifest.threshold).sum()
    assert plain.probability == plain.p_quality == pytest.approx(quality.mean(), abs=1e-6)
    assert plain.p_sharpness == pytest.approx(np.mean([one.p_sharpness for one in plain.slices]), abs=1e-6)
    assert plain.bundle == bundle.stamp
    assert all(one.atrium_area_mm2 > 0 for one in plain.slices)
    assert ScanResult.model_validate_json(plain.model_dump_json()) == plain


def test_the_scan_is_left_as_it_was(tmp_path: Path) -> None:
    bundle = open_bundle(toy_bundle(tmp_path / "toy"))
    [source] = discover([toy_scan(tmp_path / "scan.nrrd")])
    scan = read_scan(source)
    before = scan.voxels.copy()
    atrium = find_atrium(scan, bundle)
    given = assess_scan(scan, bundle, AssessSettings(), supplied=atrium).result
    assert given.mask_source == "supplied"
    assert given.slices == assess_scan(scan, bundle, AssessSettings()).result.slices
    np.testing.assert_array_equal(scan.voxels, before)


def test_maps_come_in_the_order_of_the_results_slices(tmp_path: Path) -> None:
    [source] = discover([toy_scan(tmp_path / "scan.nrrd")])
    scan = read_scan(source)
    bundle = open_bundle(toy_bundle(tmp_path / "explaining", maps=SLOPES))
    plain = assess_scan(scan, open_bundle(toy_bundle(tmp_path / "plain")), AssessSettings())

    found = assess_scan(scan, bundle, AssessSettings())

    assert plain.maps is None
    assert found.result.slices == plain.result.slices
    assert found.maps is not None
    assert found.maps.shape == (len(found.result.slices), 4, 4, 4)
    quality = np.array([one.p_quality for one in found.result.slices])
    assert np.ptp(quality) > 0.05
    # The toy's maps add up to the logit but for the bias of quality.
    np.testing.assert_allclose(1 / (1 + np.exp(1 - found.maps[:, 3].sum(axis=(1, 2)))), quality, atol=1e-4)
