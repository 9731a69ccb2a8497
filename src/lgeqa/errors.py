"""Errors, one class for each kind, and the exit code with which each kind ends a command."""

import errno
from typing import ClassVar, Final, Literal

#: Errors of the operating system that neither the files nor lgeqa cause, and that may be gone at the next attempt.
_OF_THE_MACHINE: Final = {
    errno.EDQUOT,
    errno.EFBIG,
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.ENOSPC,
    errno.EROFS,
}


class LgeqaError(Exception):
    """Base class of every error that lgeqa raises on purpose.

    The message names the offending file and value and the remedy, in one or two sentences.
    """

    exit_code: ClassVar[int] = 1


class UsageError(LgeqaError):
    """The command or function was called in a way that cannot work."""

    exit_code = 2


class ConfigError(UsageError):
    """A setting is unknown, out of range or in conflict with another."""


class CohortError(UsageError):
    """A cohort table, its scores or its split cannot be used."""


class BundleError(UsageError):
    """A bundle is incomplete, altered or made for another version."""


class OutputError(UsageError):
    """A result cannot be written to the requested place."""


class UploadError(UsageError):
    """An upload cannot be accepted, and nothing of it is kept."""


class TooLargeError(UploadError):
    """An upload is larger than the server accepts."""


class QuotaError(UsageError):
    """A person has as many scans in the queue as the server allows."""


class ArchiveError(UsageError):
    """An image archive refuses a request, or is none."""


class ArchiveUnavailableError(ArchiveError):
    """An image archive cannot be reached or is overloaded, and may answer another time."""


class MissingExtraError(UsageError):
    """A feature needs an optional package that is not installed."""


class TrainingError(LgeqaError):
    """A training stopped early. The checkpoint of its last complete epoch is intact."""

    exit_code = 4


class DivergedError(TrainingError):
    """The loss of a training is no finite number any more."""


class ScanError(LgeqaError):
    """One scan cannot be assessed. Its record gets this `status`, and the run continues."""

    exit_code = 3

    status: ClassVar[Literal["failed", "not_assessable"]] = "failed"


class ReadError(ScanError):
    """The files of a scan cannot be read, or do not hold a 3-D scan."""


class NotAssessableError(ScanError):
    """The scan was read, but its quality cannot be judged."""

    status = "not_assessable"


def fault_of_the_machine(fault: BaseException | None) -> OSError | MemoryError | None:
    """Return the disk, open-file or memory error that an exception is or was caused by, or None if there is none."""
    while fault:
        if isinstance(fault, MemoryError) or (isinstance(fault, OSError) and fault.errno in _OF_THE_MACHINE):
            return fault
        fault = fault.__cause__ or fault.__context__
    return None


def system_reason(error: OSError | MemoryError) -> str:
    """Return the system's description of an error, such as "input/output error", without its number and path."""
    return "memory ran out" if isinstance(error, MemoryError) else (error.strerror or "unknown error").lower()
