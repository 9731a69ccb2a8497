"""Settings of a server."""

from pathlib import Path
from typing import Final

from pydantic import Field

from lgeqa.config import Settings
from lgeqa.inference.pipeline import AssessSettings
from lgeqa.threads import TIMEOUT_S
from lgeqa.web.proxy import ProxySettings

MEGABYTE: Final = 1_000_000


class ServeSettings(Settings):
    """Settings of `lgeqa serve`.

    Attributes:
        bundle: Folder of a trained model. None for the model in the package.
        upload_mb: Maximum size of one upload in megabytes.
        unpacked_mb: Maximum unpacked size of all zip archives of one upload in megabytes.
        archive_files: Maximum number of files in one upload, including those in its zip archives.
        timeout: Maximum time for one scan in seconds, after which it is stopped and reported as failed.
        hosts: Names of the server in addition to those of loopback.
        assess: Settings of the assessment.
        show_headers: Whether values of the DICOM header are kept, shown and exported.
        workers: Number of processes that assess scans. None for one per core, as memory allows.
        quota: Maximum number of scans that one person may have waiting. Owners have no limit.
        database: URL of a PostgreSQL database. None for the file in the home folder.
        proxy: Reverse proxy that signs people in. None without one.
    """

    bundle: Path | None = None
    upload_mb: int = Field(1000, ge=1)
    unpacked_mb: int = Field(4000, ge=1)
    archive_files: int = Field(10_000, ge=1)
    timeout: float = Field(TIMEOUT_S, ge=1)
    hosts: tuple[str, ...] = ()
    assess: AssessSettings = AssessSettings()
    show_headers: bool = False
    workers: int | None = Field(None, ge=1)
    quota: int = Field(2000, ge=1)
    database: str | None = None
    proxy: ProxySettings | None = None
