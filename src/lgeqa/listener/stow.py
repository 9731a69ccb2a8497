"""An archive that gets the DICOM objects of a result by STOW-RS."""

from lgeqa.archive.client import Archive
from lgeqa.errors import ArchiveError, ReadError
from lgeqa.formatting import plural
from lgeqa.listener.destination import Delivery
from lgeqa.listener.errors import DeliveryError
from lgeqa.listener.settings import StowSettings


class StowArchive:
    """Destination by STOW-RS. An object that is sent again has the same SOPInstanceUID."""

    def __init__(self, settings: StowSettings) -> None:
        self._settings = settings
        self._archive = Archive(settings, pauses_s=())

    @property
    def name(self) -> str:
        """Name in the settings."""
        return self._settings.name

    def deliver(self, delivery: Delivery) -> str:
        """Store the DICOM objects of a result.

        Raises:
            DeliveryError: The archive cannot be reached, or did not take all objects.
        """
        objects = delivery.objects(self._settings.objects)
        if not objects:
            return "there are no DICOM objects"
        for path in objects:
            try:
                self._archive.store(path)
            except (ArchiveError, ReadError) as error:
                raise DeliveryError(f"{self.name}: {error}") from None
        return plural(len(objects), "DICOM object")
