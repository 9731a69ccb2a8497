"""Sources from which the scans of a cohort are read and assessed."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

from lgeqa.cohort.case import Case
from lgeqa.errors import ReadError
from lgeqa.io import Source, discover
from lgeqa.io.formatting import printable_path
from lgeqa.io.scan_ids import Name, unique_names
from lgeqa.io.stored_volume import hash_files
from lgeqa.io.suffixes import volume_suffix
from lgeqa.io.untrusted_files import opening
from lgeqa.io.volume import volume_files


def source_of(case: Case) -> Source:
    """Return the source of a case, which is its image with its mask.

    An image that is not a volume by its name is a DICOM file or a folder, in which `io.discover` finds the scan. The
    source is of kind `unusable` if there is no scan, or if there are several and the case does not name its series.
    """
    return replace(_image_source(case), scan_id=case.scan_id, mask_path=case.mask)


def sources_of(cases: Sequence[Case]) -> list[Source]:
    """Return the sources of cases, under names that are unique even if two cohorts have a scan name in common."""
    names = unique_names([Name((case.image.parent.parent.name, case.scan_id), 1) for case in cases])
    return [replace(source_of(case), scan_id=name) for name, case in zip(names, cases, strict=True)]


def content_of(case: Case) -> str:
    """Return a hash of the bytes of image and mask, which changes if one of them changes.

    Raises:
        ReadError: A file cannot be opened, a header cannot be read, or there is no scan.
    """
    source = source_of(case)
    if source.kind == "unusable":
        raise ReadError(source.fault)
    hashes = []
    if source.kind == "dicom":
        with opening(source.location):
            hashes.append(hash_files(source.files))
    volumes = (source.location if source.kind == "volume" else None, case.mask)
    for volume in filter(None, volumes):
        with opening(volume):
            hashes.append(hash_files(volume_files(volume)))
    return sha256(" ".join(hashes).encode()).hexdigest()


def _image_source(case: Case) -> Source:
    if volume_suffix(case.image):
        return Source(case.scan_id, "volume", case.image, (case.image,))
    found = discover([case.image])
    scans = [source for source in found if source.kind != "unusable"]
    chosen = [source for source in scans if not case.series or is_series(source, case.series)]
    if len(chosen) == 1:
        return chosen[0]
    if not scans:
        return found[0]
    names = ", ".join(source.scan_id for source in scans)
    matches = f", of which {len(chosen)} are series {case.series!r}" if case.series else ""
    fault = (
        f"{printable_path(case.image)}: holds {len(scans)} scans ({names}){matches}. Write the number or the "
        "SeriesInstanceUID of one of them, or its name as given here, in the column series of the table."
    )
    return Source(case.scan_id, "unusable", case.image, fault=fault)


def is_series(source: Source, series: str) -> bool:
    """Return whether `series` is the name of a scan, or the number or the SeriesInstanceUID of its DICOM series."""
    if series == source.scan_id or not source.series:
        return series == source.scan_id
    number, _, digest = source.series.removeprefix("s").partition("-")
    by_uid = sha256(series.encode()).hexdigest().startswith(digest)
    return series == number or by_uid or series.endswith(source.series)
