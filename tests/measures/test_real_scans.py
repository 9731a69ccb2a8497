"""Measures on real scans, where they are present: what moves them and what does not."""

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_erosion, gaussian_filter

from lgeqa.io import discover, read_mask, read_scan
from lgeqa.measures import MEASURES, Heart, compute_measures
from lgeqa.records import BoolArray, FloatArray, Scan

Cases = list[tuple[Scan, BoolArray]]


@pytest.fixture(scope="module")
def cases(real_folder: Path) -> Cases:
    """Six scans, spread over the folder."""
    found = []
    for source in discover([real_folder])[::12]:
        scan = read_scan(source)
        assert source.mask_path is not None
        found.append((scan, read_mask(source.mask_path, scan)))
    return found


def values_of(scan: Scan, voxels: FloatArray, mask: BoolArray) -> dict[str, float]:
    measures = compute_measures(scan, Heart(voxels, mask, scan.spacing_mm))
    assert measures.reasons == {}
    return {name: value for name, value in measures.values.items() if value is not None}


def test_every_measure_is_defined_and_the_aorta_is_found(cases: Cases) -> None:
    for scan, mask in cases:
        assert len(values_of(scan, scan.voxels, mask)) == len(MEASURES)
        heart = Heart(scan.voxels, mask, scan.spacing_mm)
        slices = mask.any(axis=(1, 2))
        assert heart.aorta[slices].any(axis=(1, 2)).mean() > 0.4
        assert heart.pools.any()
        # Behind the atrium, and not in it.
        assert np.nonzero(heart.aorta)[1].mean() > np.nonzero(mask)[1].mean()
        assert not (heart.aorta & mask).sum() > 0.05 * heart.aorta.sum()


@pytest.mark.slow
def test_blur_and_noise_move_their_own_measures(cases: Cases) -> None:
    rng = np.random.default_rng(0)
    for scan, mask in cases:
        plain = values_of(scan, scan.voxels, mask)
        blurred = gaussian_filter(scan.voxels, (0, 2.4, 2.4))
        blood = np.median(scan.voxels[mask])
        real, imaginary = rng.normal(0, 0.2 * blood, (2, *scan.voxels.shape))
        noisy = np.hypot(scan.voxels + real, imaginary).astype(np.float32)
        assert values_of(scan, blurred, mask)["edge_width_mm"] > 1.2 * plain["edge_width_mm"]
        worse = values_of(scan, noisy, mask)
        assert worse["noise_percent"] > 1.2 * plain["noise_percent"]
        assert worse["asnr"] < 0.9 * plain["asnr"]


@pytest.mark.slow
@pytest.mark.parametrize("change", [binary_dilation, binary_erosion], ids=["grown", "shrunk"])
def test_a_mask_one_voxel_off_moves_measures_little(change: type, cases: Cases) -> None:
    plus = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)[None]
    moves: dict[str, list[float]] = {}
    for scan, mask in cases:
        plain = values_of(scan, scan.voxels, mask)
        other = values_of(scan, scan.voxels, np.asarray(change(mask, plus)))
        for name, value in plain.items():
            # Most real scans have hardly any dark line: it may move by 2 % of blood.
            scale = 40 if name == "dark_line_percent" else max(abs(value), 1e-9)
            moves.setdefault(name, []).append(abs(other[name] - value) / scale)
    # Shares above a high threshold are small numbers; the volume is that of the mask itself.
    loose = {
        "wall_above_iir_1_61_percent",
        "wall_above_3_3_sd_percent",
        "wall_above_iir_1_20_percent",
        "atrium_volume_ml",
    }
    for name, relative in moves.items():
        assert np.median(relative) < (0.15 if name in loose else 0.05), name
