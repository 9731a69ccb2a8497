from pathlib import Path

import pytest

import lgeqa
from lgeqa.errors import BundleError, ConfigError, NotAssessableError, ReadError, UsageError
from lgeqa.inference.bundle import open_bundle
from tests.results import REFUSED
from tests.toy import toy_bundle, toy_mask, toy_scan


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_bundle(tmp_path_factory.mktemp("toy"))


def test_a_file_a_folder_and_an_open_bundle_give_the_same(bundle: Path, tmp_path: Path) -> None:
    scan = toy_scan(tmp_path / "in" / "scan.nrrd")
    result = lgeqa.assess(str(scan), bundle=str(bundle))
    assert result.status == "assessed"
    assert result.scan_id == "scan"
    assert lgeqa.assess(scan.parent, bundle=open_bundle(bundle)).slices == result.slices


def test_threshold_and_mask_are_used(bundle: Path, tmp_path: Path) -> None:
    scan = toy_scan(tmp_path / "scan.nrrd")
    assert lgeqa.assess(scan, bundle=bundle, threshold=0.01).verdict == "diagnostic"
    given = lgeqa.assess(scan, bundle=bundle, mask=toy_mask(tmp_path / "mask.nrrd"))
    assert given.mask_source == "supplied"
    assert given.n_slices == 20


def test_a_refused_scan_is_a_record(bundle: Path, tmp_path: Path) -> None:
    result = lgeqa.assess(toy_scan(tmp_path / "dark.nrrd", atrium=False), bundle=bundle)
    assert result.status == "not_assessable"
    assert result.findings[0].severity == "refused"


def test_force_reaches_the_assessment(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgeqa.inference.pipeline.check_scan", lambda *_, **__: (REFUSED,))
    scan = toy_scan(tmp_path / "scan.nrrd")
    assert lgeqa.assess(scan, bundle=bundle).status == "not_assessable"
    assert lgeqa.assess(scan, bundle=bundle, force=True).forced


def test_what_cannot_be_assessed_raises(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"nowhere\.nrrd"):
        lgeqa.assess(tmp_path / "nowhere.nrrd", bundle=bundle)
    scan, empty = toy_scan(tmp_path / "dark.nrrd"), toy_mask(tmp_path / "masks" / "empty.nrrd", empty=True)
    with pytest.raises(NotAssessableError, match=r"empty\.nrrd: the mask is empty"):
        lgeqa.assess(scan, bundle=bundle, mask=empty)
    with pytest.raises(ConfigError, match=r"threshold = 7"):
        lgeqa.assess(tmp_path / "dark.nrrd", bundle=bundle, threshold=7)
    with pytest.raises(BundleError, match="no-such"):
        lgeqa.assess(tmp_path / "dark.nrrd", bundle=tmp_path / "no-such")
    with pytest.raises(UsageError, match="holds 2 scans"):
        lgeqa.assess(tmp_path, bundle=bundle)
