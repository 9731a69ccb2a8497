"""The bundle in the package on real scans, where they are present.

Its networks learnt from these scans, so that these tests guard the package and are no evidence of how well it judges
others; docs/results has the figures of patients that were kept out.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lgeqa
from lgeqa.cohort import Case, read_cohort
from lgeqa.evaluation.detection import SliceCounts, count_slices, dice
from lgeqa.inference.bundle import Bundle, open_bundle
from lgeqa.inference.pipeline import AssessSettings, assess_scan, assess_source
from lgeqa.io import Source
from lgeqa.records import ScanResult
from lgeqa.scales import SCALE_NAMES
from lgeqa.simulation.artefacts import BY_NAME, Artefact, apply_artefacts
from lgeqa.training.case_reading import read_case
from tests.images import write_dicom_series, write_enhanced_mr, write_volume

pytestmark = pytest.mark.slow

SOME = ("lge-001", "lge-022", "lge-040", "lge-062")
#: Scans whose measured scores are all 3 or more, so that each has somewhere to fall. Three of the others are poor in
#: enhancement as they were acquired.
GOOD = ("lge-002", "lge-015", "lge-037", "lge-060")
FORCED = AssessSettings(force=True)


@pytest.fixture(scope="module")
def cases(real_folder: Path) -> list[Case]:
    return [case for case in read_cohort(real_folder) if case.scan_id in SOME]


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return open_bundle(threads=1)


@pytest.fixture(scope="module")
def as_acquired(real_folder: Path, bundle: Bundle) -> dict[str, ScanResult]:
    """The results of some scans without an added artefact."""
    chosen = [case for case in read_cohort(real_folder) if case.scan_id in SOME + GOOD]
    results = {}
    for case in chosen:
        scan, atrium = read_case(case)
        results[case.scan_id] = assess_scan(scan, bundle, FORCED, supplied=atrium).result
    return results


def test_the_atrium_is_found(cases: list[Case], bundle: Bundle) -> None:
    counts = SliceCounts()
    for case in cases:
        scan, truth = read_case(case)
        source = Source(case.scan_id, "volume", case.image, (case.image,))
        found = assess_source(source, bundle, AssessSettings()).atrium
        assert found.shape == scan.voxels.shape
        assert dice(found, truth) > 0.8, case.scan_id
        counts += count_slices(found, truth)
    assert counts.f1 > 0.9


def test_about_half_of_real_scans_are_diagnostic(real_folder: Path, bundle: Bundle) -> None:
    """Experts pass .51 of the scans of the same centre."""
    settings = AssessSettings(given_masks=True)
    sources = [
        Source(case.scan_id, "volume", case.image, (case.image,), case.mask) for case in read_cohort(real_folder)
    ]
    verdicts = [assess_source(source, bundle, settings).result.verdict for source in sources[::3]]
    assert 0.3 < verdicts.count("diagnostic") / len(verdicts) < 0.7


@pytest.mark.parametrize(
    "mechanism", ["early_inversion", "point_spread", "absent_walls", "white_noise"], ids=list(SCALE_NAMES)
)
def test_heavy_artefact_lowers_the_probability_of_its_scale(
    real_folder: Path, bundle: Bundle, as_acquired: dict[str, ScanResult], mechanism: str
) -> None:
    """Take the mean over scans, as acquired against with one artefact."""
    artefact = Artefact(mechanism=mechanism, severity=BY_NAME[mechanism].at(0.9), seed=0)
    falls = {}
    for case in (case for case in read_cohort(real_folder) if case.scan_id in as_acquired):
        scan, atrium = read_case(case)
        worse = replace(scan, voxels=apply_artefacts(scan.voxels, atrium, scan.spacing_mm, [artefact]))
        results = as_acquired[case.scan_id], assess_scan(worse, bundle, FORCED, supplied=atrium).result
        before, after = (getattr(result, f"p_{BY_NAME[mechanism].scale}") for result in results)
        falls[case.scan_id] = before - after
    assert np.mean(list(falls.values())) > 0.1, falls
    assert np.mean([falls[scan_id] for scan_id in GOOD]) > 0.25, falls


@pytest.mark.parametrize("axes", ["LPS", "RAS", "LPI", "SLP"])
def test_one_real_scan_in_every_format_gives_one_verdict(
    cases: list[Case], bundle: Bundle, axes: str, tmp_path: Path
) -> None:
    scan, _ = read_case(cases[0])
    plain = lgeqa.assess(cases[0].image, bundle=bundle)
    voxels = scan.voxels.astype(np.int16)
    paths = [
        write_volume(tmp_path / f"a{suffix}", voxels, spacing_mm=scan.spacing_mm, axes=axes)
        for suffix in (".nrrd", ".nii", ".nii.gz", ".mha")
    ]
    if axes != "SLP":  # the files of a series run along its third axis, which must be the slices'
        write_dicom_series(tmp_path / "dicom", voxels, spacing_mm=scan.spacing_mm, axes=axes)
        paths.append(tmp_path / "dicom")
    for path in paths:
        found = lgeqa.assess(path, bundle=bundle)
        assert found.verdict == plain.verdict
        assert found.probability == pytest.approx(plain.probability, abs=1e-3)


def test_one_real_scan_as_classic_series_enhanced_file_and_nrrd(
    cases: list[Case], bundle: Bundle, tmp_path: Path
) -> None:
    scan, _ = read_case(cases[0])
    voxels = scan.voxels.astype(np.int16)
    write_dicom_series(tmp_path / "classic", voxels, spacing_mm=scan.spacing_mm)
    paths = [
        tmp_path / "classic",
        write_enhanced_mr(tmp_path / "IM0", voxels, spacing_mm=scan.spacing_mm),
        write_volume(tmp_path / "scan.nrrd", voxels, spacing_mm=scan.spacing_mm),
    ]
    results = [lgeqa.assess(path, bundle=bundle) for path in paths]
    own = {"scan_id", "source", "series", "input_sha256", "orientation", "finished_at", "seconds"}
    same = [result.model_dump(exclude=own) for result in results]
    assert same[0]["verdict"]
    assert same[0]["measures"]["values"]["wall_cnr"] is not None
    assert same[1] == same[0]
    assert same[2] == same[0]
