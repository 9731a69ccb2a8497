"""Sources from which the scans of a cohort are read and assessed."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

from lgeqa.cohort.case import Case
from lgeqa.io import Source
from lgeqa.io.scan_ids import Name, unique_names
from lgeqa.io.stored_volume import hash_files
from lgeqa.io.untrusted_files import opening
from lgeqa.io.volume import volume_files


def source_of(case: Case) -> Source:
    """Return the source of a case, which is its image with its mask."""
    return Source(case.scan_id, "volume", case.image, (case.image,), case.mask)


def sources_of(cases: Sequence[Case]) -> list[Source]:
    """Return the sources of cases, under names that are unique even if two cohorts have a scan name in common."""
    names = unique_names([Name((case.image.parent.parent.name, case.scan_id), 1) for case in cases])
    return [replace(source_of(case), scan_id=name) for name, case in zip(names, cases, strict=True)]


def content_of(case: Case) -> str:
    """Return a hash of the bytes of image and mask, which changes if one of them changes.

    Raises:
        ReadError: A file cannot be opened, or a header cannot be read.
    """
    hashes = []
    for image in [case.image] if case.mask is None else [case.image, case.mask]:
        with opening(image):
            hashes.append(hash_files(volume_files(image)))
    return sha256(" ".join(hashes).encode()).hexdigest()
