import pytest
import torch

from lgeqa.training.intensity_augmentation import Intensity, change

ALL = Intensity(probability=1.0, tone=1.0, shading=1.0, noise=0.25)


def slices(n: int = 8) -> torch.Tensor:
    """Seen by the detector: air, tissue and bright blood, in an empty frame at the lowest level."""
    field = torch.full((n, 3, 24, 24), -2.0)
    field[:, :, 4:20, 4:20] = torch.rand(n, 3, 16, 16, generator=torch.Generator().manual_seed(1)) - 1.5
    field[:, :, 8:14, 8:14] += 2.0
    return field


def drawn(intensity: Intensity, seed: int = 0) -> torch.Tensor:
    return change(slices(), intensity, torch.Generator().manual_seed(seed))


def test_nothing_changes_by_default() -> None:
    assert torch.equal(drawn(Intensity()), slices())


def test_only_some_slices_change_reproducibly() -> None:
    some = drawn(ALL.model_copy(update={"probability": 0.5}))
    changed = (some != slices()).flatten(1).any(dim=1)
    assert 0 < changed.sum() < len(some)
    assert torch.equal(some, drawn(ALL.model_copy(update={"probability": 0.5})))
    assert not torch.equal(some, drawn(ALL.model_copy(update={"probability": 0.5}), seed=1))


def test_surroundings_mean_and_spread_stay() -> None:
    held = slices() > -2.0
    found = drawn(ALL)
    assert torch.equal(found[~held], slices()[~held])
    for one, other, inside in zip(found, slices(), held, strict=True):
        assert one[inside].mean().item() == pytest.approx(other[inside].mean().item(), abs=1e-4)
        assert one[inside].std().item() == pytest.approx(other[inside].std().item(), rel=1e-3)


def test_tone_curve_can_darken_blood_and_keeps_ties() -> None:
    found = drawn(Intensity(probability=1.0, tone=1.0))
    blood, tissue = found[:, :, 8:14, 8:14].mean(dim=(1, 2, 3)), found[:, :, 4:8, 4:20].mean(dim=(1, 2, 3))
    assert (blood < tissue).any()
    assert (blood > tissue).any()
    flat = torch.full((2, 1, 8, 8), -1.0)
    flat[:, :, 2:6] = 1.0
    after = change(flat, Intensity(probability=1.0, tone=1.0), torch.Generator().manual_seed(0))
    assert all(len(one[0, 2:6].unique()) == 1 for one in after)


def test_air_stays_the_darkest() -> None:
    found = drawn(Intensity(probability=1.0, tone=1.0))
    darkest = slices()[:, :, 4:20, 4:20].amin(dim=(1, 2, 3))
    at_darkest = found[slices() == darkest[:, None, None, None]]
    assert len(at_darkest) == len(found)
    assert (at_darkest < found[:, :, 4:20, 4:20].mean(dim=(1, 2, 3))).all()


def test_shading_is_a_slope_over_the_slice() -> None:
    flat = torch.full((6, 1, 16, 16), 1.0)
    flat[:, :, 0] = 0.0
    found = change(flat, Intensity(probability=1.0, shading=2.0), torch.Generator().manual_seed(0))
    steps = found[:, 0, 1:].diff(dim=2)
    assert ((steps >= 0).flatten(1).all(dim=1) | (steps <= 0).flatten(1).all(dim=1)).all()
    assert found[:, 0, 8].std(dim=1).min() > 0


def test_noise_differs_between_neighbouring_slices() -> None:
    alike = slices()[:, :1].repeat(1, 3, 1, 1)
    found = change(alike, Intensity(probability=1.0, noise=0.3), torch.Generator().manual_seed(0))
    assert (found[:, 0] - found[:, 1]).abs().max() > 0.1


def test_input_is_left_as_it_was() -> None:
    given = slices()
    change(given, ALL, torch.Generator().manual_seed(0))
    assert torch.equal(given, slices())
