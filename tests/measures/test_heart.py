"""The anatomy on its two grids."""

import numpy as np
import pytest

from lgeqa.measures import Heart
from lgeqa.measures.distance import tight_box
from lgeqa.preprocessing.resampling import resample
from tests.factories.heart import SPACING_MM, GeometricHeart, atrium

REGIONS = {
    "nothing": (slice(0), slice(0), slice(0)),
    "a voxel": (slice(3, 4), slice(7, 8), slice(9, 10)),
    "a corner": (slice(0, 2), slice(0, 5), slice(-3, None)),
    "a block": (slice(2, 5), slice(20, 41), slice(13, 30)),
    "everything": (slice(None),) * 3,
}


@pytest.mark.parametrize("region", REGIONS)
def test_share_in_coarse_pixels_is_that_of_the_whole_mask_resampled(region: str) -> None:
    heart = Heart(GeometricHeart().voxels(), atrium(), SPACING_MM)
    mask = np.zeros(heart.atrium.shape, bool)
    mask[REGIONS[region]] = True

    whole = resample(mask.astype(np.float32), *heart._coarse_weights)

    np.testing.assert_allclose(heart._coarse_share(mask), whole, atol=1e-6)


@pytest.mark.parametrize("region", REGIONS)
def test_tight_box_holds_a_mask_and_no_more(region: str) -> None:
    mask = np.zeros((9, 50, 40), bool)
    mask[REGIONS[region]] = True

    box = mask[tight_box(mask)]

    assert box.all()
    assert box.sum() == mask.sum()
