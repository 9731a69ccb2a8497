"""Writing a file whole or not at all: beside its place first, then moved there.

So a process that is killed leaves no half of a file, and another one that looks finds all of it or nothing.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

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
        draft.replace(path)
    except OSError as fault:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise not_written(path, fault) from None


def not_written(path: Path, fault: OSError) -> OutputError:
    """What is told of a file or folder of the output that cannot be written or removed."""
    why = (fault.strerror or str(fault)).lower()
    return OutputError(
        f"{path}: cannot be written ({why}). Make room and make it writable, or name another output folder. "
        "The same command then goes on where it stopped."
    )
