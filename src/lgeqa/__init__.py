"""Quality assessment of left-atrial late-gadolinium-enhancement MRI."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from os import PathLike

    from lgeqa.bundle import Bundle
    from lgeqa.records import ScanResult

__all__ = ["assess"]


def assess(
    scan: "str | PathLike[str]",
    *,
    bundle: "Bundle | str | PathLike[str] | None" = None,
    threshold: float | None = None,
    mask: "str | PathLike[str] | None" = None,
) -> "ScanResult":
    """Assess one scan.

    Args:
        scan: a volume (NRRD, NIfTI, MetaImage), or a folder that holds one scan, for instance a DICOM series.
        bundle: the trained model: a bundle's folder, or one from `lgeqa.bundle.open_bundle`, which for many scans
            saves opening it each time. None for the one inside the package.
        threshold: slice probability of quality from which a slice counts as diagnostic, between 0 and 1; None for
            the bundle's.
        mask: file with the left-atrial blood pool on the scan's grid, instead of detecting it.

    Returns:
        The record, always with status `assessed`: it is the same as `lgeqa assess` writes.

    Raises:
        ScanError: the scan cannot be assessed. On the command line this would be a record with status `failed` or
            `not_assessable`; here it is `NotAssessableError` for the latter, and any other ScanError for the former.
        UsageError: there are several scans in the folder, or none; or the threshold or the bundle cannot be used.
    """
    from dataclasses import replace
    from pathlib import Path

    from lgeqa.bundle import Bundle, open_bundle
    from lgeqa.errors import UsageError
    from lgeqa.pipeline import AssessSettings, assess_source
    from lgeqa.read import discover

    sources = discover([Path(scan)])
    if len(sources) != 1:
        raise UsageError(f"{scan}: holds {len(sources)} scans, but one at a time is assessed here. Name one of them.")
    source = sources[0] if mask is None else replace(sources[0], mask_path=Path(mask))
    settings = AssessSettings.of({"threshold": threshold, "given_masks": mask is not None}, "assess")
    if not isinstance(bundle, Bundle):
        bundle = open_bundle(None if bundle is None else Path(bundle))
    return assess_source(source, bundle, settings).result
