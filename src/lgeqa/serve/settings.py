"""What the owner of a server can choose."""

from pathlib import Path
from typing import Final

from pydantic import Field

from lgeqa.config import Settings

MEGABYTE: Final = 1_000_000


class ServeSettings(Settings):
    """Settings of `lgeqa serve`.

    Attributes:
        bundle: folder of a trained model; None for the one in the package.
        upload_mb: most megabytes that one upload may have.
        unpacked_mb: most megabytes that an uploaded zip archive may have when it is unpacked.
        archive_files: most files that an uploaded zip archive may hold.
    """

    bundle: Path | None = None
    upload_mb: int = Field(1000, ge=1)
    unpacked_mb: int = Field(4000, ge=1)
    archive_files: int = Field(10_000, ge=1)
