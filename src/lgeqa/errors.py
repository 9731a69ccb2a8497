"""Faults, one class for each kind, and the exit code that each kind ends a command with."""

import errno
from typing import ClassVar, Final, Literal

#: Errors of the system that are no matter of the files or of lgeqa, and may be over at the next try.
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
    """Base of every fault that lgeqa raises on purpose.

    The message names the offending file and value and the way out, in one or two sentences.
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
    """A result cannot be written where it was asked for."""


class UploadError(UsageError):
    """What was sent to the server cannot be taken; nothing of it is kept."""


class TooLargeError(UploadError):
    """What was sent to the server is larger than it takes."""


class MissingExtraError(UsageError):
    """A feature needs an optional package that is not installed."""


class TrainingError(LgeqaError):
    """A training stopped before its end; the checkpoint of its last whole epoch is intact."""

    exit_code = 4


class ScanError(LgeqaError):
    """One scan cannot be assessed. `status` is what its record says; the run goes on."""

    exit_code = 3

    status: ClassVar[Literal["failed", "not_assessable"]] = "failed"


class ReadError(ScanError):
    """The files of a scan cannot be read, or are no 3-D scan at all."""


class NotAssessableError(ScanError):
    """The scan was read, but it is not one whose quality can be judged."""

    status = "not_assessable"


def fault_of_the_machine(fault: BaseException | None) -> OSError | MemoryError | None:
    """Return the fault of a disk, of open files or of memory that another fault is or came of; else None."""
    while fault:
        if isinstance(fault, MemoryError) or (isinstance(fault, OSError) and fault.errno in _OF_THE_MACHINE):
            return fault
        fault = fault.__cause__ or fault.__context__
    return None
