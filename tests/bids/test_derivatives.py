"""`lgeqa assess --bids`: derivatives of a BIDS data set."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from lgeqa.records import ScanResult
from tests.factories.bids import IMAGES, bids_dataset
from tests.factories.command import lgeqa
from tests.toy import toy_bundle, toy_scan

QC = (
    "sub-01/ses-pre/anat/sub-01_ses-pre_acq-LGE_run-1_desc-T1w_qc.json",
    "sub-02/ses-pre/anat/sub-02_ses-pre_acq-LGE_run-02_desc-T1w_qc.json",
    "sub-LGE3/cmr/sub-LGE3_desc-lge_qc.json",
)
MASK = "sub-LGE3/cmr/sub-LGE3_label-LA_desc-lge_mask"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_bundle(tmp_path_factory.mktemp("toy"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return bids_dataset(tmp_path / "hearts")


def _assess(root: Path, bundle: Path, *options: str | Path, out: Path | None = None) -> Path:
    folder = out or root / "derivatives" / "lgeqa"
    done = lgeqa("assess", root, "-o", folder, "--bids", "--bundle", bundle, *options)
    assert done.returncode == 0, done.stderr
    return folder


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _derivatives(out: Path) -> set[str]:
    return {path.relative_to(out).as_posix() for path in out.glob("sub-*/**/*") if path.is_file()}


def test_each_image_has_its_record(root: Path, bundle: Path) -> None:
    out = _assess(root, bundle)
    assert _derivatives(out) == {*QC}
    sidecar = _json(out / QC[1])
    assert sidecar.pop("Sources") == [f"bids:raw:{IMAGES[1]}"]
    record = ScanResult.model_validate(sidecar)
    assert (record.status, record.scan_id) == ("assessed", "sub-02_ses-pre_acq-LGE_run-02_T1w")
    assert record == ScanResult.model_validate_json((out / "scans" / f"{record.scan_id}.json").read_bytes())


def test_description_says_what_made_them_of_what(root: Path, bundle: Path, tmp_path: Path) -> None:
    description = _json(_assess(root, bundle) / "dataset_description.json")
    assert description["DatasetType"] == "derivative"
    assert description["GeneratedBy"][0]["Name"] == "lgeqa"
    assert description["DatasetLinks"] == {"raw": "../.."}
    elsewhere = _json(_assess(root, bundle, out=tmp_path / "out") / "dataset_description.json")
    assert elsewhere["DatasetLinks"]["raw"] == elsewhere["SourceDatasets"][0]["URL"] == root.as_uri()


def test_participants_are_those_with_results(root: Path, bundle: Path) -> None:
    table = (_assess(root, bundle) / "participants.tsv").read_text(encoding="utf-8")
    assert table == "participant_id\tage\tsex\nsub-01\t61\tF\nsub-02\t70\tM\nsub-LGE3\tn/a\tn/a\n"


def test_data_set_without_participants_gives_no_table(root: Path, bundle: Path) -> None:
    (root / "participants.tsv").unlink()
    assert not (_assess(root, bundle) / "participants.tsv").exists()


def test_masks_are_on_the_grid_of_their_images(root: Path, bundle: Path) -> None:
    out = _assess(root, bundle, "--masks")
    mask = nibabel.load(out / f"{MASK}.nii.gz")
    image = nibabel.load(root / IMAGES[3])
    np.testing.assert_allclose(mask.affine, image.affine, atol=1e-6)  # type: ignore[attr-defined]
    assert mask.shape == image.shape  # type: ignore[attr-defined]
    inside = np.asanyarray(mask.dataobj) > 0  # type: ignore[attr-defined]
    assert np.asanyarray(image.dataobj)[inside].mean() > 200  # type: ignore[attr-defined]
    sidecar = _json(out / f"{MASK}.json")
    assert (sidecar["Type"], sidecar["Sources"]) == ("ROI", [f"bids:raw:{IMAGES[3]}"])


def test_mask_goes_with_the_atrium(root: Path, bundle: Path) -> None:
    out = _assess(root, bundle, "--masks")
    toy_scan(root / IMAGES[3], atrium=False)
    lgeqa("assess", root, "-o", out, "--bids", "--bundle", bundle, "--masks")
    assert [name for name in _derivatives(out) if "LGE3" in name] == [QC[2]]
    assert _json(out / QC[2])["status"] == "not_assessable"


def test_image_that_cannot_be_read_has_its_record(root: Path, bundle: Path) -> None:
    (root / IMAGES[0]).write_bytes(b"")
    out = root / "derivatives" / "lgeqa"
    assert lgeqa("assess", root, "-o", out, "--bids", "--bundle", bundle).returncode == 3
    assert _json(out / QC[0])["status"] == "failed"


def test_results_of_earlier_runs_stay(root: Path, bundle: Path, tmp_path: Path) -> None:
    out = _assess(root, bundle)
    (tmp_path / "filter.json").write_text('{"lge": {"subject": "02", "acquisition": "cine"}}', encoding="utf-8")
    _assess(root, bundle, "--bids-filter", tmp_path / "filter.json")
    assert len(_derivatives(out)) == 4
    assert len((out / "participants.tsv").read_text(encoding="utf-8").splitlines()) == 4


def test_fresh_removes_derivatives_and_nothing_else(root: Path, bundle: Path) -> None:
    out = _assess(root, bundle, "--masks")
    own = out / "sub-01" / "notes.txt"
    own.touch()
    command = ("assess", root, "-o", out, "--bids", "--bundle", bundle, "--fresh")
    refused = lgeqa(*command)
    assert (refused.returncode, "notes.txt: was not written by lgeqa" in refused.stderr) == (2, True)
    own.unlink()
    assert lgeqa(*command).returncode == 0
    assert all(name.endswith("_qc.json") for name in _derivatives(out))


@pytest.mark.parametrize("name", ["dataset_description.json", "participants.tsv", "README.md", ".bidsignore"])
def test_files_of_the_user_are_not_overwritten(root: Path, bundle: Path, name: str) -> None:
    (root / "out").mkdir()
    (root / "out" / name).write_text("{}", encoding="utf-8")
    refused = lgeqa("assess", root, "-o", root / "out", "--bids", "--bundle", bundle)
    assert (refused.returncode, f"holds {name}, which lgeqa did not write" in refused.stderr) == (2, True)
    assert [path.name for path in (root / "out").iterdir()] == [name]


def test_data_set_is_not_its_own_output(root: Path, bundle: Path) -> None:
    refused = lgeqa("assess", root, "-o", root, "--bids", "--bundle", bundle)
    assert (refused.returncode, "derivatives/lgeqa in the data set" in refused.stderr) == (2, True)


def test_run_without_bids_does_not_leave_old_derivatives(root: Path, bundle: Path) -> None:
    out = _assess(root, bundle)
    refused = lgeqa("assess", root / "sub-01", "-o", out, "--bundle", bundle)
    assert (refused.returncode, "holds BIDS derivatives" in refused.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--bids",), "--bids: needs an output folder"),
        (("--bids-filter", "f.json", "-o", "out"), "--bids-filter: filters a BIDS data set"),
        (("--bids", "-o", "out", "second"), "--bids: takes one data set, and there are 2 paths"),
    ],
)
def test_options_that_do_not_go_together(root: Path, arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    done = lgeqa("assess", root, *arguments, cwd=tmp_path)
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr
    assert not (tmp_path / "out").exists()


def test_bids_validator_finds_no_error(root: Path, bundle: Path) -> None:
    validator = os.environ.get("LGEQA_BIDS_VALIDATOR") or shutil.which("bids-validator-deno")
    if not validator:
        pytest.skip("no BIDS validator: pip install bids-validator-deno, or set LGEQA_BIDS_VALIDATOR")
    out = _assess(root, bundle, "--masks")
    done = subprocess.run([validator, out, "--format", "json"], capture_output=True, text=True, check=False)
    issues = json.loads(done.stdout)["issues"]["issues"]
    assert [issue for issue in issues if issue["severity"] == "error"] == []
