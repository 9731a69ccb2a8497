"""What the operating system refuses, told like every other fault."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lgeqa.errors import ReadError
from lgeqa.read.words import reason, shown


@contextmanager
def opening(location: Path) -> Iterator[None]:
    """Turn an OSError into a ReadError that names the file, or `location` where the system names none."""
    try:
        yield
    except OSError as fault:
        path = shown(Path(fault.filename or location))
        raise ReadError(f"{path}: cannot be read ({reason(fault)}). Check the path and permissions.") from None
