"""The grey levels of air and blood: their values, and what must not move them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from lgeqa.cohort import read_cohort
from lgeqa.errors import NotAssessableError
from lgeqa.preprocessing import IntensityReference, intensity_reference
from lgeqa.records import BoolArray, FloatArray
from lgeqa.training.case_reading import read_case

SPACING_MM = (2.5, 1.0, 1.25)
Export = Callable[[FloatArray, BoolArray], tuple[FloatArray, BoolArray]]


def scan() -> tuple[FloatArray, BoolArray]:
    """Blood of 200 with a noise of 10 in a ball of 20 mm, lung of 5 on one side of it, tissue of 80 else."""
    rng = np.random.default_rng(0)
    z, y, x = np.ogrid[:24, :90, :80]
    atrium = ((z - 12) * 2.5) ** 2 + (y - 40.0) ** 2 + (1.25 * (x - 40)) ** 2 < 20**2
    voxels = np.where(atrium, 200.0, 80.0) + rng.normal(0, 10, atrium.shape)
    voxels[:, 64:70, 20:60] = rng.uniform(0, 10, (24, 6, 40))
    return voxels.astype(np.float32), atrium


def test_values_are_those_of_the_tissues() -> None:
    reference = intensity_reference(*scan(), SPACING_MM)
    assert reference.blood == pytest.approx(200, abs=0.5)
    assert 0 <= reference.air < 5


def test_signal_is_0_in_air_and_1_in_blood() -> None:
    signal = IntensityReference(20.0, 120.0).signal(np.array([20, 70, 120, 320], np.float32))
    np.testing.assert_allclose(signal, [0, 0.5, 1, 3])


def test_the_rim_of_the_mask_does_not_count() -> None:
    voxels, atrium = scan()
    core = ndimage.binary_erosion(atrium, np.ones((1, 3, 3)))
    voxels[atrium & ~core] = 140  # blood and wall, mixed
    assert intensity_reference(voxels, atrium, SPACING_MM).blood == pytest.approx(200, abs=1)


def test_blood_level_moves_continuously_with_brighter_voxels() -> None:
    voxels, atrium = scan()
    voxels[atrium] = 18
    places = np.random.default_rng(1).permutation(np.flatnonzero(atrium))
    levels = []
    for share in np.linspace(0.3, 0.7, 41):
        whole = voxels.copy()
        whole.ravel()[places[: round(share * len(places))]] = 19
        levels.append(intensity_reference(whole, atrium, SPACING_MM).blood)
    assert levels[0] < 18.2
    assert levels[-1] > 18.8
    assert np.diff(levels).max() < 0.05


def test_a_mask_of_one_voxel_has_a_level() -> None:
    voxels, atrium = scan()
    single = np.zeros_like(atrium)
    single[12, 40, 40] = True
    assert intensity_reference(voxels, single, SPACING_MM).blood == pytest.approx(voxels[12, 40, 40])


def test_a_dark_blood_pool_is_refused() -> None:
    voxels, atrium = scan()
    voxels[atrium] = 0
    with pytest.raises(NotAssessableError, match=r"The blood pool \(0\) is as dark as the darkest voxels near it \(0"):
        intensity_reference(voxels, atrium, SPACING_MM)


def test_a_mask_in_the_padding_is_refused() -> None:
    voxels, atrium = scan()
    padded = np.pad(voxels, ((0, 0), (0, 90), (0, 0)))
    with pytest.raises(NotAssessableError, match="No voxel of the atrium's mask is in the image"):
        intensity_reference(padded, np.concatenate([np.zeros_like(atrium), atrium], axis=1), SPACING_MM)


def _with(place: tuple[int, int, int], level: float) -> Export:
    def export(voxels: FloatArray, atrium: BoolArray) -> tuple[FloatArray, BoolArray]:
        changed = voxels.copy()
        changed[place] = level
        return changed, atrium

    return export


def _padded(level: float, rows: tuple[int, int], columns: tuple[int, int]) -> Export:
    def export(voxels: FloatArray, atrium: BoolArray) -> tuple[FloatArray, BoolArray]:
        sides = ((0, 0), rows, columns)
        return np.pad(voxels, sides, constant_values=level), np.pad(atrium, sides)

    return export


def _cropped(voxels: FloatArray, atrium: BoolArray) -> tuple[FloatArray, BoolArray]:
    """Leave 10 mm around the atrium."""
    crop = [slice(None)]
    for axis, mm in ((1, 0.625), (2, 0.625)):
        where = np.flatnonzero(atrium.any(axis=(0, 3 - axis)))
        margin = int(np.ceil(10 / mm))
        crop.append(slice(max(0, where[0] - margin), where[-1] + margin + 1))
    return voxels[tuple(crop)], atrium[tuple(crop)]


IN_PLANE = np.array([[[0, 1, 0], [1, 1, 1], [0, 1, 0]]], bool)
#: Ways to export a scan, and the gain and offset of each.
EXPORTS: dict[str, tuple[Export, float, float]] = {
    "hot voxel": (_with((20, 5, 5), 1e5), 1, 0),
    "dark voxel": (_with((20, 60, 60), -1e5), 1, 0),
    "padding of 0": (_padded(0, (8, 8), (8, 8)), 1, 0),
    "padding of -1000": (_padded(-1000, (8, 8), (8, 8)), 1, 0),
    "uneven padding": (_padded(-1000, (0, 11), (5, 0)), 1, 0),
    "crop": (_cropped, 1, 0),
    "gain": (lambda voxels, atrium: (voxels * np.float32(3.7), atrium), 3.7, 0),
    "offset": (lambda voxels, atrium: (voxels + np.float32(100), atrium), 1, 100),
    "larger mask": (lambda voxels, atrium: (voxels, ndimage.binary_dilation(atrium, IN_PLANE)), 1, 0),
    "smaller mask": (lambda voxels, atrium: (voxels, ndimage.binary_erosion(atrium, IN_PLANE)), 1, 0),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_a_real_scan_keeps_its_levels_however_it_is_exported(name: str, real_folder: Path) -> None:
    export, gain, offset = EXPORTS[name]
    for case in read_cohort(real_folder)[::23]:
        scan, atrium = read_case(case)
        plain = intensity_reference(scan.voxels, atrium, scan.spacing_mm)
        other = intensity_reference(*export(scan.voxels, atrium), scan.spacing_mm)
        step = plain.blood - plain.air
        assert (other.blood - other.air) / gain == pytest.approx(step, rel=0.01), case.scan_id
        assert (other.air - offset) / gain == pytest.approx(plain.air, abs=0.01 * step), case.scan_id


def test_levels_of_a_real_scan_survive_rounding_of_the_spacing(real_folder: Path) -> None:
    scan, atrium = read_case(read_cohort(real_folder)[0])
    plain = intensity_reference(scan.voxels, atrium, scan.spacing_mm)
    z, y, x = (mm * (1 + 1e-6) for mm in scan.spacing_mm)
    assert intensity_reference(scan.voxels, atrium, (z, y, x)) == plain
