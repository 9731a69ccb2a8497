"""Reasons why an instance is not kept, or a result not delivered."""

from typing import ClassVar

from lgeqa.errors import LgeqaError


class RefusedInstanceError(LgeqaError):
    """An instance is not kept, and its sender gets a status that says so.

    Attributes:
        status: Status of the C-STORE response, by PS3.7, annex C.
    """

    status: ClassVar[int] = 0xC000


class SpoolFullError(RefusedInstanceError):
    """The spool has no space. The sender may try again later."""

    status = 0xA700


class OtherPixelsError(RefusedInstanceError):
    """Another instance with the same SOPInstanceUID and other pixels is in the spool already."""

    status = 0xC001


class DeliveryError(LgeqaError):
    """A destination did not take a result. It is tried again later."""
