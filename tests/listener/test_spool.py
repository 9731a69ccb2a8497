"""What the spool keeps, refuses and deletes, and what is left of it after a kill."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import CTImageStorage, generate_uid

from lgeqa.errors import OutputError
from lgeqa.listener import spool as spool_module
from lgeqa.listener.errors import OtherPixelsError, RefusedInstanceError, SpoolFullError
from lgeqa.listener.outbox import Outbox
from lgeqa.listener.spool import Arrival, SeriesResult, SeriesVersion, Spool
from tests.factories.listener import changed_copy, draft_of, small_series
from tests.images import write_enhanced_mr


def opened(folder: Path, max_mb: int = 100, max_instance_mb: int = 10) -> Spool:
    spool = Spool(folder / "spool", max_mb, max_instance_mb)
    spool.prepare()
    return spool


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return opened(tmp_path)


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    return small_series(tmp_path / "images")


def hand_over(spool: Spool, *paths: Path) -> list[Arrival]:
    return [spool.accept(draft_of(path, spool.new_draft()), "MR1") for path in paths]


def closed(spool: Spool, *paths: Path) -> SeriesVersion:
    key = hand_over(spool, *paths)[0].header.series_key
    version = spool.close(key, None, ("MR1",))
    assert version
    return version


def finished(spool: Spool, version: SeriesVersion, outcome: str = "assessed") -> None:
    spool.finish(
        SeriesResult.model_validate(
            {"version": spool.begin(version), "outcome": outcome, "reason": "test", "finished_at": "2026-01-01"}
        )
    )


def test_accepted_instance_is_kept_byte_by_byte(spool: Spool, images: list[Path]) -> None:
    [arrival] = hand_over(spool, images[0])
    assert arrival.is_new
    [kept] = (spool.path / "series").rglob("*.dcm")
    assert kept.read_bytes() == images[0].read_bytes()
    assert not list(spool.drafts.iterdir())


def test_enhanced_file_is_accepted(spool: Spool, tmp_path: Path) -> None:
    voxels, path = np.zeros((5, 8, 8), np.int16), tmp_path / "enhanced.dcm"
    write_enhanced_mr(path, voxels, edit=lambda image: setattr(image, "StudyInstanceUID", "1.2"))
    assert hand_over(spool, path)[0].is_new


def test_same_instance_twice_is_kept_once(spool: Spool, images: list[Path], tmp_path: Path) -> None:
    hand_over(spool, images[0])
    renamed = changed_copy(images[0], tmp_path / "renamed", PatientName="Doe^Jane", StudyDescription="A longer header")
    assert [arrival.is_new for arrival in hand_over(spool, images[0], renamed)] == [False, False]
    [kept] = (spool.path / "series").rglob("*.dcm")
    assert kept.read_bytes() == images[0].read_bytes()


def test_other_pixels_are_refused_and_overwrite_nothing(spool: Spool, images: list[Path], tmp_path: Path) -> None:
    hand_over(spool, images[0])
    other = changed_copy(images[0], tmp_path / "other", PixelData=np.zeros((8, 8), np.int16).tobytes())
    with pytest.raises(OtherPixelsError, match="It was kept"):
        hand_over(spool, other)
    [kept] = (spool.path / "series").rglob("*.dcm")
    assert kept.read_bytes() == images[0].read_bytes()
    assert not list(spool.drafts.iterdir())


def test_full_spool_asks_to_send_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = opened(tmp_path, max_mb=1)
    big = small_series(tmp_path / "big", size=450)
    hand_over(spool, *big[:2])
    with pytest.raises(SpoolFullError, match=r"full with 0 MB\. Send again later"):
        hand_over(spool, big[2])
    assert [arrival.is_new for arrival in hand_over(spool, big[0])] == [False]
    monkeypatch.setattr(spool_module, "_ROOM_BYTES", 10**18)
    with pytest.raises(SpoolFullError):
        hand_over(opened(tmp_path / "disk"), big[2])


def test_space_of_deleted_series_is_used_again(tmp_path: Path) -> None:
    spool = opened(tmp_path, max_mb=1)
    big = small_series(tmp_path / "big", size=450)
    finished(spool, closed(spool, *big[:2]), "not_lge")
    with pytest.raises(SpoolFullError):
        hand_over(spool, big[2])
    Outbox(spool, ()).clean(keep_hours=0, keep_other_hours=0)
    assert hand_over(spool, big[2])[0].is_new
    assert spool.used_bytes == opened(tmp_path, max_mb=1).used_bytes > 0


def test_disk_error_asks_to_send_again(spool: Spool, images: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool_module, "flush", no_space)
    with pytest.raises(SpoolFullError, match="No space left on device"):
        hand_over(spool, images[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"SOPClassUID": CTImageStorage}, "no MR image"),
        ({"SeriesInstanceUID": ""}, "lacks the UID"),
        ({"StudyInstanceUID": None}, "lacks the UID"),
    ],
)
def test_unusable_instance_is_refused(
    changes: dict[str, str | None], message: str, spool: Spool, images: list[Path], tmp_path: Path
) -> None:
    with pytest.raises(RefusedInstanceError, match=message):
        hand_over(spool, changed_copy(images[0], tmp_path / "changed", **changes))


def test_large_and_damaged_files_are_refused(tmp_path: Path, images: list[Path]) -> None:
    with pytest.raises(RefusedInstanceError, match="at most 0 are received"):
        hand_over(opened(tmp_path, max_instance_mb=0), images[0])
    text = tmp_path / "text"
    text.write_text("no DICOM file")
    with pytest.raises(RefusedInstanceError, match="no DICOM file, or is damaged"):
        hand_over(opened(tmp_path), text)


def test_header_that_never_ends_is_refused(spool: Spool, images: list[Path], tmp_path: Path) -> None:
    image = dcmread(images[0])
    image.private_block(0x0009, "TEST", create=True).add_new(1, "OB", bytes(600_000))
    image.save_as(images[0])
    with pytest.raises(RefusedInstanceError, match="header is too long"):
        hand_over(spool, images[0])


def test_late_image_makes_another_version(spool: Spool, images: list[Path]) -> None:
    first = closed(spool, *images[:2])
    assert (first.number, len(first.images)) == (1, 2)
    assert spool.close(first.key, None, ()) is None
    second = closed(spool, images[2])
    assert (second.id, len(second.images)) == (f"{first.key}-v2", 3)


def test_series_that_is_sent_again_makes_no_other_version(spool: Spool, images: list[Path]) -> None:
    version = closed(spool, *images)
    finished(spool, version)
    Outbox(spool, ()).clean(keep_hours=0, keep_other_hours=0)
    assert not spool.series_keys()
    assert hand_over(spool, *images)[0].is_new
    assert spool.close(version.key, None, ()) is None
    Outbox(spool, ()).clean(keep_hours=0, keep_other_hours=0)
    assert not spool.series_keys()


def test_version_that_ended_the_listener_waits_behind_others(spool: Spool, tmp_path: Path) -> None:
    first, second = (closed(spool, *small_series(tmp_path / f"{seed}", seed)) for seed in (1, 2))
    spool.begin(first)
    assert [(version.key, version.attempts) for version in spool.queued()] == [(second.key, 0), (first.key, 1)]


def test_kill_between_result_and_queue_leaves_one_result(spool: Spool, images: list[Path], tmp_path: Path) -> None:
    version = closed(spool, *images)
    queue = spool.path / "queue" / f"{version.id}.json"
    content = queue.read_bytes()
    finished(spool, version)
    queue.write_bytes(content)
    assert opened(tmp_path).queued() == []


def test_kill_while_receiving_leaves_no_draft(spool: Spool, tmp_path: Path) -> None:
    spool.new_draft().write_bytes(b"half")
    opened(tmp_path)
    assert not list(spool.drafts.iterdir())


def test_kill_while_deleting_results_leaves_nothing(spool: Spool, images: list[Path], tmp_path: Path) -> None:
    version = closed(spool, *images)
    finished(spool, version)
    (spool.results / version.id / "result.json").unlink()
    again = opened(tmp_path)
    assert not list(again.results.iterdir())


def test_images_without_a_version_are_found_again(spool: Spool, images: list[Path], tmp_path: Path) -> None:
    version = closed(spool, *images[:2])
    assert opened(tmp_path).open_series() == {}
    hand_over(spool, images[2])
    assert list(opened(tmp_path).open_series()) == [version.key]


def test_images_stay_until_the_record_and_the_hours(spool: Spool, images: list[Path]) -> None:
    version = closed(spool, *images)
    outbox = Outbox(spool, ())
    outbox.clean(keep_hours=0, keep_other_hours=0)
    assert spool.series_keys() == [version.key]
    finished(spool, version, "not_lge")
    record = spool.path / "records" / f"{version.id}.json"
    assert json.loads(record.read_text())["outcome"] == "not_lge"
    outbox.clean(keep_hours=0, keep_other_hours=1)
    assert spool.series_keys() == [version.key]
    os.utime(record, (0, 0))
    outbox.clean(keep_hours=0, keep_other_hours=1)
    assert spool.series_keys() == []


def test_names_hold_no_uid(spool: Spool, images: list[Path]) -> None:
    uid = generate_uid(entropy_srcs=["small", "1"])
    finished(spool, closed(spool, *images))
    paths = [path for path in spool.path.rglob("*") if path.suffix != ".dcm"]
    assert not any(uid in str(path) or (path.is_file() and uid in path.read_text()) for path in paths)


def test_unwritable_spool_says_so(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file")
    with pytest.raises(OutputError, match="cannot be written"):
        Spool(tmp_path / "spool", 1, 1).prepare()
