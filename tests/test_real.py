"""The bundle in the package on real scans, where they are present."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lgeqa
from lgeqa.attributes import NAMES
from lgeqa.bundle import open_bundle
from lgeqa.cohort import Case, read_cohort
from lgeqa.evaluate.detection import SliceCounts, count_slices, dice
from lgeqa.pipeline import AssessSettings, assess_scan, assess_source
from lgeqa.read import Source
from lgeqa.simulate.faults import apply_faults, draw_faults
from lgeqa.simulate.scores import Scores
from lgeqa.train.cases import read_case
from tests.images import write_dicom_series, write_volume

#: Patients that no network of the default bundle learnt from; see docs/results.
KEPT_OUT = ("lge-001", "lge-022", "lge-040", "lge-062")


@pytest.fixture(scope="module")
def cases(real_folder: Path) -> list[Case]:
    return [case for case in read_cohort(real_folder) if case.scan_id in KEPT_OUT]


def test_the_atrium_of_kept_out_patients_is_found(cases: list[Case]) -> None:
    bundle = open_bundle()
    counts = SliceCounts()
    for case in cases:
        scan, truth = read_case(case)
        source = Source(case.scan_id, "volume", case.image, (case.image,))
        found = assess_source(source, bundle, AssessSettings()).atrium
        assert found.shape == scan.voxels.shape
        assert dice(found, truth) > 0.8, case.scan_id
        counts += count_slices(found, truth)
    assert counts.f1 > 0.9


@pytest.mark.parametrize("scale", NAMES)
def test_a_fault_alone_lowers_the_scale_that_it_is_tied_to(cases: list[Case], scale: str) -> None:
    """Mean over kept-out patients, 1 against 5. Scores go together in the cohort, so one alone does little."""
    bundle = open_bundle()
    falls = []
    for case in cases:
        scan, atrium = read_case(case)
        found = []
        for score in (1.0, 5.0):
            faults = draw_faults(np.random.default_rng(0), Scores.of(dict.fromkeys(NAMES, 5.0) | {scale: score}))
            worse = replace(scan, voxels=apply_faults(scan.voxels, atrium, scan.spacing_mm, faults))
            result = assess_scan(worse, bundle, AssessSettings(force=True), supplied=atrium).result
            found.append(getattr(result, f"p_{scale}"))
        falls.append(found[1] - found[0])
    assert np.mean(falls) > 0.1


@pytest.mark.parametrize("axes", ["LPS", "RAS", "LPI", "SLP"])
def test_one_real_scan_in_every_format_gives_one_verdict(cases: list[Case], axes: str, tmp_path: Path) -> None:
    scan, _ = read_case(cases[0])
    plain = lgeqa.assess(cases[0].image)
    voxels = scan.voxels.astype(np.int16)
    paths = [
        write_volume(tmp_path / f"a{suffix}", voxels, spacing_mm=scan.spacing_mm, axes=axes)
        for suffix in (".nrrd", ".nii", ".nii.gz", ".mha")
    ]
    if axes != "SLP":  # the files of a series run along its third axis, which must be the slices'
        write_dicom_series(tmp_path / "dicom", voxels, spacing_mm=scan.spacing_mm, axes=axes)
        paths.append(tmp_path / "dicom")
    for path in paths:
        found = lgeqa.assess(path)
        assert found.verdict == plain.verdict
        assert found.probability == pytest.approx(plain.probability, abs=1e-3)
