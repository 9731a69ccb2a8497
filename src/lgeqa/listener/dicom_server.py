"""DICOM node of the listener: C-ECHO, C-STORE of MR images, and questions about storage commitment."""

import logging
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Final

from pydicom import Dataset
from pydicom.uid import (
    JPEG2000,
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)
from pynetdicom import _config, evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.transport import ThreadedAssociationServer

from lgeqa.errors import LgeqaError, UsageError
from lgeqa.io.formatting import printable
from lgeqa.listener.errors import RefusedInstanceError
from lgeqa.listener.instance import RECEIVED_CLASSES
from lgeqa.listener.intake import Intake
from lgeqa.listener.settings import DicomSettings
from lgeqa.listener.storage_commitment import STORAGE_COMMITMENT, StorageCommitment
from lgeqa.listener.tls import server_context

_VERIFICATION: Final = UID("1.2.840.10008.1.1")
#: Transfer syntaxes that the extra `dicom` can decode.
_SYNTAXES: Final = [
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    JPEGLosslessSV1,
    JPEGLossless,
    JPEGLSLossless,
    JPEGLSNearLossless,
    JPEG2000Lossless,
    JPEG2000,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    RLELossless,
]
#: Statuses of responses by PS3.7, annex C.
_SUCCESS: Final = 0x0000
_INVALID_ARGUMENT: Final = 0x0115
_NO_SUCH_ACTION: Final = 0x0123
_NOT_AUTHORIZED: Final = 0x0124
_NO_RESOURCES: Final = 0x0213
#: Action of a question about storage commitment.
_ASK: Final = 1
#: Seconds without a message after which an association is ended.
_TIMEOUT_S: Final = 60.0
#: Length of ErrorComment.
_COMMENT_LENGTH: Final = 64
#: Bytes of a message beside its instance.
_OVERHEAD_BYTES: Final = 1_000_000
_logger = logging.getLogger("lgeqa.listener")


class DicomServer:
    """Receiver of instances by DICOM, which go to the disk as they come, so that memory stays small."""

    def __init__(
        self, settings: DicomSettings, commitment: StorageCommitment, drafts: Path, max_instance_bytes: int
    ) -> None:
        """Prepare the node.

        Args:
            settings: Settings of the node.
            commitment: Answers to questions about storage commitment.
            drafts: Folder of the spool for instances that are being received.
            max_instance_bytes: Largest instance. An association that sends a larger one is aborted.

        Raises:
            ConfigError: The files for TLS cannot be used.
        """
        self._settings, self._commitment, self._drafts = settings, commitment, drafts
        self._most_bytes = max_instance_bytes + _OVERHEAD_BYTES
        self._tls = server_context(settings.tls) if settings.tls else None
        self._received: Counter[Any] = Counter()
        self._server: ThreadedAssociationServer | None = None

    def start(self, intake: Intake) -> None:
        """Begin to receive instances.

        Raises:
            UsageError: The address cannot be used, for instance because another program listens there.
        """
        settings = self._settings
        _config.STORE_RECV_CHUNKED_DATASET = True
        _config.LOG_HANDLER_LEVEL = "none"
        tempfile.tempdir = str(self._drafts)  # pynetdicom has no other way to say where it writes instances
        handlers: list[Any] = [
            (evt.EVT_C_STORE, self._store, [intake]),
            (evt.EVT_N_ACTION, self._ask),
            (evt.EVT_PDU_RECV, self._bound_size),
            (evt.EVT_REJECTED, self._log_rejection),
            (evt.EVT_ABORTED, _log_abortion),
            (evt.EVT_CONN_CLOSE, self._forget),
        ]
        try:
            self._server = self._entity().start_server(
                (settings.host, settings.port), block=False, ssl_context=self._tls, evt_handlers=handlers
            )
        except OSError as error:
            raise UsageError(
                f"{settings.host}:{settings.port}: cannot be listened on ({(error.strerror or str(error)).lower()}). "
                "Name another host or port in [dicom], or end the program that listens there."
            ) from None
        _logger.info("listening on %s:%d as %s", settings.host, settings.port, settings.ae_title)

    def stop(self) -> None:
        """Abort all associations and receive nothing any more."""
        if self._server:
            self._server.shutdown()
        tempfile.tempdir = None

    def _entity(self) -> ApplicationEntity:
        settings = self._settings
        entity = ApplicationEntity(settings.ae_title)
        entity.require_called_aet = True
        entity.require_calling_aet = [sender.ae_title for sender in settings.senders]
        entity.maximum_associations = settings.max_associations
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = _TIMEOUT_S
        entity.add_supported_context(_VERIFICATION)
        for sop_class in RECEIVED_CLASSES:
            entity.add_supported_context(sop_class, list(map(UID, _SYNTAXES)))
        if any(self._commitment.serves(sender.ae_title) for sender in settings.senders):
            entity.add_supported_context(STORAGE_COMMITMENT)
        return entity

    def _store(self, event: evt.Event, intake: Intake) -> int | Dataset:
        """Answer a C-STORE request, with success once the instance is on the disk."""
        self._received[event.assoc] = 0
        sender = _sender(event)
        try:
            intake.accept(event.dataset_path, sender)
        except RefusedInstanceError as error:
            _logger.warning("%s: an instance was refused with the status 0x%04X. %s", sender, error.status, error)
            return _status(error.status, str(error))
        return _SUCCESS

    def _ask(self, event: evt.Event) -> tuple[int, None]:
        """Answer an N-ACTION request, with success once the question is on the disk."""
        self._received[event.assoc] = 0
        sender = _sender(event)
        if not self._commitment.serves(sender):
            return _NOT_AUTHORIZED, None
        if event.action_type != _ASK:
            return _NO_SUCH_ACTION, None
        try:
            self._commitment.ask(sender, event.action_information)
        except AttributeError:
            return _INVALID_ARGUMENT, None
        except LgeqaError as error:
            _logger.error("%s", error)
            return _NO_RESOURCES, None
        return _SUCCESS, None

    def _bound_size(self, event: evt.Event) -> None:
        """Abort an association whose message is too large."""
        self._received[event.assoc] += len(event.pdu)
        if self._received[event.assoc] > self._most_bytes:
            _logger.warning("%s: an instance is too large. Raise max_instance_mb.", _sender(event))
            event.assoc.abort()

    def _log_rejection(self, event: evt.Event) -> None:
        _logger.warning(
            "%s: its association was rejected. It must be one of the senders, call %s, and keep to max_associations.",
            _sender(event),
            self._settings.ae_title,
        )

    def _forget(self, event: evt.Event) -> None:
        self._received.pop(event.assoc, None)


def _log_abortion(event: evt.Event) -> None:
    _logger.warning("%s: the association was aborted. Its series is whole after the quiet time.", _sender(event))


def _sender(event: evt.Event) -> str:
    """Return the calling AE title of an association, safe to print."""
    return printable(str(event.assoc.requestor.ae_title).strip())


def _status(status: int, comment: str) -> Dataset:
    response = Dataset()
    response.Status, response.ErrorComment = status, comment[:_COMMENT_LENGTH]
    return response
