"""Describe the default bundle anew, whose networks stay.

    python training/describe_default_bundle.py

It is needed after `default-bundle.toml` or the version of the measured reader changed. The manifest gets both and the
hash of the decisive parts, and the model card is written again.
"""

import json
from pathlib import Path

from lgeqa.atomic_io import write_whole
from lgeqa.inference.bundle import default_bundle
from lgeqa.inference.bundle.build import Description
from lgeqa.inference.bundle.manifest import CARD, MANIFEST, Manifest, decisive_sha256
from lgeqa.inference.bundle.model_card import model_card
from lgeqa.measures import measured_reader


def main() -> None:
    """Write the manifest and the card of the default bundle."""
    about = Description.from_toml(Path(__file__).parent / "default-bundle.toml").model_dump()
    folder = default_bundle()
    content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    manifest = Manifest.model_validate({**content, **about, "measured_reader": measured_reader().version})
    decisive = decisive_sha256(manifest.model_dump(mode="json"))
    manifest = manifest.model_copy(update={"decisive_sha256": decisive})
    write_whole(folder / MANIFEST, manifest.model_dump_json(indent=1) + "\n")
    write_whole(folder / CARD, model_card(manifest, weighs_slices=False))


if __name__ == "__main__":
    main()
