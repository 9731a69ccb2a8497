"""Client of an archive: search by QIDO-RS, retrieve by WADO-RS, store by STOW-RS."""

import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeVar

from dicomweb_client import DICOMwebClient
from pydicom import Dataset, dcmread
from requests import HTTPError

from lgeqa.archive.http_session import Session, explaining
from lgeqa.archive.series import ArchivedSeries, SeriesFilter, is_uid
from lgeqa.archive.settings import ArchiveSettings
from lgeqa.atomic_io import DRAFT, telling, write_through
from lgeqa.errors import ArchiveError, ArchiveUnavailableError
from lgeqa.formatting import plural
from lgeqa.io.dicom_file import check_dicom_size, open_dicom
from lgeqa.io.dicom_header import damage_told, quiet
from lgeqa.io.formatting import printable_path

#: Seconds before each repetition of a request that the archive may answer another time.
PAUSES_S: Final = (1.0, 2.0, 4.0, 8.0)
#: Series that are asked for at once. An archive may send fewer.
_PAGE: Final = 200
#: Largest series, in bytes. One of 88 slices of 640 x 640 pixels takes 72 MB.
MAX_SERIES_BYTES: Final = 4 << 30
#: Any transfer syntax, so that images come as they are stored.
_AS_STORED: Final = (("application/dicom", "*"),)
_FIELDS: Final = ("StudyDate", "SeriesNumber", "SeriesDescription", "NumberOfSeriesRelatedInstances")
#: Failure reasons of an instance that is not stored (PS3.4, B.2.3, and PS3.18, annex I).
_FAILURES: Final = {
    0x0110: "it could not process it",
    0x0122: "it does not store this class of object",
    0x0124: "this user may not store",
    0xA700: "it is full",
    0xA900: "the object does not match its class",
    0xC000: "it does not understand the object",
}
#: Failure reason of an instance that the archive has already.
_DUPLICATE: Final = 0x0111
_Answer = TypeVar("_Answer")


class Archive:
    """An archive that speaks DICOMweb.

    Args:
        settings: How to reach the archive.
        pauses_s: Seconds before each repetition of a request that the archive may answer another time.

    Raises:
        ConfigError: The credentials are not valid, or the authorities' file is not there.
    """

    def __init__(self, settings: ArchiveSettings, pauses_s: Sequence[float] = PAUSES_S) -> None:
        self.settings = settings
        self._pauses_s = pauses_s
        self._session = Session(settings)
        self._client = DICOMwebClient(settings.url, self._session, timeout=settings.timeout)
        self._client.set_http_retry_params(retry=False)  # it would not retry a lost connection

    def search(self, wanted: SeriesFilter) -> Iterator[ArchivedSeries]:
        """Yield the series that match, each once.

        Raises:
            ArchiveError: The archive refuses, cannot be reached or is none.
        """
        seen: set[str] = set()
        offset = 0
        while page := self._retried(partial(self._page, wanted, offset)):
            new = [series for series in page if series.series_uid not in seen]
            if not new:  # the archive knows no offset, and starts again
                return
            yield from filter(wanted.fits, new)
            seen.update(series.series_uid for series in new)
            offset += len(page)

    def _page(self, wanted: SeriesFilter, offset: int) -> list[ArchivedSeries]:
        with explaining(self.settings):
            answers: list[dict[str, Any]] = self._client.search_for_series(
                wanted.study, limit=_PAGE, offset=offset, fields=_FIELDS, search_filters=wanted.query()
            )
            return [ArchivedSeries.from_json(answer, wanted.study) for answer in answers]

    def images(self, series: ArchivedSeries) -> Iterator[Dataset]:
        """Yield the images of a series as they arrive, one in memory at a time.

        A request that fails is not repeated, since images of it are out already.

        Raises:
            ArchiveError: The archive refuses, cannot be reached, sends too much, or fewer images than it lists.
        """
        with explaining(self.settings):
            images = self._client.iter_series(series.study_uid, series.series_uid, media_types=_AS_STORED)
        n_images = n_bytes = 0
        while (image := self._next(images)) is not None:
            yield image
            n_images += 1
            n_bytes += self._session.received
            self._session.received = 0
            if n_bytes > MAX_SERIES_BYTES:
                raise ArchiveError(
                    f"{self.settings.url}: sends more than the {MAX_SERIES_BYTES >> 30} GB that lgeqa pulls of one "
                    "series. Search by --series for another one."
                )
        if n_images < (series.n_images or 1):
            raise ArchiveUnavailableError(
                f"{self.settings.url}: sent {n_images} of {plural(series.n_images or 1, 'image')} of a series. "
                "It may still be receiving them: try later."
            )

    def _next(self, images: Iterator[Dataset]) -> Dataset | None:
        """Return the next image, or None after the last one."""
        with quiet(), explaining(self.settings):
            image = next(images, None)
            if image is not None and not (is_uid(image.SOPInstanceUID) and image.file_meta.TransferSyntaxUID):
                raise ValueError("no image")
            return image

    def pull(self, series: ArchivedSeries, folder: Path) -> Path:
        """Write the images of a series into a new folder, which is complete or not there, and return it.

        Args:
            series: Series to pull.
            folder: Folder in which that of the series is made, named by its SeriesInstanceUID.

        Raises:
            ArchiveError: The archive refuses, cannot be reached, sends too much, or fewer images than it lists.
            OutputError: The images cannot be written.
        """
        target = folder / series.series_uid
        draft = folder / f"{DRAFT}{series.series_uid}"

        def fetch() -> None:
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
            for image in self.images(series):
                write_through(draft / f"{image.SOPInstanceUID}.dcm", image.save_as)

        try:
            with telling(folder):
                self._retried(fetch)
                if target.exists():
                    shutil.rmtree(target)
                draft.replace(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return target

    def store(self, path: Path) -> None:
        """Store a DICOM file. The archive may have it already.

        Raises:
            ReadError: The file is no DICOM file, is damaged or too large.
            ArchiveError: The archive refuses the file, cannot be reached or is none.
        """
        where = printable_path(path)
        with quiet(), damage_told(path, "is no DICOM file, or is damaged. Give DICOM files."), open_dicom(path) as file:
            check_dicom_size(file, path)
            dataset = dcmread(file)
        stored = self._retried(lambda: self._store(dataset))
        failed = stored.get("FailedSOPSequence") or []
        reasons = {int(item.get("FailureReason") or 0) for item in failed} - {_DUPLICATE}
        if reasons:
            reason = min(reasons)
            raise ArchiveError(
                f"{self.settings.url}: does not store {where}: {_FAILURES.get(reason, 'it gives an unknown reason')} "
                f"({reason:04X}H). Its log may say more."
            )

    def _store(self, dataset: Dataset) -> Dataset:
        """Return what the archive says about an instance, also if it does not store it."""
        with quiet(), explaining(self.settings):
            try:
                return self._client.store_instances([dataset])
            except HTTPError as error:
                answer = error.response
                if answer is None or answer.status_code != HTTPStatus.CONFLICT or not answer.content.startswith(b"{"):
                    raise
                return Dataset.from_json(answer.json())

    def _retried(self, attempt: Callable[[], _Answer]) -> _Answer:
        """Return what an attempt returns, which is repeated after growing pauses while the archive is unavailable."""
        for pause_s in self._pauses_s:
            try:
                return attempt()
            except ArchiveUnavailableError:
                time.sleep(pause_s * random.uniform(0.5, 1.0))
        return attempt()
