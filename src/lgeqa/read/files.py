"""Opening files that others made: regular ones only, so that no pipe or device can hold the reader."""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from io import BufferedReader
from pathlib import Path, PureWindowsPath

from lgeqa.errors import ReadError
from lgeqa.read.names import sanitised
from lgeqa.read.words import bounded, printable, reason, shown

#: File systems whose files are made up while they are read.
_KERNEL = {"bpf", "cgroup", "cgroup2", "configfs", "debugfs", "proc", "pstore", "securityfs", "sysfs", "tracefs"}
#: Opening a pipe does not wait for its other end.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


@contextmanager
def opening(location: Path) -> Iterator[None]:
    """Turn an OSError into a ReadError that names the file, or `location` where the system names none."""
    try:
        yield
    except OSError as fault:
        path = shown(Path(fault.filename or location))
        raise ReadError(f"{path}: cannot be read ({reason(fault)}). Check the path and permissions.") from None


def is_regular(path: Path) -> bool:
    """Return whether a path is a file with content of its own: no pipe, device, socket or entry of the kernel's.

    Raises:
        OSError: it cannot be looked at.
    """
    return _is_regular(path.stat())


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading; nothing else is opened.

    Raises:
        ReadError: the path is a folder, a pipe, a device, a socket or an entry of the kernel's.
        OSError: it cannot be opened.
    """
    if is_regular(path):
        file = open(os.open(path, _FLAGS), "rb")  # noqa: PTH123, SIM115 - the caller closes it
        if _is_regular(os.fstat(file.fileno())):  # what is there may have changed meanwhile
            return file
        file.close()
    raise ReadError(f"{shown(path)}: is no regular file, so it was not opened. Give the file itself.")


def _is_regular(seen: os.stat_result) -> bool:
    return stat.S_ISREG(seen.st_mode) and seen.st_dev not in _kernel_devices()


@cache
def _kernel_devices() -> frozenset[int]:
    """Return the numbers of the devices that file systems of the kernel are mounted as; empty where there are none."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    # third field: major:minor; first field behind the dash: type
    kinds = [(mount.split()[2].split(":"), mount.partition(" - ")[2].split()[0]) for mount in mounts]
    return frozenset(os.makedev(int(major), int(minor)) for (major, minor), kind in kinds if kind in _KERNEL)


def size_of(file: BufferedReader) -> int:
    """Return the bytes of an open file."""
    return os.fstat(file.fileno()).st_size


def data_file(header: Path, name: str, single: str) -> Path:
    """Return the path of the data file that a detached header names, also if it was sanitised as uploads are.

    Args:
        header: Path of the header.
        name: Name in the header.
        single: Suffix of volumes in one file, for the message.

    Raises:
        ReadError: there are several data files, or it does not lie in the header's folder or below, by its name or by
            a link.
    """
    if name.upper().startswith("LIST") or "%" in name or not name.isprintable():
        raise ReadError(
            f"{shown(header)}: keeps its voxels in several files ({printable(name)}). Save it as one {single} file."
        )
    path = header.parent / bounded(name)
    if not path.exists():
        path = header.parent.joinpath(*map(sanitised, re.split(r"[/\\]", name)))
    leads_out = Path(name).is_absolute() or PureWindowsPath(name).anchor or ".." in re.split(r"[/\\]", name)
    if leads_out or not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(header.parent)):
        raise ReadError(
            f"{shown(header)}: names a data file outside of its folder. Put the data beside the header and name them "
            f"there, or save the volume as one {single} file."
        )
    return path
