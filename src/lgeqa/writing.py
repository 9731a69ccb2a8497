"""Writing a file whole or not at all: beside its place first, then moved there; and one writer at a time in a folder.

So a process that is killed, or a machine that loses its power, leaves no half of a file, and another process that looks
finds all of it or nothing.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from lgeqa.errors import OutputError


def write_whole(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, whole or not at all.

    Raises:
        OutputError: no space, no permission, or something else is in the way.
    """
    write_through(path, lambda draft: draft.write_text(text, encoding="utf-8", newline=""))


def write_through(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a draft beside `path`, with the same suffix, and move it there.

    Raises:
        OutputError: no space, no permission, or something else is in the way.
    """
    draft = path.with_name(f".draft-{path.name}")
    try:
        write(draft)
        _flush(draft)  # else the name may reach the disk before the bytes, and the file is empty after a power failure
        draft.replace(path)
    except OSError as fault:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise not_written(path, fault) from None


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """Tell of what cannot be written below `path` in the block.

    Raises:
        OutputError: the system refused to write, for instance since the disk is full.
    """
    try:
        yield
    except OSError as fault:
        raise not_written(path, fault) from None


def _flush(path: Path) -> None:
    """Wait until the bytes of a file are on the disk."""
    file = os.open(path, os.O_RDWR)
    try:
        os.fsync(file)
    finally:
        os.close(file)


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Keep a folder, which is made if need be, from other runs of lgeqa until the end of the block or of the process.

    Raises:
        OutputError: another run writes into it, or it cannot be written.
    """
    lock = FileLock(folder / ".lock", timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise OutputError(
            f"{folder}: another run of lgeqa works in it. Wait until it has ended, or name another folder."
        ) from None
    except OSError as fault:
        raise not_written(folder, fault) from None
    try:
        yield
    finally:
        lock.release()


def not_written(path: Path, fault: OSError) -> OutputError:
    """What is told of a file or folder of the output that cannot be written or removed."""
    why = (fault.strerror or str(fault)).lower()
    return OutputError(
        f"{path}: cannot be written ({why}). Make room and make it writable, or name another output folder. "
        "The same command then goes on where it stopped."
    )
