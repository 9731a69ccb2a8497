"""The gate on real scans, where they are present: sound ones pass, changed ones do not."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lgeqa.inference.bundle import Bundle, open_bundle
from lgeqa.inference.pipeline import AssessSettings, assess_scan
from lgeqa.io import discover, read_scan
from lgeqa.records import FloatArray, Scan, ScanResult

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return open_bundle(threads=1)


@pytest.fixture(scope="module")
def scans(real_folder: Path) -> list[Scan]:
    """Four scans, spread over the folder."""
    return [read_scan(source) for source in discover([real_folder])[3::18]]


def gate_on(scan: Scan, bundle: Bundle) -> ScanResult:
    return assess_scan(scan, bundle, AssessSettings(measures_only=True)).result


def test_real_scans_are_not_refused(scans: list[Scan], bundle: Bundle) -> None:
    for scan in scans:
        assert [one.check for one in gate_on(scan, bundle).findings if one.severity == "refused"] == []


CHANGES: dict[str, tuple[Callable[[FloatArray], FloatArray], str]] = {
    "inverted": (lambda voxels: voxels.max() - voxels, "blood_brighter_than_lung"),
    "mirrored": (lambda voxels: voxels[:, :, ::-1].copy(), "orientation_as_stated"),
    "turned": (lambda voxels: voxels[:, ::-1, ::-1].copy(), "orientation_as_stated"),
    "labels": (
        lambda voxels: np.digitize(voxels, np.quantile(voxels, (0.3, 0.6, 0.9))).astype(np.float32),
        "grey_scale_of_image",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_scans_are_caught_for_the_right_reason(change: str, scans: list[Scan], bundle: Bundle) -> None:
    make, check = CHANGES[change]
    for scan in scans[:2]:
        assert check in [one.check for one in gate_on(replace(scan, voxels=make(scan.voxels)), bundle).findings]
