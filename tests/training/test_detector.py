"""What the detector learns from, and what it starts with."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lgeqa.cohort import Case, read_cohort
from lgeqa.preprocessing import prepare_for_detector
from lgeqa.records import BoolArray, FloatArray
from lgeqa.scales import SCALE_NAMES
from lgeqa.simulation.artefacts import BY_NAME, Artefact
from lgeqa.training import detector
from lgeqa.training.case_reading import read_case
from lgeqa.training.detector import (
    DetectorConfig,
    _centred,
    detector_store,
    draw_heavy_artefacts,
    train_detector,
    validation_copies,
)
from lgeqa.training.networks import Detector
from lgeqa.training.slice_store import SliceDataset
from lgeqa.training.strategies import DetectorRecipe
from tests.factories.cohorts import write_phantoms

SMALL: dict[str, Any] = {"canvas": 64, "window": 48, "degraded": 0, "composites": 0, "phantoms": 1, "width": 4}


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Case]:
    folder = tmp_path_factory.mktemp("cohort")
    write_phantoms(folder, n=1)
    return read_cohort(folder)


def config(**changes: Any) -> DetectorConfig:
    return DetectorConfig.of(SMALL | changes)


def scans_of(store: SliceDataset) -> list[np.ndarray]:
    """The slices of each scan in a store."""
    return [np.array(store.slices[store.owner == number]) for number in range(len(store.labels))]


@pytest.mark.parametrize("canvas", [64, 200])
def test_scan_and_mask_are_stored_in_the_form_of_the_network(
    cases: Sequence[Case], tmp_path: Path, canvas: int
) -> None:
    store = detector_store(cases, config(canvas=canvas), tmp_path)
    scan, atrium = read_case(cases[0])
    prepared, grid = prepare_for_detector(scan.voxels, scan.spacing_mm, config().preparation)
    side = min(canvas, *grid.shape)
    assert store.slices.shape == (len(atrium), canvas, canvas)
    inner = (slice(None), slice((canvas - side) // 2, (canvas + side) // 2), slice((canvas - side) // 2, None))
    rows, columns = ((n - side) // 2 for n in grid.shape)
    cut = prepared[:, rows : rows + side, columns : columns + side]
    np.testing.assert_allclose(store.slices[inner][:, :, :side], cut, atol=0.01)
    if canvas > side:
        np.testing.assert_allclose(store.slices[:, 0], prepared.min(), rtol=1e-3)
        assert not store.masks[:, 0].any()
    assert (store.masks.any(axis=(1, 2)) == atrium.any(axis=(1, 2))).mean() > 0.9
    area = store.masks.sum() * grid.pixel_mm**2
    assert area == pytest.approx(atrium.sum() * scan.spacing_mm[1] * scan.spacing_mm[2], rel=0.05)
    assert np.isnan(store.labels).all()


def test_odd_slices_are_padded_and_cut_evenly() -> None:
    field = np.arange(1, 16).reshape(1, 3, 5)
    assert _centred(field, 4, 0)[0].tolist() == [[1, 2, 3, 4], [6, 7, 8, 9], [11, 12, 13, 14], [0, 0, 0, 0]]
    assert _centred(field, 1, 0).tolist() == [[[8]]]


@pytest.mark.slow
def test_copies_have_heavy_artefacts_and_any_in_turn(
    cases: Sequence[Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied: list[Sequence[Artefact]] = []

    def worsen(voxels: FloatArray, _: BoolArray, __: tuple[float, ...], artefacts: Sequence[Artefact]) -> FloatArray:
        """Stand in for real artefacts, which take long on a whole thorax."""
        applied.append(artefacts)
        turned: FloatArray = voxels.mean() - voxels
        return turned

    monkeypatch.setattr("lgeqa.training.detector.apply_artefacts", worsen)
    monkeypatch.setattr("lgeqa.training.detector.draw_artefacts", lambda _: ())
    store = detector_store(cases, config(degraded=2, composites=3, canvas=128), tmp_path)
    plain, heavy, other, thorax, *_ = found = scans_of(store)
    assert len(found) == 1 + 2 + 3
    assert [len(artefacts) for artefacts in applied] == [4, 0, 4, 0]  # the first copy in a thorax has no artefacts
    assert np.abs(heavy - plain).mean() > 0.05
    assert np.abs(other - plain).mean() > 0.05
    masks = [store.masks[store.owner == number] for number in range(6)]
    np.testing.assert_array_equal(masks[0], masks[1])
    assert (thorax[:, 64, 20] > thorax.min()).any()  # the body goes on where the scan itself was cut
    assert masks[3].any()


def test_heavy_artefacts_are_on_every_scale_and_heavy() -> None:
    rng = np.random.default_rng(0)
    seen: set[str] = set()
    for _ in range(40):
        artefacts = draw_heavy_artefacts(rng)
        assert [BY_NAME[artefact.mechanism].scale for artefact in artefacts] == list(SCALE_NAMES)
        seen |= {artefact.mechanism for artefact in artefacts}
        for artefact in artefacts:
            mechanism = BY_NAME[artefact.mechanism]
            assert mechanism.at(0.5) <= artefact.severity <= mechanism.heaviest
            assert not mechanism.improves
    assert len(seen) > 20


def test_copies_follow_the_seed_and_changes_rebuild_the_store(cases: Sequence[Case], tmp_path: Path) -> None:
    first = detector_store(cases, config(degraded=1), tmp_path / "one")
    again = detector_store(cases, config(degraded=1), tmp_path / "two")
    np.testing.assert_array_equal(first.slices, again.slices)
    kept = np.array(first.slices)
    other = detector_store(cases, config(degraded=1, loop={"seed": 1}), tmp_path / "one")
    assert np.abs(kept - other.slices).max() > 0.05
    stamp = tmp_path / "one" / "store.json"
    for change in ({"degraded": 0}, {"canvas": 48}, {"preparation": {"pixel_mm": 2.5}}):
        before = stamp.read_text()
        detector_store(cases, config(**{"degraded": 1, "loop": {"seed": 1}} | change), tmp_path / "one")
        assert stamp.read_text() != before


def test_validation_has_two_copies_of_each_kind_or_fewer() -> None:
    few = validation_copies(config(degraded=4, composites=3))
    assert (few.degraded, few.composites) == (2, 2)
    fewer = validation_copies(config(degraded=1, composites=0))
    assert (fewer.degraded, fewer.composites) == (1, 0)
    assert few == config(degraded=2, composites=2)


def test_the_network_starts_from_the_seed_or_from_a_file(
    cases: Sequence[Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[DetectorRecipe] = []
    monkeypatch.setattr(detector, "fit", lambda recipe, *_: seen.append(recipe))
    store = detector_store(cases, config(), tmp_path / "store")
    one, again, other = (
        train_detector(store, store, config(loop={"seed": seed}), tmp_path, quiet=True) for seed in (0, 0, 1)
    )

    def same(first: torch.nn.Module, second: torch.nn.Module) -> bool:
        return all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))

    assert same(one, again)
    assert not same(one, other)
    wide = Detector(4, 3)
    save_file({name: tensor.contiguous() for name, tensor in wide.state_dict().items()}, tmp_path / "w.safetensors")
    settings = config(
        weights=tmp_path / "w.safetensors", preparation={"context_mm": (-5, 0, 5)}, intensity={"noise": 1}
    )
    assert same(train_detector(store, store, settings, tmp_path, quiet=True), wide)
    assert (seen[-1].side, seen[-1].zoom) == (48, 48 / 64)
    assert seen[-1]._intensity.noise == 1
