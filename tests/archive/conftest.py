"""A client of an archive."""

from lgeqa.archive.client import Archive
from lgeqa.archive.settings import ArchiveSettings


def connect(url: str, **settings: object) -> Archive:
    """Return a client that repeats a request twice, at once."""
    return Archive(ArchiveSettings.of({"url": url, **settings}), pauses_s=(0, 0))
