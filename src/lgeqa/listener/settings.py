"""Settings of `lgeqa listen` in a TOML file."""

from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from lgeqa.archive.settings import ArchiveSettings
from lgeqa.config import Settings
from lgeqa.inference.pipeline import AssessSettings
from lgeqa.listener.inlet_settings import InletSettings, Name
from lgeqa.listener.selection import Selection
from lgeqa.threads import TIMEOUT_S

#: Longest AE title, by PS3.5.
_AE_LENGTH: Final = 16


def _is_ae_title(title: str) -> str:
    if not (0 < len(title) <= _AE_LENGTH and title.isascii() and title.isprintable() and "\\" not in title):
        raise ValueError(f"is not an AE title. Give 1 to {_AE_LENGTH} ASCII characters without a backslash.")
    if title != title.strip():
        raise ValueError("is not an AE title. Leave out the spaces around it.")
    return title


AeTitle = Annotated[str, AfterValidator(_is_ae_title)]
Port = Annotated[int, Field(ge=1, le=65535)]


class SpoolSettings(Settings):
    """Folder for everything that the listener received and has not finished.

    Attributes:
        folder: Path of the folder, relative to the folder of the TOML file. It must be on a local disk.
        max_mb: Megabytes that all images together may have. A sender is asked to try again later when they are used up.
        max_instance_mb: Megabytes that one instance may have.
        keep_hours: Hours that images and results are kept after the last destination took them.
        keep_other_hours: Hours that images are kept of series that the rules do not choose.
    """

    folder: Path
    max_mb: int = Field(20_000, ge=1)
    max_instance_mb: int = Field(256, ge=1)
    keep_hours: float = Field(24.0, ge=0)
    keep_other_hours: float = Field(1.0, ge=0)


class TlsServer(Settings):
    """TLS of the DICOM node.

    Attributes:
        certificate: PEM file of the node's certificate chain, relative to the folder of the TOML file.
        key: PEM file of its private key.
        client_ca: PEM file of the authorities whose certificates senders must have. None to ask senders for none.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None


class TlsClient(Settings):
    """TLS to another DICOM node.

    Attributes:
        ca: PEM file of the authorities that may have signed the other node's certificate, relative to the folder of the
            TOML file. None for the system's.
        certificate: PEM file of lgeqa's own certificate chain. None to show none.
        key: PEM file of its private key.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    @model_validator(mode="after")
    def _has_key(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together. Name both, or neither.")
        return self


class SenderSettings(Settings):
    """A node that may send images.

    Attributes:
        ae_title: Its calling AE title.
        commitment_host: Host that reports of storage commitment go to. None to commit to nothing for this node.
        commitment_port: Port that they go to.
    """

    ae_title: AeTitle
    commitment_host: str | None = None
    commitment_port: Port = 104


class DicomSettings(Settings):
    """DICOM node of the listener.

    Attributes:
        ae_title: AE title that senders must call.
        host: Address to listen on. The default accepts senders on this machine only.
        port: Port to listen on.
        senders: Nodes that may send.
        max_associations: Largest number of associations at the same time.
        tls: TLS of the node. None for none.
    """

    ae_title: AeTitle = "LGEQA"
    host: str = "127.0.0.1"
    port: Port = 11112
    senders: tuple[SenderSettings, ...] = Field(min_length=1)
    max_associations: int = Field(10, ge=1)
    tls: TlsServer | None = None


class SeriesSettings(Settings):
    """When a series is whole.

    Attributes:
        quiet_seconds: Seconds without a new image after which a series is whole.
        counts: Elements with the number of images of a series, at which it is whole at once. The first one that an
            image has counts.
    """

    quiet_seconds: float = Field(20.0, gt=0)
    counts: tuple[Literal["NumberOfSeriesRelatedInstances", "ImagesInAcquisition"], ...] = (
        "NumberOfSeriesRelatedInstances",
    )


class RetrySettings(Settings):
    """Pauses between attempts to deliver a result. Each is about twice the one before.

    Attributes:
        first_seconds: First pause.
        longest_seconds: Longest pause.
        give_up_hours: Hours of attempts after which a result is put into `failed`. None to try forever.
    """

    first_seconds: float = Field(2.0, gt=0)
    longest_seconds: float = Field(300.0, gt=0)
    give_up_hours: float | None = Field(None, gt=0)


class _TakesObjects(Settings):
    """A destination that gets the DICOM objects of a result.

    Attributes:
        objects: Kinds of objects that it gets: report, page of the report, segmentation and heat map.
    """

    objects: tuple[Literal["sr", "pdf", "seg", "heat_map"], ...] = Field(("sr", "pdf", "seg", "heat_map"), min_length=1)


class NodeSettings(_TakesObjects):
    """A DICOM node that gets the DICOM objects of a result.

    Attributes:
        kind: Kind of the destination.
        name: Name in logs and receipts.
        host: Host of the node.
        port: Port of the node.
        ae_title: AE title of the node.
        calling_ae_title: AE title of lgeqa.
        timeout: Seconds to wait for the node.
        tls: TLS to the node. None for none.
        objects: Kinds of objects that it gets: report, page of the report, segmentation and heat map.
    """

    kind: Literal["dicom"]
    name: Name
    host: str
    port: Port = 104
    ae_title: AeTitle
    calling_ae_title: AeTitle = "LGEQA"
    timeout: float = Field(30.0, gt=0)
    tls: TlsClient | None = None


class WebSettings(Settings):
    """The web application of lgeqa, which gets the images of a series and assesses them for its own list.

    Attributes:
        kind: Kind of the destination.
        name: Name in logs and receipts.
        url: Address of the application, such as `http://127.0.0.1:8765`.
        token_file: File with the token of the owner, relative to the folder of the TOML file.
        ca: PEM file of the authorities that may have signed the server's certificate. None for the system's.
        timeout: Seconds to wait for the server.
    """

    kind: Literal["web"]
    name: Name
    url: str = Field(pattern=r"^https?://")
    token_file: Path
    ca: Path | None = None
    timeout: float = Field(60.0, gt=0)


class UrlSettings(Settings):
    """A URL that gets the records of a result as JSON by POST.

    Attributes:
        kind: Kind of the destination.
        name: Name in logs and receipts.
        url: Address.
        token_file: File with a token for `Authorization: Bearer`, relative to the folder of the TOML file. None to send
            none.
        ca: PEM file of the authorities that may have signed the server's certificate. None for the system's.
        timeout: Seconds to wait for the server.
    """

    kind: Literal["url"]
    name: Name
    url: str = Field(pattern=r"^https?://")
    token_file: Path | None = None
    ca: Path | None = None
    timeout: float = Field(30.0, gt=0)


class CommandSettings(Settings):
    """A command that gets the records of a result as JSON on standard input.

    Attributes:
        kind: Kind of the destination.
        name: Name in logs and receipts.
        command: Program and its arguments. No shell is involved. `{folder}` becomes the folder of the results, and
            `{id}` the name of the result.
        timeout: Seconds that it may run.
    """

    kind: Literal["command"]
    name: Name
    command: tuple[str, ...] = Field(min_length=1)
    timeout: float = Field(60.0, gt=0)


class StowSettings(ArchiveSettings, _TakesObjects):
    """An archive that gets the DICOM objects of a result by STOW-RS. It has the settings of any archive, too.

    Attributes:
        kind: Kind of the destination.
        name: Name in logs and receipts.
        objects: Kinds of objects that it gets: report, page of the report, segmentation and heat map.
    """

    kind: Literal["stow"]
    name: Name


DestinationSettings = Annotated[
    NodeSettings | WebSettings | UrlSettings | CommandSettings | StowSettings, Field(discriminator="kind")
]


class ListenSettings(Settings):
    """Settings of `lgeqa listen`.

    Attributes:
        spool: Folder for everything that is not finished.
        dicom: DICOM node of the listener. None for none.
        inlets: Archives and folders that images come from, too.
        series: Rule by which a series is whole.
        select: Rules of which series are assessed.
        bundle: Folder of a trained model, relative to the folder of the TOML file. None for the model in the package.
        timeout: Seconds that the assessment of a series may take.
        assess: Settings of the assessment.
        retry: Pauses between attempts to deliver a result.
        destinations: Receivers of the results.
    """

    spool: SpoolSettings
    dicom: DicomSettings | None = None
    inlets: tuple[InletSettings, ...] = ()
    series: SeriesSettings = SeriesSettings()
    select: Selection = Selection()
    bundle: Path | None = None
    timeout: float = Field(TIMEOUT_S, ge=1)
    assess: AssessSettings = AssessSettings()
    retry: RetrySettings = RetrySettings()
    destinations: tuple[DestinationSettings, ...] = ()

    @model_validator(mode="after")
    def _has_unique_names(self) -> Self:
        for kind, table in {"destinations": self.destinations, "inlets": self.inlets}.items():
            names = [item.name for item in table]
            if repeated := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"{kind}: two have the name {repeated[0]!r}. Give each its own.")
        return self

    @model_validator(mode="after")
    def _has_source(self) -> Self:
        if self.dicom is None and not self.inlets:
            raise ValueError("nothing to listen to. Give the table dicom, or [[inlets]].")
        return self

    @property
    def destination_names(self) -> tuple[str, ...]:
        """Names of the destinations."""
        return tuple(destination.name for destination in self.destinations)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the settings, with paths made relative to the folder of the file.

        Raises:
            ConfigError: The file cannot be read, or a key or a value is not valid.
        """
        return cls.of(_based(cls.from_toml(path).model_dump(), path.absolute().parent), str(path))


def _based(value: Any, folder: Path) -> Any:
    """Return values in which each path is below `folder` unless it is absolute."""
    match value:
        case Path():
            return folder / value
        case dict():
            return {key: _based(item, folder) for key, item in value.items()}
        case tuple() | list():
            return type(value)(_based(item, folder) for item in value)
        case _:
            return value
