"""What the owner of a server can choose."""

from pathlib import Path
from typing import Final

from pydantic import Field

from lgeqa.config import Settings
from lgeqa.threads import TIMEOUT_S

MEGABYTE: Final = 1_000_000


class ServeSettings(Settings):
    """Settings of `lgeqa serve`.

    Attributes:
        bundle: folder of a trained model; None for the one in the package.
        upload_mb: Most megabytes that one upload may have.
        unpacked_mb: Most megabytes that all zip archives of one upload may have when they are unpacked.
        archive_files: Most files that one upload may have, those in its zip archives among them.
        timeout: Most seconds that one scan may take; it is then stopped and told as failed.
        hosts: Names under which the server is reached, beside those of loopback.
    """

    bundle: Path | None = None
    upload_mb: int = Field(1000, ge=1)
    unpacked_mb: int = Field(4000, ge=1)
    archive_files: int = Field(10_000, ge=1)
    timeout: float = Field(TIMEOUT_S, ge=1)
    hosts: tuple[str, ...] = ()
