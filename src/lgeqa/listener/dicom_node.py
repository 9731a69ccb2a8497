"""A DICOM node that gets the DICOM objects of a result by C-STORE."""

from pathlib import Path
from time import sleep
from typing import Final

from pydicom import dcmread
from pydicom.filereader import read_file_meta_info
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association

from lgeqa.formatting import plural
from lgeqa.io.dicom_header import quiet
from lgeqa.listener.destination import Delivery
from lgeqa.listener.errors import DeliveryError
from lgeqa.listener.settings import NodeSettings
from lgeqa.listener.tls import client_context

#: Statuses with which a node has the object: success, warnings, and that it had the object already.
_TAKEN: Final = (0x0000, 0x0107, 0x0111, 0x0116, 0xB000, 0xB006, 0xB007)
#: Seconds after a response in which pynetdicom may not listen for the next one yet, on a busy machine.
_PAUSE_S: Final = 0.02


class DicomNode:
    """Destination by C-STORE. An object that is sent again has the same SOPInstanceUID."""

    def __init__(self, settings: NodeSettings) -> None:
        self._settings = settings
        tls = settings.tls
        self._tls = (client_context(tls.ca, tls.certificate, tls.key), settings.host) if tls else None

    @property
    def name(self) -> str:
        """Name in the settings."""
        return self._settings.name

    def deliver(self, delivery: Delivery) -> str:
        """Send the DICOM objects of a result.

        Raises:
            DeliveryError: The node cannot be reached, or did not take all objects.
        """
        objects = delivery.objects(self._settings.objects)
        if not objects:
            return "there are no DICOM objects"
        association = self._associate(objects)
        try:
            for path in objects:
                self._send(association, path)
                sleep(_PAUSE_S)
        finally:
            if association.is_established:
                association.release()
        return plural(len(objects), "DICOM object")

    def _associate(self, paths: list[Path]) -> Association:
        settings = self._settings
        entity = ApplicationEntity(settings.calling_ae_title)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = settings.timeout
        entity.connection_timeout = settings.timeout
        for sop_class, syntax in sorted({_context_of(path) for path in paths}):
            entity.add_requested_context(sop_class, syntax)
        association = entity.associate(settings.host, settings.port, ae_title=settings.ae_title, tls_args=self._tls)
        if association.is_established:
            return association
        if association.is_rejected:
            raise DeliveryError(
                f"{self._where} rejects the association. Check its AE title {settings.ae_title}, and that it knows "
                f"{settings.calling_ae_title}."
            )
        raise DeliveryError(f"{self._where} cannot be reached. Check that it runs, its host, port and TLS.")

    def _send(self, association: Association, path: Path) -> None:
        with quiet():
            dataset = dcmread(path)
        try:
            status = association.send_c_store(dataset).get("Status")
        except ValueError:
            raise DeliveryError(
                f"{self._where} does not accept {path.stem} objects. Allow their SOP class, or leave them out of "
                "`objects`."
            ) from None
        except RuntimeError:
            status = None
        if status is None:
            raise DeliveryError(f"{self._where} broke the association off, or did not answer in time. See its log.")
        if status not in _TAKEN:
            raise DeliveryError(f"{self._where} refused {path.stem} with the status 0x{status:04X}. See its log.")

    @property
    def _where(self) -> str:
        return f"The DICOM node {self.name} ({self._settings.host}:{self._settings.port})"


def _context_of(path: Path) -> tuple[str, str]:
    meta = read_file_meta_info(path)
    return str(meta.MediaStorageSOPClassUID), str(meta.TransferSyntaxUID)
