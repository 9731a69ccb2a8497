"""Results as BIDS derivatives: a record beside the name of each image, participants, and what made them."""

import gzip
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from lgeqa.atomic_io import DRAFT, telling, write_through, write_whole
from lgeqa.bids.dataset import DESCRIPTION, PARTICIPANTS, BidsDataset, BidsImage
from lgeqa.errors import UsageError
from lgeqa.io.formatting import printable_path
from lgeqa.io.limits import DEFAULT_LIMITS
from lgeqa.io.volume import read_volume
from lgeqa.io.volume_writer import nifti_bytes
from lgeqa.records import ScanResult

#: Version of BIDS whose rules the derivatives follow.
_BIDS_VERSION: Final = "1.10.0"
_README: Final = """# Image quality of left-atrial LGE-MRI

Written by lgeqa {version}. For research, not for diagnostic use.

- `sub-*/**/*_qc.json`: record of each image, with its decision, verdict, probabilities and image quality measures.
- `sub-*/**/*_label-LA_*_mask.nii.gz`: mask of the left atrium, if it was wanted.
- `report.html`, `results.csv`, `measures.csv`: all images at a glance. `measures.json` says what the columns hold.
"""
_IGNORED: Final = ".bidsignore"
#: Files of lgeqa that BIDS has no names for.
_IGNORE: Final = (
    *("*_qc.json", "results.csv", "measures.csv", "measures.json", "report.html", "faults.log"),
    *("scans", "pictures", "report", "masks", "dicom", ".lock"),
)
#: Datatype of BIDS for structural images. Others, such as `cmr`, are not part of it.
_STRUCTURAL: Final = "anat"
_AT_ROOT: Final = (DESCRIPTION, PARTICIPANTS, _IGNORED, "README.md")
_BELOW: Final = re.compile(r"sub-\w[\w+-]*_(qc\.json|mask\.(nii\.gz|json))")


def write_derivatives(dataset: BidsDataset, out: Path, results: Iterable[ScanResult], masks: Path) -> None:
    """Write the records of a data set's images, and what BIDS asks of derivatives, into an output folder.

    Args:
        dataset: Data set that was assessed.
        out: Output folder of the run.
        results: Records of the run, whose `source` says which image each is of. Other records are left out.
        masks: Folder of the run's masks in NRRD. Those that exist are written as NIfTI.

    Raises:
        OutputError: A file cannot be written.
    """
    write_whole(out / DESCRIPTION, _json(_description(dataset, out)))  # the first, since it shows whose the others are
    images = []
    for image, result in _with_images(dataset, results):
        images.append(image)
        with telling(out):
            (out / image.path.parent).mkdir(parents=True, exist_ok=True)
        source = f"bids:raw:{image.path.as_posix()}"
        write_whole(out / image.derivative("qc.json"), _json({**result.to_dict(), "Sources": [source]}))
        _write_mask(masks / f"{result.scan_id}.nrrd", out / image.derivative("mask.nii.gz", "label-LA"), source)
    if dataset.columns:
        write_whole(out / PARTICIPANTS, _participants(dataset, images))
    datatypes = {image.labels["datatype"] for image in images} - {_STRUCTURAL}
    write_whole(out / _IGNORED, "\n".join([*_IGNORE, *(f"**/{name}" for name in sorted(datatypes))]) + "\n")
    write_whole(out / "README.md", _README.format(version=version("lgeqa")))


def holds_derivatives(out: Path) -> bool:
    """Return whether a folder holds BIDS derivatives of lgeqa."""
    try:
        content = json.loads((out / DESCRIPTION).read_text(encoding="utf-8"))
        return bool(content["GeneratedBy"][0]["Name"] == "lgeqa")
    except (OSError, ValueError, LookupError, TypeError):
        return False


def refuse_other_files(out: Path) -> None:
    """Refuse an output folder with files that derivatives would replace and that lgeqa did not write.

    Raises:
        UsageError: There is such a file, for instance because the folder is the data set itself.
    """
    other = [] if holds_derivatives(out) else [name for name in _AT_ROOT if (out / name).exists()]
    if other:
        raise UsageError(
            f"{printable_path(out)}: holds {other[0]}, which lgeqa did not write. Name another folder, such as "
            "derivatives/lgeqa in the data set."
        )


def is_derivative(file: Path, out: Path) -> bool:
    """Return whether a file in an output folder is one of the derivatives, or the draft of one."""
    if not holds_derivatives(out):
        return False
    name = file.name.removeprefix(DRAFT)
    if file.parent == out:
        return name in _AT_ROOT
    return file.relative_to(out).parts[0].startswith("sub-") and bool(_BELOW.fullmatch(name))


def _with_images(dataset: BidsDataset, results: Iterable[ScanResult]) -> Iterator[tuple[BidsImage, ScanResult]]:
    """Yield each result of an image of the data set, chosen in this run or in an earlier one, with that image."""
    root = Path(printable_path(dataset.root))
    for result in results:
        path = Path(result.source)
        image = BidsImage.of(path.relative_to(root)) if path.is_relative_to(root) else None
        if image:
            yield image, result


def _write_mask(mask: Path, target: Path, image: str) -> None:
    """Write a mask of the run as NIfTI with its sidecar, or remove an earlier one if the run has no mask."""
    sidecar = target.with_name(target.name.replace(".nii.gz", ".json"))
    with telling(target):
        if not mask.is_file():
            target.unlink(missing_ok=True)
            sidecar.unlink(missing_ok=True)
            return
    stack = read_volume(mask, DEFAULT_LIMITS)
    packed = gzip.compress(nifti_bytes(stack.voxels, stack.grid), mtime=0)
    write_through(target, lambda draft: draft.write_bytes(packed))
    content = {"Description": "Left atrium", "Type": "ROI", "Sources": [image], "SpatialReference": image}
    write_whole(sidecar, _json(content))


def _participants(dataset: BidsDataset, images: Sequence[BidsImage]) -> str:
    """Return the rows of the participants whose images have results, as in the data set, or `n/a` in each column."""
    empty = ("n/a",) * (len(dataset.columns) - 1)
    subjects = sorted({f"sub-{image.labels['sub']}" for image in images})
    rows = [dataset.columns, *(dataset.participants.get(subject, (subject, *empty)) for subject in subjects)]
    return "".join("\t".join(row) + "\n" for row in rows)


def _description(dataset: BidsDataset, out: Path) -> dict[str, Any]:
    """Return what made the derivatives, with a link to the data set that stays valid if the two are moved together."""
    absolute = Path(os.path.abspath(out))  # noqa: PTH100 - as the root of the data set
    inside = absolute.is_relative_to(dataset.root)
    raw = Path(os.path.relpath(dataset.root, absolute)).as_posix() if inside else dataset.root.as_uri()
    return {
        "Name": "Image quality of left-atrial LGE-MRI",
        "BIDSVersion": _BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "lgeqa", "Version": version("lgeqa")}],
        "SourceDatasets": [{"URL": raw}],
        "DatasetLinks": {"raw": raw},
    }


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
