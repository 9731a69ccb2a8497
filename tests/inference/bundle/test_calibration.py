"""Maps from a network's probabilities to calibrated ones, and a bundle that has them."""

from pathlib import Path

import numpy as np
import pytest

from lgeqa.errors import BundleError, ConfigError
from lgeqa.inference.bundle import open_bundle
from lgeqa.inference.bundle.build import Description, write_bundle
from lgeqa.inference.bundle.calibration import Calibration, IsotonicMap, LogisticMap, logit
from tests.inference.bundle.test_bundle import ABOUT
from tests.toy import toy_bundle

P = np.array([0.0, 0.1, 0.5, 0.8, 1.0])
DATA = "50 scans of 48 patients; labels: scores of Anna; 2026-11-27."


def calibration(**maps: LogisticMap | IsotonicMap) -> Calibration:
    return Calibration(maps=dict(maps), data=DATA)


def calibrated_bundle(folder: Path, of: Calibration) -> Path:
    """Write the toy bundle with a calibration."""
    toy = toy_bundle(folder / "toy")
    manifest = open_bundle(toy).manifest
    settings = {
        "detector": manifest.detector.model_dump(exclude={"file"}),
        "quality": manifest.quality.model_dump(exclude={"file"}) | {"calibration": of.model_dump()},
    }
    write_bundle(folder / "made", toy / "detector.onnx", toy / "quality.onnx", settings, Description.of(ABOUT))
    return folder / "made"


def test_logistic_map_moves_the_logit() -> None:
    inner = P[1:-1]
    expected = [1 / (1 + np.exp(-(0.5 * np.log(p / (1 - p)) - 1))) for p in inner]
    np.testing.assert_allclose(LogisticMap(slope=0.5, offset=-1).apply(inner), expected)
    np.testing.assert_allclose(LogisticMap(slope=1, offset=0).apply(P), P, atol=2e-6)
    assert np.isfinite(logit(P)).all()


def test_isotonic_map_follows_its_points() -> None:
    rising = IsotonicMap(probabilities=(0.2, 0.6), calibrated=(0.1, 0.9))
    np.testing.assert_allclose(rising.apply(np.array([0.0, 0.2, 0.4, 0.6, 1.0])), [0.1, 0.1, 0.5, 0.9, 0.9])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "isotonic", "probabilities": [0.5, 0.5], "calibrated": [0.1, 0.2]}, "must rise"),
        ({"kind": "isotonic", "probabilities": [0.1, 0.5], "calibrated": [0.3, 0.2]}, "must rise"),
        ({"kind": "isotonic", "probabilities": [0.1], "calibrated": [0.3, 0.2]}, "1 probabilities have 2"),
        ({"kind": "logistic", "slope": -1, "offset": 0}, "greater than 0"),
    ],
)
def test_maps_that_do_not_rise_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Calibration.of({"maps": {"quality": values}, "data": DATA})


def test_unknown_scales_are_refused() -> None:
    with pytest.raises(ConfigError, match="contrast is not a scale"):
        Calibration.of({"maps": {"contrast": {"kind": "logistic", "slope": 1, "offset": 0}}, "data": DATA})


def test_only_calibrated_scales_change() -> None:
    before = np.random.default_rng(0).uniform(0, 1, (6, 4)).astype(np.float32)
    kept = before.copy()
    after = calibration(sharpness=LogisticMap(slope=2, offset=1)).apply(before)
    assert np.array_equal(before, kept)
    assert after.dtype == np.float32
    assert np.array_equal(after[:, [0, 2, 3]], before[:, [0, 2, 3]])
    assert (after[:, 1] != before[:, 1]).all()


def test_bundle_gives_calibrated_probabilities(tmp_path: Path) -> None:
    lower = LogisticMap(slope=1, offset=-2)
    folder = calibrated_bundle(tmp_path, calibration(quality=lower))
    slices = np.random.default_rng(0).uniform(0, 2, (5, 128, 128)).astype(np.float32)
    before = open_bundle(tmp_path / "toy").score(slices)
    after = open_bundle(folder).score(slices)
    np.testing.assert_allclose(after.probabilities[:, 3], lower.apply(before.probabilities[:, 3].astype(float)), 1e-5)
    assert np.array_equal(after.probabilities[:, :3], before.probabilities[:, :3])
    assert f"| calibrated on | {DATA} |" in (folder / "MODEL_CARD.md").read_text()


def test_altered_calibration_is_refused(tmp_path: Path) -> None:
    folder = calibrated_bundle(tmp_path, calibration(quality=LogisticMap(slope=1, offset=-2)))
    path = folder / "bundle.json"
    path.write_text(path.read_text().replace('"offset": -2.0', '"offset": 2.0'))
    with pytest.raises(BundleError, match="were altered after it was written"):
        open_bundle(folder)


def test_isotonic_map_may_be_level() -> None:
    level = IsotonicMap(probabilities=(0.2, 0.6), calibrated=(0.5, 0.5))
    assert level.apply(P).tolist() == [0.5] * 5
