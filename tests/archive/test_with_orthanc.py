"""The way through a real archive: store, search, pull, and results that come back as they were written."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from highdicom.seg import segread
from highdicom.sr import srread
from pydicom import Dataset, dcmread

from lgeqa.archive.client import Archive
from lgeqa.archive.series import ArchivedSeries, SeriesFilter
from lgeqa.errors import ArchiveError, ArchiveUnavailableError
from tests.archive.conftest import connect
from tests.factories.command import lgeqa
from tests.factories.dicom_series import ATTRIBUTES, toy_series
from tests.factories.orthanc import Orthanc, orthanc
from tests.toy import SLOPES, toy_bundle


def identifiers(paths: list[Path]) -> list[str]:
    image = dcmread(paths[0])
    return [image.PatientID, str(image.PatientName), image.StudyInstanceUID, image.SeriesInstanceUID]


def test_images_come_back_as_they_were_stored(running_orthanc: Orthanc, tmp_path: Path) -> None:
    paths = toy_series(tmp_path / "series")
    pushed = lgeqa("archive", "push", running_orthanc.dicomweb, *paths)
    assert (pushed.returncode, pushed.stdout.count("Stored ")) == (0, len(paths))

    filters = ("--date", str(ATTRIBUTES["StudyDate"]), "--patient", "P-17", "--description", "secret*")
    pulled = lgeqa("archive", "pull", running_orthanc.dicomweb, "-o", tmp_path / "out", *filters)

    assert pulled.returncode == 0
    [folder] = (tmp_path / "out").iterdir()
    assert pulled.stdout == f"{folder}: {len(paths)} images\n"
    back = {image.SOPInstanceUID: image for image in map(dcmread, folder.iterdir())}
    assert back == {image.SOPInstanceUID: image for image in map(dcmread, paths)}
    again = lgeqa("archive", "pull", running_orthanc.dicomweb, "-o", tmp_path / "out", *filters)
    assert again.stdout == f"{folder}: {len(paths)} images, there already\n"
    (folder / f"{dcmread(paths[0]).SOPInstanceUID}.dcm").unlink()
    assert lgeqa("archive", "pull", running_orthanc.dicomweb, "-o", tmp_path / "out", *filters).stdout == pulled.stdout


def test_list_names_series_and_no_patient(running_orthanc: Orthanc, tmp_path: Path) -> None:
    paths = toy_series(tmp_path / "series")
    running_orthanc.store(paths)
    *_, study, series = identifiers(paths)
    printed = lgeqa("archive", "list", running_orthanc.dicomweb).stdout
    assert printed == f"19991231\t7\t{len(paths)}\tSECRET-DESCRIPTION\t{series}\t{study}\n"
    assert lgeqa("archive", "list", running_orthanc.dicomweb, "--date", "20000101-").stdout == ""


def test_pull_without_match_or_filter_says_what_to_do(running_orthanc: Orthanc, tmp_path: Path) -> None:
    nothing = lgeqa("archive", "pull", running_orthanc.dicomweb, "-o", tmp_path / "out", "--study", "1.2.3")
    assert (nothing.returncode, nothing.stdout) == (2, "")
    assert "has no such series. `lgeqa archive list`" in nothing.stderr
    everything = lgeqa("archive", "pull", running_orthanc.dicomweb, "-o", tmp_path / "out")
    assert (everything.returncode, "which series?" in everything.stderr) == (2, True)
    assert not (tmp_path / "out").exists()


def test_one_refused_file_does_not_stop_the_others(running_orthanc: Orthanc, tmp_path: Path) -> None:
    paths = toy_series(tmp_path / "series")[:2]
    text = tmp_path / "notes.dcm"
    text.write_text("no image")
    pushed = lgeqa("archive", "push", running_orthanc.dicomweb, text, *paths)
    assert (pushed.returncode, pushed.stdout.count("Stored ")) == (2, 2)
    assert pushed.stderr == (
        f"lgeqa: 1 of 3 files not stored.\n{text}: is no DICOM file, or is damaged. Give DICOM files.\n"
    )


def test_logs_have_no_identifier(running_orthanc: Orthanc, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    paths = toy_series(tmp_path / "series")
    with caplog.at_level("DEBUG"):
        archive = connect(running_orthanc.dicomweb)
        archive.store(paths[0])
        [series] = archive.search(SeriesFilter(patient="P-17"))
        archive.pull(series, tmp_path / "out")
    assert not [text for text in identifiers(paths) if text in caplog.text]


def test_series_that_lacks_images_is_pulled_by_a_later_attempt(running_orthanc: Orthanc, tmp_path: Path) -> None:
    paths = toy_series(tmp_path / "series")
    running_orthanc.store(paths[:-1])
    *_, study, series_uid = identifiers(paths)
    series = ArchivedSeries(study, series_uid, n_images=len(paths))
    archive = connect(running_orthanc.dicomweb)
    with pytest.raises(ArchiveUnavailableError, match=f"sent {len(paths) - 1} of {len(paths)} images"):
        archive.pull(series, tmp_path / "out")
    assert not (tmp_path / "out" / series_uid).exists()
    running_orthanc.store(paths[-1:])
    assert len(list(archive.pull(series, tmp_path / "out").iterdir())) == len(paths)


def test_series_above_the_limit_is_refused(
    running_orthanc: Orthanc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lgeqa.archive.client.MAX_SERIES_BYTES", 50_000)
    paths = toy_series(tmp_path / "series")
    running_orthanc.store(paths)
    *_, study, series = identifiers(paths)
    with pytest.raises(ArchiveError, match="sends more than"):
        connect(running_orthanc.dicomweb).pull(ArchivedSeries(study, series), tmp_path / "out")


def test_wrong_password_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LGEQA_ARCHIVE_USER", "reader")
    monkeypatch.setenv("LGEQA_ARCHIVE_PASSWORD", "pässword")
    with orthanc(tmp_path / "o", AuthenticationEnabled=True, RegisteredUsers={"reader": "pässword"}) as archive:
        assert lgeqa("archive", "list", archive.dicomweb).returncode == 0
        monkeypatch.setenv("LGEQA_ARCHIVE_PASSWORD", "other")
        refused = lgeqa("archive", "list", archive.dicomweb)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "asks for a login, or refuses the one it got" in refused.stderr


def retrieved(archive: Archive, modality: str) -> Dataset:
    [series] = archive.search(SeriesFilter(modality=modality))
    [stored] = archive.images(series)
    return stored


def test_results_come_back_with_equal_values(running_orthanc: Orthanc, tmp_path: Path) -> None:
    toy_series(tmp_path / "series")
    bundle = toy_bundle(tmp_path / "bundle", maps=SLOPES)
    assert lgeqa("assess", tmp_path / "series", "-o", tmp_path / "out", "--bundle", bundle, "--dicom").returncode == 0
    [folder] = (tmp_path / "out" / "dicom").iterdir()
    assert lgeqa("archive", "push", running_orthanc.dicomweb, tmp_path / "out").returncode == 0

    archive = connect(running_orthanc.dicomweb)
    for kind, modality in {"sr": "SR", "seg": "SEG", "heat_map": "OT"}.items():
        back = retrieved(archive, modality)
        assert back == dcmread(folder / f"{kind}.dcm"), kind
        back.save_as(tmp_path / f"{kind}.dcm")

    report, written = srread(tmp_path / "sr.dcm").content, srread(folder / "sr.dcm").content
    values = [measurements(content) for content in (report, written)]
    assert values[0] == values[1]
    assert len(values[0]) > 10
    masks = [segread(path / "seg.dcm").pixel_array for path in (tmp_path, folder)]
    assert masks[0].any()
    np.testing.assert_array_equal(masks[0], masks[1])
    maps = [dcmread(path / "heat_map.dcm").pixel_array for path in (tmp_path, folder)]
    assert maps[0].any()
    np.testing.assert_array_equal(maps[0], maps[1])


def measurements(content: Any) -> list[tuple[str, float, str]]:
    return [
        (item.name.meaning, item.value, item.unit.value)
        for group in content.get_image_measurement_groups()
        for item in group.get_measurements()
    ]
