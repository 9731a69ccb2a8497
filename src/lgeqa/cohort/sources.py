"""The scans of a cohort as they are read and assessed."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

from lgeqa.cohort.case import Case
from lgeqa.read import Source
from lgeqa.read.files import opening
from lgeqa.read.names import Name, unique_names
from lgeqa.read.stack import hash_files
from lgeqa.read.volume import volume_files


def source_of(case: Case) -> Source:
    """Return the image of a case with its mask, to be read."""
    return Source(case.scan_id, "volume", case.image, (case.image,), case.mask)


def sources_of(cases: Sequence[Case]) -> list[Source]:
    """Return the images of cases, under names that are unique also where two cohorts have a name in common."""
    names = unique_names([Name((case.image.parent.parent.name, case.scan_id), 1) for case in cases])
    return [replace(source_of(case), scan_id=name) for name, case in zip(names, cases, strict=True)]


def content_of(case: Case) -> str:
    """Return a hash of the bytes of image and mask, by which a changed one is known.

    Raises:
        ReadError: a file cannot be opened, or a header cannot be read.
    """
    hashes = []
    for image in [case.image] if case.mask is None else [case.image, case.mask]:
        with opening(image):
            hashes.append(hash_files(volume_files(image)))
    return sha256(" ".join(hashes).encode()).hexdigest()
