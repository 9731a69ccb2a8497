"""The same faults on a phantom, where each tissue can be measured by its label."""

import numpy as np
import pytest

from lgeqa.attributes import NAMES
from lgeqa.simulate.faults import apply_faults_to_phantom, draw_faults
from lgeqa.simulate.faults.on_phantom import wall_t1_ms
from lgeqa.simulate.phantom import Phantom, build_phantom, draw_phantom
from lgeqa.simulate.scores import Scores
from lgeqa.simulate.tissue import PROPERTIES, Tissue


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return build_phantom(draw_phantom(np.random.default_rng(2), "cropped", slices=22, spacing_mm=(5, 1.25, 1.25)))


def level_over_blood(phantom: Phantom, tissue: Tissue, **scores: float) -> float:
    drawn = draw_faults(np.random.default_rng(0), Scores(**(dict.fromkeys(NAMES, 5.0) | scores)))
    made = apply_faults_to_phantom(phantom, drawn)
    sure = phantom.share > 0.9
    return float(np.median(made[(phantom.labels == tissue) & sure]) / np.median(made[phantom.atrium & sure]))


def test_myocardium_brightens_as_nulling_fails(phantom: Phantom) -> None:
    ratios = [level_over_blood(phantom, Tissue.MYOCARDIUM, myocardium_nulling=score) for score in range(1, 6)]
    assert ratios[0] > 1
    assert ratios[4] < 0.15
    assert np.all(np.diff(ratios) < 0)


@pytest.mark.parametrize("tissue", [Tissue.AORTIC_WALL, Tissue.VALVE])
def test_walls_brighten_as_they_enhance(phantom: Phantom, tissue: Tissue) -> None:
    ratios = [level_over_blood(phantom, tissue, enhancement=score) for score in range(1, 6)]
    assert ratios[0] < 0.8
    assert ratios[4] > 1.3
    assert np.all(np.diff(ratios) > 0)


def test_fibrosis_loses_its_contrast_with_quality(phantom: Phantom) -> None:
    drawn = [
        draw_faults(np.random.default_rng(0), Scores(**(dict.fromkeys(NAMES, 5.0) | {"quality": score})))
        for score in range(1, 6)
    ]
    t1_ms = [wall_t1_ms(faults) for faults in drawn]
    assert np.all(np.diff([t1[Tissue.FIBROSIS] for t1 in t1_ms]) < 0)
    assert len({t1[Tissue.AORTIC_WALL] for t1 in t1_ms}) == 1


def test_an_unenhanced_wall_is_like_muscle() -> None:
    faults = draw_faults(np.random.default_rng(0), Scores(**dict.fromkeys(NAMES, 1.0)))
    none = faults.enhancement.model_copy(update={"wall_over_blood": 0.0})
    t1_ms = wall_t1_ms(faults.model_copy(update={"enhancement": none}))
    assert t1_ms[Tissue.AORTIC_WALL] == pytest.approx(PROPERTIES[Tissue.MYOCARDIUM].t1_ms)


def test_noise_follows_the_score(phantom: Phantom) -> None:
    """The background of the phantom is noise alone: its mean rises as quality falls."""
    lung = phantom.labels == Tissue.AIR
    if not lung.any():
        lung = phantom.labels == Tissue.LUNG
    levels = []
    for score in range(1, 6):
        drawn = draw_faults(np.random.default_rng(0), Scores(**(dict.fromkeys(NAMES, 5.0) | {"quality": score})))
        levels.append(apply_faults_to_phantom(phantom, drawn)[lung].mean())
    assert np.all(np.diff(levels) < 0)
