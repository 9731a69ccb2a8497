"""MONAI Label app: segment the left atrium with lgeqa, and give the record of the scan beside it.

    monailabel start_server --app integrations/monai_label --studies scans --conf lgeqa lgeqa-env/bin/lgeqa

lgeqa runs as a command in an environment of its own, since the two packages need different versions of pydicom.
"""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from monailabel.interfaces.app import MONAILabelApp
from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType

#: Exit codes of `lgeqa assess` with a record: the scan was assessed, or it was refused or could not be read.
_WITH_RECORD = (0, 3)


class LeftAtrium(InferTask):
    """Segmentation of the left-atrial blood pool, and quality of the scan.

    Args:
        command: Path of the command `lgeqa`.
        bundle: Folder of a bundle, such as `models` of an exported MONAI bundle. Empty for the one in lgeqa.
    """

    def __init__(self, command: str, bundle: str) -> None:
        super().__init__(InferType.SEGMENTATION, ["left atrium"], 3, "Left atrium and image quality by lgeqa")
        self._arguments = [command, "assess", "--masks", "--quiet", *(["--bundle", bundle] if bundle else [])]

    def is_valid(self) -> bool:
        """Return whether the command exists."""
        return shutil.which(self._arguments[0]) is not None

    def __call__(self, request: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
        """Assess the image of a request.

        Returns:
            The file of the mask, None if no atrium was found, and the record of the scan.

        Raises:
            RuntimeError: lgeqa made no record. The message is its own.
        """
        with tempfile.TemporaryDirectory() as folder:
            arguments = [*self._arguments, str(request["image"]), "-o", folder]
            done = subprocess.run(arguments, capture_output=True, text=True, check=False)
            if done.returncode not in _WITH_RECORD:
                raise RuntimeError(done.stderr.strip() or f"lgeqa ended with exit code {done.returncode}.")
            [record] = Path(folder, "scans").iterdir()
            content = json.loads(record.read_text(encoding="utf-8"))
            mask = Path(folder, "masks", f"{record.stem}.nrrd")
            return _kept(mask) if mask.is_file() else None, content


def _kept(mask: Path) -> str:
    """Return the path of a copy of a mask, which the server sends and then removes."""
    with tempfile.NamedTemporaryFile(suffix=mask.suffix, delete=False) as copy:
        copy.write(mask.read_bytes())
    return copy.name


class MyApp(MONAILabelApp):
    """App with one model, under the name that MONAI Label expects."""

    def __init__(self, app_dir: str, studies: str, conf: dict[str, str]) -> None:
        super().__init__(app_dir, studies, conf, name="lgeqa", description="Quality of left-atrial LGE-MRI")

    def init_infers(self) -> dict[str, InferTask]:
        """Return the model by its name."""
        return {"left_atrium": LeftAtrium(self.conf.get("lgeqa", "lgeqa"), self.conf.get("bundle", ""))}
