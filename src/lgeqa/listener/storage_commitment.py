"""Storage commitment by PS3.4, annex J: reports on which instances are in the spool, to nodes that asked for them."""

import logging
import uuid
from pathlib import Path
from threading import Event
from typing import Final

from pydantic import ValidationError
from pydicom import Dataset
from pydicom.uid import UID
from pynetdicom.ae import ApplicationEntity
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import build_role
from pynetdicom.sop_class import StorageCommitmentPushModelInstance

from lgeqa.atomic_io import write_whole
from lgeqa.listener.backoff import Backoff
from lgeqa.listener.errors import DeliveryError
from lgeqa.listener.instance import instance_name
from lgeqa.listener.settings import DicomSettings, SenderSettings
from lgeqa.listener.spool import Spool
from lgeqa.records import Record

#: SOP class of storage commitment.
STORAGE_COMMITMENT: Final = UID("1.2.840.10008.1.20.1")
#: Event types of a report: all instances are committed to, or some are not.
_ALL: Final = 1
_SOME: Final = 2
#: Failure reason: no such object instance.
_NOT_THERE: Final = 0x0112
_LOOK_EVERY: Final = 1.0
_TIMEOUT_S: Final = 30.0
_logger = logging.getLogger("lgeqa.listener")


class CommitmentRequest(Record):
    """Question of a node whether some instances are safe.

    Attributes:
        sender: AE title of the node.
        transaction: TransactionUID.
        instances: SOPClassUID and SOPInstanceUID of each instance.
    """

    sender: str
    transaction: str
    instances: tuple[tuple[str, str], ...]


class StorageCommitment:
    """Keeper of the questions in a folder of the spool until their reports have arrived."""

    def __init__(self, settings: DicomSettings, spool: Spool, backoff: Backoff) -> None:
        self._senders = {sender.ae_title: sender for sender in settings.senders if sender.commitment_host}
        self._ae_title, self._spool, self._backoff = settings.ae_title, spool, backoff
        self._folder = spool.path / "commitments"
        self._folder.mkdir(exist_ok=True)
        #: Set when there is a new question.
        self.changed = Event()

    def serves(self, ae_title: str) -> bool:
        """Return whether a node may ask."""
        return ae_title in self._senders

    def ask(self, sender: str, action: Dataset) -> None:
        """Keep the question of a node, which is on the disk when this returns.

        Raises:
            OutputError: It cannot be written.
        """
        instances = tuple(
            (str(item.ReferencedSOPClassUID), str(item.ReferencedSOPInstanceUID))
            for item in action.ReferencedSOPSequence
        )
        request = CommitmentRequest(sender=sender, transaction=str(action.TransactionUID), instances=instances)
        write_whole(self._folder / f"{uuid.uuid4().hex}.json", request.model_dump_json())
        self.changed.set()

    def run(self, stop: Event) -> None:
        """Send reports until `stop` is set."""
        while not stop.is_set():
            self.changed.clear()
            self.report_due()
            self.changed.wait(_LOOK_EVERY)

    def report_due(self) -> None:
        """Try to send every report whose pause is over."""
        paths = sorted(self._folder.glob("*.json"))
        self._backoff.forget_all_but({path.stem for path in paths})
        for path in paths:
            if self._backoff.is_due(path.stem):
                self._try(path)

    def _try(self, path: Path) -> None:
        try:
            request = CommitmentRequest.model_validate_json(path.read_bytes())
            sender = self._senders[request.sender]
        except (ValidationError, KeyError):
            _logger.error("A question about storage commitment was dropped, since its node may not ask any more.")
            path.unlink()
            return
        try:
            self._report(sender, request)
        except DeliveryError as error:
            failures = self._backoff.fail(path.stem)
            pause = self._backoff.pause(path.stem)
            _logger.warning("Storage commitment: attempt %d failed, next in %.0f s. %s", failures.number, pause, error)
            if self._backoff.is_over(path.stem):
                _logger.error("Storage commitment: the report was given up.")
                path.unlink()
        else:
            path.unlink()

    def _report(self, sender: SenderSettings, request: CommitmentRequest) -> None:
        event_type, report = self._report_on(request)
        entity = ApplicationEntity(self._ae_title)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = _TIMEOUT_S
        entity.connection_timeout = _TIMEOUT_S
        entity.add_requested_context(STORAGE_COMMITMENT)
        where = f"{sender.ae_title} ({sender.commitment_host}:{sender.commitment_port})"
        association = entity.associate(
            str(sender.commitment_host),
            sender.commitment_port,
            ae_title=sender.ae_title,
            ext_neg=[_provider_role()],
        )
        if not association.is_established:
            raise DeliveryError(f"{where} cannot be reached for a report. Check its host and port.")
        try:
            status, _ = association.send_n_event_report(
                report, event_type, STORAGE_COMMITMENT, StorageCommitmentPushModelInstance
            )
        except (ValueError, RuntimeError):
            raise DeliveryError(f"{where} does not accept reports of storage commitment.") from None
        finally:
            if association.is_established:
                association.release()
        if status.get("Status") != 0:
            raise DeliveryError(f"{where} did not take a report of storage commitment. See its log.")

    def _report_on(self, request: CommitmentRequest) -> tuple[int, Dataset]:
        """Return the type of a report and the report."""
        committed, failed = [], []
        for sop_class, sop_instance in request.instances:
            item = Dataset()
            item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, sop_instance
            if self._spool.holds_instance(instance_name(sop_instance)):
                committed.append(item)
            else:
                item.FailureReason = _NOT_THERE
                failed.append(item)
        report = Dataset()
        report.TransactionUID = request.transaction
        report.ReferencedSOPSequence = committed
        if failed:
            report.FailedSOPSequence = failed
        return (_SOME if failed else _ALL), report


def _provider_role() -> SCP_SCU_RoleSelectionNegotiation:
    """Return the negotiation by which the listener, which asks for the association, is the provider in it."""
    return build_role(STORAGE_COMMITMENT, scp_role=True)
