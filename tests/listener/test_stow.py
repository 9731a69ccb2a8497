"""Results go to an archive by STOW-RS."""

import shutil
from pathlib import Path

import pytest

from lgeqa.archive.client import Archive
from lgeqa.archive.series import SeriesFilter
from lgeqa.archive.settings import ArchiveSettings
from lgeqa.listener.connections import open_destination
from lgeqa.listener.destination import Delivery
from lgeqa.listener.errors import DeliveryError
from lgeqa.listener.settings import StowSettings
from lgeqa.listener.spool import SeriesResult, SeriesVersion
from tests.factories.fake_archive import Answer, fake_archive
from tests.factories.listener import small_series
from tests.factories.orthanc import orthanc


def delivery(folder: Path, n_objects: int = 2) -> Delivery:
    """Return a result with images in place of its objects."""
    (folder / "dicom" / "scan").mkdir(parents=True)
    for path, name in zip(small_series(folder / "images", n=n_objects), ("seg.dcm", "sr.dcm"), strict=False):
        shutil.copy(path, folder / "dicom" / "scan" / name)
    version = SeriesVersion(key="0123", number=1, images=())
    result = SeriesResult(version=version, outcome="assessed", reason="", scans=("scan",), finished_at="2026-11-27")
    return Delivery(result, folder, ())


def settings(url: str) -> StowSettings:
    return StowSettings(kind="stow", name="pacs", url=url)


def test_objects_are_stored_once_also_if_sent_again(tmp_path: Path) -> None:
    with orthanc(tmp_path / "orthanc") as archive:
        destination, result = open_destination(settings(archive.dicomweb)), delivery(tmp_path / "result")
        assert [destination.deliver(result), destination.deliver(result)] == ["2 DICOM objects"] * 2
        [series] = Archive(ArchiveSettings(url=archive.dicomweb)).search(SeriesFilter())
        assert series.n_images == 2


@pytest.mark.parametrize(("answer", "says"), [(Answer(503), "is overloaded"), (Answer(401), "asks for a login")])
def test_archive_that_refuses_is_named_at_once(answer: Answer, says: str, tmp_path: Path) -> None:
    with fake_archive(answer) as archive:
        with pytest.raises(DeliveryError, match=rf"^pacs: {archive.url}: .*{says}"):
            open_destination(settings(archive.url)).deliver(delivery(tmp_path))
        assert len(archive.requests) == 1


def test_result_without_objects_sends_nothing(tmp_path: Path) -> None:
    assert (
        open_destination(settings("http://127.0.0.1:9")).deliver(delivery(tmp_path, 0)) == "there are no DICOM objects"
    )
