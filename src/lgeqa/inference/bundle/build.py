"""Writing of a bundle from its networks, with manifest and model card."""

import hashlib
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from lgeqa.atomic_io import telling, write_through, write_whole
from lgeqa.config import Settings
from lgeqa.errors import BundleError
from lgeqa.inference.bundle.bundle import Bundle
from lgeqa.inference.bundle.manifest import CARD, MANIFEST, Manifest, decisive_sha256
from lgeqa.inference.bundle.model_card import model_card
from lgeqa.measures import measured_reader
from lgeqa.records import BundleStamp


class Description(Settings):
    """Description of a bundle, with fields as in `Manifest`."""

    name: str
    version: str
    created: str
    strategy: str
    labels: str
    training_data: str
    intended_use: str
    license: str
    threshold: float = 0.5
    operating_point: dict[str, Any] | None = None
    measured_share: float = 0.0
    caution: str = ""
    metrics: tuple[dict[str, Any], ...] = ()


def write_bundle(
    folder: Path,
    detector: Path,
    quality: Path,
    settings: dict[str, Any],
    description: Description,
    training: Mapping[str, Any] | None = None,
) -> Manifest:
    """Write a bundle into a new folder.

    Args:
        folder: Folder to create, which must be empty or not exist.
        detector: ONNX file of stage 1.
        quality: ONNX file of stage 2.
        settings: Settings of the networks, `{"detector": {"preparation", "rule"}, "quality": {"preparation",
            "novelty", "calibration"}}`, where the last two may be left out.
        description: Description with the other fields of the manifest.
        training: `training_scans` and `training_versions` of the manifest. None if they are unknown.

    Raises:
        BundleError: The folder is not empty, or the network of stage 2 cannot be used.
        OutputError: The folder cannot be written.
    """
    if folder.exists() and any(folder.iterdir()):
        raise BundleError(f"{folder}: is not empty. Name a new folder for the bundle.")
    hashes = {}
    with telling(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name, source in (("detector.onnx", detector), ("quality.onnx", quality)):
        write_through(folder / name, partial(shutil.copyfile, source))
        hashes[name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    manifest = Manifest.of(
        description.model_dump()
        | dict(training or {})
        | {
            "detector": settings["detector"] | {"file": "detector.onnx"},
            "quality": settings["quality"] | {"file": "quality.onnx"},
            "measured_reader": measured_reader().version if description.measured_share else "",
            "sha256": hashes,
        },
        "the bundle's manifest",
    )
    manifest = manifest.model_copy(update={"decisive_sha256": decisive_sha256(manifest.model_dump(mode="json"))})
    files = {name: (folder / name).read_bytes() for name in hashes}
    stamp = BundleStamp(name=manifest.name, version=manifest.version, sha256=manifest.decisive_sha256)
    write_whole(folder / CARD, model_card(manifest, weighs_slices=Bundle(manifest, stamp, files).weighs_slices))
    write_whole(folder / MANIFEST, manifest.model_dump_json(indent=1) + "\n")  # last, since it completes the bundle
    return manifest
