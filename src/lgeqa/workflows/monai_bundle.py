"""Export of a bundle as a MONAI bundle: the networks as they are, with MONAI's metadata and an inference workflow."""

import json
import re
import shutil
from functools import partial
from importlib.metadata import distribution, requires, version
from pathlib import Path
from typing import Any, Final

from lgeqa.atomic_io import telling, write_through, write_whole
from lgeqa.errors import OutputError
from lgeqa.inference.bundle import Manifest, default_bundle, open_bundle
from lgeqa.inference.bundle.manifest import CARD, MANIFEST
from lgeqa.scales import SCALE_NAMES

#: Schema of the metadata, which MONAI downloads to verify them.
_SCHEMA: Final = (
    "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_20240725.json"
)
_TASK: Final = "Image quality of left-atrial late-gadolinium-enhancement MRI"
_MODULE: Final = "lgeqa.training.bundle_module.BundleModule"
_MODELS: Final = "$@bundle_root + '/models'"
#: Workflow that assesses the scans of a folder. `inferer` runs a network on prepared slices.
_INFERENCE: Final = {
    "imports": ["$import lgeqa", "$import pathlib", "$import torch"],
    "bundle_root": ".",
    "dataset_dir": "$@bundle_root + '/scans'",
    "output_dir": "$@bundle_root + '/eval'",
    "device": "$torch.device('cpu')",
    "network_def": {"_target_": _MODULE, "folder": _MODELS, "stage": "detector"},
    "quality_def": {"_target_": _MODULE, "folder": _MODELS, "stage": "quality"},
    "inferer": {"_target_": "SimpleInferer"},
    "dataset": "$lgeqa.io.discover([pathlib.Path(@dataset_dir)])",
    "evaluator": {
        "_target_": "lgeqa.assess_many",
        "_mode_": "callable",
        "scans": "@dataset_dir",
        "out": "@output_dir",
        "bundle": _MODELS,
        "masks": True,
    },
    "run": ["$print(@evaluator(), 'in', @output_dir)"],
}
_README: Final = """# {name} {version}, a MONAI bundle of lgeqa

{task}. {intended_use}

Needs `pip install "lgeqa[train]" fire`, which brings MONAI and what its command line needs. In this folder

```
python -m monai.bundle run --config_file configs/inference.json --dataset_dir /data/scans --output_dir results
```

assesses a scan or a folder of scans in NRRD, NIfTI, MetaImage or DICOM. It writes tables, a report, a record of each
scan and the masks of the left atrium, the same as `lgeqa assess /data/scans -o results --masks --bundle models`.

`models` is a bundle of lgeqa: ONNX files, and `bundle.json` with the hash of each. `MODEL_CARD.md` says what they
learnt from and what was measured. In `configs/inference.json`, `network_def` and `quality_def` are the two networks as
PyTorch modules for prepared slices. MONAI cannot train them.

{caution}
"""


def export_monai_bundle(bundle: Path | None, out: Path) -> None:
    """Write a bundle as a MONAI bundle into a folder that is empty or does not exist.

    Args:
        bundle: Folder of the bundle. None for the one in the package.
        out: Folder to write.

    Raises:
        BundleError: The bundle cannot be used.
        OutputError: The folder is not empty or cannot be written.
    """
    manifest = open_bundle(bundle).manifest
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out}: exists and is not an empty folder. Name a new folder for the MONAI bundle.")
    with telling(out):
        for name in ("models", "docs", "configs"):
            (out / name).mkdir(parents=True)
        source = bundle or default_bundle()
        for name in (MANIFEST, *manifest.sha256, *((CARD,) if (source / CARD).is_file() else ())):
            write_through(out / "models" / name, partial(shutil.copyfile, source / name))
        write_whole(out / "LICENSE", _licence(manifest.license))
        fields = manifest.model_dump(include={"name", "version", "intended_use", "caution"})
        write_whole(out / "docs" / "README.md", _README.format(task=_TASK, **fields).strip() + "\n")
        write_whole(out / "configs" / "inference.json", _json(_INFERENCE))
        write_whole(out / "configs" / "metadata.json", _json(_metadata(manifest)))


def _metadata(manifest: Manifest) -> dict[str, Any]:
    """Return MONAI's metadata of a bundle, with the data format of the detector and of the quality network."""
    detector, quality = manifest.detector.preparation, manifest.quality.preparation
    side = f"{detector.multiple}*n"
    return {
        "schema": _SCHEMA,
        "name": manifest.name,
        "version": manifest.version,
        "changelog": {manifest.version: f"Exported by lgeqa {version('lgeqa')}"},
        "monai_version": _oldest("monai"),
        "pytorch_version": _oldest("torch"),
        "numpy_version": _oldest("numpy"),
        "required_packages_version": {"lgeqa": version("lgeqa"), "onnxruntime": _oldest("onnxruntime")},
        "supported_apps": {},
        "task": _TASK,
        "description": (
            "Finds the left atrium, and gives the probability that a slice that holds it is diagnostic on four scales. "
            f"Strategy of the training: {manifest.strategy}."
        ),
        "authors": "The lgeqa authors",
        "copyright": f"The authors of {manifest.name}; licence: {manifest.license}",
        "data_source": manifest.training_data,
        "intended_use": manifest.intended_use,
        "references": ["K M Arefeen Sultan and others, arXiv 2310.08805"],
        "network_data_format": {
            "inputs": {"image": _image(detector.context_mm, [side, side], [])},
            "outputs": {
                "pred": {
                    **_tensor("image", "probabilities", [side, side], [0, 1]),
                    "num_channels": 1,
                    "channel_def": {"0": "left-atrial blood pool"},
                }
            },
        },
        "quality_data_format": {
            "inputs": {"image": _image(quality.context_mm, [quality.pixels, quality.pixels], [0, 4])},
            "outputs": {
                "pred": {
                    **_tensor("probabilities", "classes", [], [0, 1]),
                    "num_channels": len(SCALE_NAMES),
                    "channel_def": {str(index): name for index, name in enumerate(SCALE_NAMES)},
                }
            },
        },
    }


def _image(heights_mm: tuple[float, ...], shape: list[int | str], value_range: list[int]) -> dict[str, Any]:
    """Return the description of prepared slices, with a channel for each height above the current slice."""
    return {
        **_tensor("image", "magnitude", shape, value_range),
        "modality": "MR",
        "num_channels": len(heights_mm),
        "channel_def": {str(index): f"slice at {height:+g} mm" for index, height in enumerate(heights_mm)},
    }


def _tensor(kind: str, content: str, shape: list[int | str], value_range: list[int]) -> dict[str, Any]:
    return {
        "type": kind,
        "format": content,
        "spatial_shape": shape,
        "dtype": "float32",
        "value_range": value_range,
        "is_patch_data": False,
    }


def _oldest(package: str) -> str:
    """Return the oldest version of a package that lgeqa works with, as its own metadata give it."""
    return next(match[1] for text in requires("lgeqa") or () if (match := re.match(rf"{package}>=([\d.]+)", text)))


def _licence(spdx: str) -> str:
    """Return the text of a licence if it is that of lgeqa, and else its name."""
    own = distribution("lgeqa")
    text = own.read_text("licenses/LICENSE") if spdx == own.metadata["License-Expression"] else None
    return text or f"{spdx}\n"


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
