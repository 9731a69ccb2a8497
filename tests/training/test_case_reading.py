"""The atrium on a cohort's scans: from masks, from the detector, or both."""

from pathlib import Path

import numpy as np
import pytest

from lgeqa.cohort import Case, Scores
from lgeqa.cohort.labels import LabelRule
from lgeqa.errors import BundleError
from lgeqa.inference.bundle import Bundle, default_bundle, open_bundle
from lgeqa.preprocessing import QualityPreparation
from lgeqa.training.case_reading import AtriumFrom, needs_detector, open_detector, read_atria
from lgeqa.training.quality import quality_store
from tests.toy import toy_bundle, toy_mask, toy_scan

TRUE = LabelRule(reader="truth")


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return open_bundle(toy_bundle(tmp_path / "bundle"))


@pytest.fixture
def masked(tmp_path: Path) -> Case:
    scores: dict[str, Scores] = {"truth": (5.0, 5.0, 1.0, 5.0)}
    return Case("a", "a", toy_scan(tmp_path / "a.nrrd"), toy_mask(tmp_path / "a-mask.nrrd"), scores)


@pytest.fixture
def unmasked(tmp_path: Path) -> Case:
    return Case("b", "b", toy_scan(tmp_path / "b.nrrd", 1), None, {"truth": (1.0, 1.0, 1.0, 1.0)})


@pytest.fixture
def empty(tmp_path: Path) -> Case:
    return Case("c", "c", toy_scan(tmp_path / "c.nrrd", 2, atrium=False), None, {"truth": (1.0, 1.0, 1.0, 1.0)})


@pytest.mark.parametrize(("origin", "masks"), [("given", 1), ("detected", 1), ("both", 2)])
def test_atrium_comes_from_where_it_is_wanted(masked: Case, bundle: Bundle, origin: AtriumFrom, masks: int) -> None:
    _, atria = read_atria(masked, origin, bundle)
    assert len(atria) == masks
    [given] = read_atria(masked, "given", None)[1]
    assert np.array_equal(atria[0], given) is (origin != "detected")
    # The toy detector finds the bright ball to within a voxel.
    assert 2 * (atria[-1] & given).sum() / (atria[-1].sum() + given.sum()) > 0.9


def test_scan_without_a_mask_needs_the_detector(masked: Case, unmasked: Case, bundle: Bundle) -> None:
    assert needs_detector([masked, unmasked], "given")
    assert not needs_detector([masked], "given")
    assert needs_detector([masked], "both")
    assert len(read_atria(unmasked, "both", bundle)[1]) == 1


def test_slices_of_both_atria_belong_to_one_scan(masked: Case, unmasked: Case, bundle: Bundle, tmp_path: Path) -> None:
    preparation = QualityPreparation(pixels=32)
    stores = {
        origin: quality_store([masked, unmasked], preparation, TRUE, tmp_path / origin, origin, bundle)
        for origin in ("given", "detected", "both")
    }
    counts = {origin: np.bincount(store.owner) for origin, store in stores.items()}
    assert counts["both"][0] == counts["given"][0] + counts["detected"][0]
    assert counts["both"][1] == counts["given"][1] == counts["detected"][1] > 0
    both = stores["both"].slices[: counts["both"][0]]
    parts = np.concatenate([stores[o].slices[: counts[o][0]] for o in ("given", "detected")])
    assert np.array_equal(both, parts)
    assert stores["both"].masks.max() == 1


def test_scan_without_an_atrium_has_no_slice(masked: Case, empty: Case, bundle: Bundle, tmp_path: Path) -> None:
    store = quality_store([masked, empty], QualityPreparation(pixels=32), TRUE, tmp_path, "given", bundle)
    assert store.without_slices == [1]
    assert set(store.owner.tolist()) == {0}


def test_store_is_made_again_for_another_detector(unmasked: Case, bundle: Bundle, tmp_path: Path) -> None:
    def stamp(detector: Bundle) -> str:
        quality_store([unmasked], QualityPreparation(pixels=32), TRUE, tmp_path, "given", detector)
        return (tmp_path / "store.json").read_text()

    first = stamp(bundle)
    part = bundle.manifest.detector
    stricter = part.model_copy(update={"rule": part.rule.model_copy(update={"threshold": 0.6})})
    other = Bundle(bundle.manifest.model_copy(update={"detector": stricter}), bundle.stamp, bundle._files)
    assert stamp(other) != first


def test_detector_of_a_run_or_a_bundle_is_opened(tmp_path: Path) -> None:
    toy_bundle(tmp_path / "run" / "bundle")
    assert open_detector(tmp_path / "run").manifest.name == "toy"
    assert open_detector(tmp_path / "run" / "bundle").manifest.name == "toy"
    assert open_detector(None).manifest == open_bundle(default_bundle()).manifest
    with pytest.raises(BundleError, match=r"absent/bundle/bundle\.json"):
        open_detector(tmp_path / "absent")
