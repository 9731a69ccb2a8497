"""Atomic writing of files, and one writer at a time in a folder.

A file is written beside its place first and then moved there. So a process that is killed, or a machine that loses its
power, leaves no partial file, and another process finds either the whole file or nothing.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from lgeqa.errors import OutputError

#: Start of the name of a file that is not complete yet.
DRAFT = ".draft-"
#: Name of the file by which a run claims a folder.
LOCK = ".lock"


def write_whole(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, completely or not at all.

    Raises:
        OutputError: There is no space or no permission, or something else prevents writing.
    """
    write_through(path, lambda draft: draft.write_text(text, encoding="utf-8", newline=""))


def write_through(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` create a draft beside `path`, with the same suffix, and move it to `path`.

    Raises:
        OutputError: There is no space or no permission, or something else prevents writing.
    """
    draft = path.with_name(f"{DRAFT}{path.name}")
    try:
        write(draft)
        flush(draft)  # else the name may reach the disk before the bytes, and the file is empty after a power failure
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise not_written(path, error) from None


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """Raise OutputError if something below `path` cannot be written in the block.

    Raises:
        OutputError: The system refused to write, for instance because the disk is full.
    """
    try:
        yield
    except OSError as error:
        raise not_written(path, error) from None


def flush(path: Path) -> None:
    """Wait until the bytes of a file, or the names in a folder, are on the disk. Windows knows no folders here.

    Raises:
        OSError: They cannot be written.
    """
    is_folder = path.is_dir()
    if is_folder and os.name == "nt":
        return
    file = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
    try:
        os.fsync(file)
    finally:
        os.close(file)


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Lock a folder, which is created if needed, against other runs of lgeqa until the block or the process ends.

    A folder that was created for a block that fails before it writes anything is removed again.

    Raises:
        OutputError: Another run writes to the folder, or it cannot be written.
    """
    lock = FileLock(folder / LOCK, timeout=0)
    created = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise OutputError(
            f"{folder}: another run of lgeqa works in it. Wait until it has ended, or name another folder."
        ) from None
    except OSError as error:
        raise not_written(folder, error) from None
    try:
        yield
    finally:
        if created and [path.name for path in folder.iterdir()] == [LOCK]:
            (folder / LOCK).unlink()
        lock.release()
        if created and not any(folder.iterdir()):
            folder.rmdir()


def not_written(path: Path, fault: OSError) -> OutputError:
    """Return the error for a file or folder of the output that cannot be written or removed."""
    why = (fault.strerror or str(fault)).lower()
    return OutputError(
        f"{path}: cannot be written ({why}). Make room and make it writable, or name another output folder. "
        "The same command then continues where it stopped."
    )
