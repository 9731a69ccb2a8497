"""Phantoms as they are imaged."""

import numpy as np
import pytest
from scipy import ndimage

from lgeqa.measures import Heart, compute_measures, reference_scans
from lgeqa.records import FloatArray
from lgeqa.simulation.acquisition import Acquisition, acquire, draw_acquisition
from lgeqa.simulation.phantom import Phantom, build_phantom, draw_phantom
from lgeqa.simulation.tissue import Tissue
from tests.factories.heart import scan_of

CLEAN = Acquisition(noise=0, resolution_mm=1.25)


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return build_phantom(draw_phantom(np.random.default_rng(0), "cropped", slices=16, spacing_mm=(5, 1.25, 1.25)))


def changed(**changes: object) -> Acquisition:
    return CLEAN.model_copy(update=changes)


def blood_of(phantom: Phantom, acquisition: Acquisition) -> FloatArray:
    blood: FloatArray = acquire(phantom, acquisition)[ndimage.binary_erosion(phantom.atrium, iterations=2)]
    return blood


def test_blood_has_the_level_and_the_noise_that_were_asked_for(phantom: Phantom) -> None:
    assert np.median(blood_of(phantom, changed(blood_level=40))) == pytest.approx(40, rel=0.03)
    noise = blood_of(phantom, changed(noise=0.1, seed=1)) - blood_of(phantom, CLEAN)
    assert noise.std() == pytest.approx(0.1 * CLEAN.blood_level, rel=0.05)


def test_coarser_resolution_widens_edges(phantom: Phantom) -> None:
    def edge_width(acquisition: Acquisition) -> float:
        voxels = acquire(phantom, acquisition)
        measures = compute_measures(
            scan_of(voxels, phantom.spacing_mm), Heart(voxels, phantom.atrium, phantom.spacing_mm)
        )
        return measures.values["edge_width_mm"] or 0

    assert edge_width(changed(resolution_mm=3.0)) > 1.3 * edge_width(CLEAN)


def test_inversion_off_null_brightens_myocardium(phantom: Phantom) -> None:
    myocardium = phantom.labels == Tissue.MYOCARDIUM
    levels = [np.median(acquire(phantom, changed(inversion_over_null=late))[myocardium]) for late in (1, 1.2, 1.4)]
    assert levels[0] < levels[1] < levels[2]


@pytest.mark.parametrize(
    ("name", "tissue"),
    [("aortic_wall_t1_ms", Tissue.AORTIC_WALL), ("fibrosis_t1_ms", Tissue.FIBROSIS), ("valve_t1_ms", Tissue.VALVE)],
)
def test_short_t1_brightens_its_tissue_alone(phantom: Phantom, name: str, tissue: Tissue) -> None:
    fine = changed(resolution_mm=0.5)
    difference = acquire(phantom, fine.model_copy(update={name: 180})) - acquire(phantom, fine)
    assert difference[phantom.labels == tissue].mean() > 5
    far = ~ndimage.binary_dilation((phantom.labels == tissue) | (phantom.beneath == tissue), iterations=6)
    assert np.abs(difference[far]).max() < 2


def test_coil_makes_one_side_brighter(phantom: Phantom) -> None:
    ratio = acquire(phantom, changed(coil=(0, 0, 0.5)))[:, :, -5:].mean() / acquire(phantom, CLEAN)[:, :, -5:].mean()
    other = acquire(phantom, changed(coil=(0, 0, 0.5)))[:, :, :5].mean() / acquire(phantom, CLEAN)[:, :, :5].mean()
    assert ratio / other == pytest.approx(np.exp(0.5), rel=0.1)


def test_drawn_once_and_imaged_any_number_of_times(phantom: Phantom) -> None:
    acquisition = draw_acquisition(np.random.default_rng(2))
    assert acquisition == draw_acquisition(np.random.default_rng(2)) != draw_acquisition(np.random.default_rng(3))
    again = Acquisition.model_validate_json(acquisition.model_dump_json())
    np.testing.assert_array_equal(acquire(phantom, acquisition), acquire(phantom, again))


@pytest.mark.slow
def test_measures_of_phantoms_are_among_those_of_real_scans() -> None:
    """The median over a few phantoms lies between the 5 % and the 95 % of real scans, for what scores follow from."""
    quantiles, shares = reference_scans().quantiles, reference_scans().shares
    taken = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        phantom = build_phantom(draw_phantom(rng, "cropped", spacing_mm=(2.5, 1.25, 1.25)))
        voxels = acquire(phantom, draw_acquisition(rng))
        heart = Heart(voxels, phantom.atrium, phantom.spacing_mm)
        taken.append(compute_measures(scan_of(voxels, phantom.spacing_mm), heart).values)
    for name in ("wall_cnr", "asnr", "edge_width_mm", "nulling_ratio", "aortic_wall_contrast", "noise_percent"):
        low, high = (quantiles[name][shares.index(share)] for share in (0.05, 0.95))
        assert low < np.median([values[name] for values in taken]) < high, name
