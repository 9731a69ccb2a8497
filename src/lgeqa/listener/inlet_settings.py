"""Settings of the inlets of `lgeqa listen`, beside its DICOM node."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from lgeqa.archive.settings import ArchiveSettings
from lgeqa.config import Settings

#: Name of an inlet or a destination.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]


class FolderSettings(Settings):
    """A folder that is watched for DICOM files, which stay there.

    Attributes:
        kind: Kind of the inlet.
        name: Name in logs, and of the file in `inlets` of the spool that says what became of each file.
        folder: Folder to watch, with the folders within, relative to that of the TOML file.
        every_seconds: Seconds between two looks.
        settle_seconds: Seconds without a change after which a file is complete.
    """

    kind: Literal["folder"]
    name: Name
    folder: Path
    every_seconds: float = Field(5.0, gt=0)
    settle_seconds: float = Field(5.0, ge=0)


class OrthancSettings(ArchiveSettings):
    """An archive Orthanc, whose events say which series are complete. It has the settings of any archive, too.

    Attributes:
        kind: Kind of the inlet.
        name: Name in logs, and of the file in `inlets` of the spool with the number of the last event.
        every_seconds: Seconds between two looks.
    """

    kind: Literal["orthanc"]
    name: Name
    every_seconds: float = Field(2.0, gt=0)


class DicomwebSettings(ArchiveSettings):
    """An archive that is searched by QIDO-RS. It has the settings of any archive, too.

    Attributes:
        kind: Kind of the inlet.
        name: Name in logs, and of the file in `inlets` of the spool that says which series were pulled.
        every_seconds: Seconds between two searches. A series is complete if its number of images is the same in both.
        days: Days before today that the date of a study may be.
    """

    kind: Literal["dicomweb"]
    name: Name
    every_seconds: float = Field(30.0, gt=0)
    days: int = Field(1, ge=0)


InletSettings = Annotated[FolderSettings | OrthancSettings | DicomwebSettings, Field(discriminator="kind")]
