"""`lgeqa listen` between an archive, a folder and the archive again."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lgeqa.archive.client import Archive
from lgeqa.archive.series import SeriesFilter
from lgeqa.archive.settings import ArchiveSettings
from tests.factories.command import LGEQA
from tests.factories.dicom_series import toy_series
from tests.factories.listener import wait_until
from tests.factories.orthanc import orthanc
from tests.toy import SLOPES, toy_bundle

SETTINGS = """
bundle = "bundle"
[spool]
folder = "spool"
[select]
description = ["SECRET"]
[series]
quiet_seconds = 1
[[inlets]]
kind = "orthanc"
name = "pacs"
url = "{url}"
every_seconds = 0.2
[[inlets]]
kind = "folder"
name = "share"
folder = "share"
every_seconds = 0.2
settle_seconds = 0.2
[[destinations]]
kind = "stow"
name = "results"
url = "{url}"
"""


@contextmanager
def listener(settings: Path, log: Path) -> Iterator[None]:
    """Run a listener until the end of the block."""
    with log.open("ab") as file:
        process = subprocess.Popen([LGEQA, "listen", settings], stdout=file, stderr=file)
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)


@pytest.mark.slow
def test_series_of_archive_and_folder_get_reports_in_the_archive(tmp_path: Path) -> None:
    toy_bundle(tmp_path / "bundle", maps=SLOPES)
    (tmp_path / "share").mkdir()
    log = tmp_path / "log"
    with orthanc(tmp_path / "orthanc") as archive:
        (tmp_path / "listen.toml").write_text(SETTINGS.format(url=archive.dicomweb), encoding="utf-8")
        client = Archive(ArchiveSettings(url=archive.dicomweb))

        def n_reports() -> int:
            return len(list(client.search(SeriesFilter(modality="SR"))))

        with listener(tmp_path / "listen.toml", log):
            assert wait_until((tmp_path / "spool" / "inlets" / "pacs.json").exists)
            archive.store(toy_series(tmp_path / "one", 1))
            assert wait_until(lambda: n_reports() == 1), log.read_text(encoding="utf-8")
        shutil.move(tmp_path / "one", tmp_path / "share" / "one")  # it has results already
        toy_series(tmp_path / "share" / "two", 2)
        archive.store(toy_series(tmp_path / "three", 3))
        archive.stable_series(5)  # three images, three results of the first
        with listener(tmp_path / "listen.toml", log):
            assert wait_until(lambda: n_reports() == 3), log.read_text(encoding="utf-8")
        assert len(list(client.search(SeriesFilter(modality="SEG")))) == 3
    assert "P-17" not in log.read_text(encoding="utf-8")
    assert "1.2.826" not in log.read_text(encoding="utf-8")
