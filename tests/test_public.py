from pathlib import Path

import pytest

import lgeqa
from lgeqa.bundle import open_bundle
from lgeqa.errors import BundleError, ConfigError, NotAssessableError, ReadError, UsageError
from tests.toy import toy_bundle, toy_scan


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
    given = lgeqa.assess(scan, bundle=bundle, mask=toy_scan(tmp_path / "mask.nrrd", 5))
    assert given.mask_source == "supplied"
    assert given.n_slices == 12


def test_what_cannot_be_assessed_raises(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"nowhere\.nrrd"):
        lgeqa.assess(tmp_path / "nowhere.nrrd", bundle=bundle)
    with pytest.raises(NotAssessableError, match=r"dark\.nrrd: no left atrium"):
        lgeqa.assess(toy_scan(tmp_path / "dark.nrrd", atrium=False), bundle=bundle)
    with pytest.raises(ConfigError, match=r"threshold = 7"):
        lgeqa.assess(tmp_path / "dark.nrrd", bundle=bundle, threshold=7)
    with pytest.raises(BundleError, match="no-such"):
        lgeqa.assess(tmp_path / "dark.nrrd", bundle=tmp_path / "no-such")
    toy_scan(tmp_path / "second.nrrd")
    with pytest.raises(UsageError, match="holds 2 scans"):
        lgeqa.assess(tmp_path, bundle=bundle)
