"""Quality assessment of left-atrial late-gadolinium-enhancement MRI."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from os import PathLike

    from lgeqa.inference.bundle import Bundle
    from lgeqa.records import ScanResult

__all__ = ["assess"]


def assess(
    scan: "str | PathLike[str]",
    *,
    bundle: "Bundle | str | PathLike[str] | None" = None,
    threshold: float | None = None,
    mask: "str | PathLike[str] | None" = None,
    force: bool = False,
) -> "ScanResult":
    """Assess one scan.

    Args:
        scan: Volume (NRRD, NIfTI, MetaImage), or folder that holds one scan, for instance a DICOM series.
        bundle: Trained model, as the folder of a bundle or as an opened bundle, which saves opening it again for each
            of many scans. None for the bundle in the package.
        threshold: Slice probability of quality from which a slice counts as diagnostic, between 0 and 1. None for
            the bundle's threshold.
        mask: File with the left-atrial blood pool on the scan's grid. None to detect it.
        force: Whether the scan gets a verdict even if the gate refuses it. The record says so.

    Returns:
        The record, the same as `lgeqa assess` writes. Its status is `assessed`, or `not_assessable` if the gate
        refuses the scan, for instance because no left atrium was found. `findings` and `message` say why.

    Raises:
        ScanError: The scan cannot be read or holds no image, or the mask cannot be used. The command line writes a
            record without measures instead.
        UsageError: The folder holds several scans or none, or the threshold or the bundle cannot be used.
    """
    from dataclasses import replace
    from pathlib import Path

    from lgeqa.errors import UsageError
    from lgeqa.inference.bundle import Bundle, open_bundle
    from lgeqa.inference.pipeline import AssessSettings, assess_source
    from lgeqa.io import discover

    sources = discover([Path(scan)])
    if len(sources) != 1:
        raise UsageError(f"{scan}: holds {len(sources)} scans, but one at a time is assessed here. Name one of them.")
    source = sources[0] if mask is None else replace(sources[0], mask_path=Path(mask))
    settings = AssessSettings.of({"threshold": threshold, "given_masks": mask is not None, "force": force}, "assess")
    if not isinstance(bundle, Bundle):
        bundle = open_bundle(None if bundle is None else Path(bundle))
    return assess_source(source, bundle, settings).result
