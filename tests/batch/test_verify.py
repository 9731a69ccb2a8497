"""Finished scans whose files are compared byte by byte before their records are kept."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import lgeqa
from lgeqa.results import Results
from tests.factories.command import lgeqa as command
from tests.factories.dicom_series import toy_series
from tests.toy import toy_bundle, toy_mask, toy_scan


@pytest.fixture
def assess(tmp_path: Path) -> Callable[..., Results]:
    bundle = toy_bundle(tmp_path / "toy")

    def run(*, verify: bool, given_masks: bool = False) -> Results:
        place = tmp_path / "scans"
        return lgeqa.assess_many(
            place, out=tmp_path / "out", bundle=bundle, given_masks=given_masks, jobs=1, verify=verify
        )

    return run


def change_unseen(path: Path) -> None:
    """Change the last byte of a file, and leave its size and its time of change as they were."""
    status, content = path.stat(), path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def stamps(folder: Path) -> dict[str, int]:
    """When the record of each scan was written."""
    return {path.stem: path.stat().st_mtime_ns for path in (folder / "out" / "scans").iterdir()}


def test_only_a_scan_with_other_bytes_is_assessed_again(tmp_path: Path, assess: Callable[..., Results]) -> None:
    for name in ("a", "b"):
        toy_scan(tmp_path / "scans" / f"{name}.nrrd")
    assess(verify=False)
    first = stamps(tmp_path)
    change_unseen(tmp_path / "scans" / "b.nrrd")

    assess(verify=False)
    assert stamps(tmp_path) == first

    assess(verify=True)
    second = stamps(tmp_path)
    assert (second["a"] == first["a"], second["b"] == first["b"]) == (True, False)

    assess(verify=True)
    assert stamps(tmp_path) == second


def test_one_changed_file_of_a_series_is_enough(tmp_path: Path, assess: Callable[..., Results]) -> None:
    series = toy_series(tmp_path / "scans")
    assess(verify=False)
    first = stamps(tmp_path)
    assess(verify=True)
    assert stamps(tmp_path) == first
    change_unseen(series[5])
    assess(verify=True)
    assert stamps(tmp_path) != first


def test_a_supplied_mask_counts_too(tmp_path: Path, assess: Callable[..., Results]) -> None:
    toy_scan(tmp_path / "scans" / "a" / "data.nrrd")
    mask = toy_mask(tmp_path / "scans" / "a" / "shrinkwrap.nrrd")
    [result] = assess(verify=False, given_masks=True)
    assert len(result.mask_sha256) == 64
    first = stamps(tmp_path)
    assess(verify=True, given_masks=True)
    assert stamps(tmp_path) == first
    change_unseen(mask)
    assess(verify=True, given_masks=True)
    assert stamps(tmp_path) != first


def test_a_mask_that_was_not_used_does_not_count(tmp_path: Path, assess: Callable[..., Results]) -> None:
    toy_scan(tmp_path / "scans" / "a" / "data.nrrd")
    mask = toy_mask(tmp_path / "scans" / "a" / "shrinkwrap.nrrd")
    status = mask.stat()
    [result] = assess(verify=False)
    assert result.mask_sha256 == ""
    first = stamps(tmp_path)
    mask.write_bytes(b"no volume at all".ljust(mask.stat().st_size))
    os.utime(mask, ns=(status.st_atime_ns, status.st_mtime_ns))
    assess(verify=True)
    assert stamps(tmp_path) == first


def test_deidentified_records_are_compared_by_their_key(tmp_path: Path) -> None:
    bundle, scan = toy_bundle(tmp_path / "toy"), toy_scan(tmp_path / "scans" / "a.nrrd")
    arguments = ("assess", tmp_path / "scans", "-o", tmp_path / "out", "--bundle", bundle, "--deidentify", "--verify")
    assert command(*arguments).returncode == 0
    first = stamps(tmp_path)
    assert command(*arguments).returncode == 0
    assert stamps(tmp_path) == first
    change_unseen(scan)
    assert command(*arguments).returncode == 0
    assert stamps(tmp_path) != first


def test_verify_needs_an_output_folder(tmp_path: Path) -> None:
    toy_scan(tmp_path / "a.nrrd")
    done = command("assess", tmp_path / "a.nrrd", "--verify")
    assert (done.returncode, "--verify: needs an output folder. Name one with --out." in done.stderr) == (2, True)
