"""3D Slicer module: assess a left-atrial LGE scan with lgeqa, and show the atrium and the results.

lgeqa runs as a command in a Python environment of its own, so nothing is installed into Slicer.
"""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import ctk
import qt
import slicer
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleWidget,
)

#: Exit codes of `lgeqa assess` with a record: the scan was assessed, or it was refused or could not be read.
_WITH_RECORD = (0, 3)
_NAME = "scan"
#: Settings of Slicer that hold the path of the command and the folder of the bundle.
_COMMAND, _BUNDLE = "LgeQa/Command", "LgeQa/Bundle"
_HEADLINE = ("decision", "verdict", "probability", "p_myocardium_nulling", "p_sharpness", "p_enhancement", "message")


class LgeQa(ScriptedLoadableModule):
    """Description of the module for Slicer."""

    def __init__(self, parent: Any) -> None:
        super().__init__(parent)
        parent.title = "LGE Quality"
        parent.categories = ["Cardiac"]
        parent.contributors = ["The lgeqa authors"]
        parent.helpText = "Tells whether a left-atrial LGE-MRI scan is good enough to measure fibrosis, and why not."
        parent.acknowledgementText = "For research, not for diagnostic use."


class LgeQaWidget(ScriptedLoadableModuleWidget):
    """Panel of the module: a volume, the command, and a button."""

    def setup(self) -> None:
        """Build the panel."""
        super().setup()
        self._volume = slicer.qMRMLNodeComboBox()
        self._volume.nodeTypes = ["vtkMRMLScalarVolumeNode"]
        self._volume.addEnabled = False
        self._volume.setMRMLScene(slicer.mrmlScene)
        self._paths = {_COMMAND: ctk.ctkPathLineEdit(), _BUNDLE: ctk.ctkPathLineEdit()}
        for key, default in ((_COMMAND, shutil.which("lgeqa") or ""), (_BUNDLE, "")):
            self._paths[key].currentPath = slicer.app.userSettings().value(key, default)
        self._paths[_COMMAND].toolTip = "Command lgeqa of the environment in which it is installed"
        self._paths[_BUNDLE].toolTip = "Folder of a trained model; empty for the one in lgeqa"
        button = qt.QPushButton("Assess")
        button.connect("clicked()", self._assess)
        self._decision = qt.QLabel()
        self._decision.wordWrap = True
        form = qt.QFormLayout()
        form.addRow("Scan", self._volume)
        form.addRow("lgeqa", self._paths[_COMMAND])
        form.addRow("Bundle", self._paths[_BUNDLE])
        form.addRow(button)
        form.addRow(self._decision)
        self.layout.addLayout(form)
        self.layout.addStretch(1)

    def _assess(self) -> None:
        with slicer.util.tryWithErrorDisplay("The scan was not assessed.", waitCursor=True):
            paths = {key: widget.currentPath for key, widget in self._paths.items()}
            record = LgeQaLogic().assess(self._volume.currentNode(), paths[_COMMAND], paths[_BUNDLE])
            for key, path in paths.items():
                slicer.app.userSettings().setValue(key, path)
            self._decision.text = "\n".join([record["decision"] or record["status"], *record["reasons"]])


class LgeQaLogic(ScriptedLoadableModuleLogic):
    """Assessment of a volume of the scene."""

    def assess(self, volume: Any, command: str, bundle: str = "") -> dict[str, Any]:
        """Run lgeqa on a volume, add the segmentation and the table to the scene, and return the record.

        Args:
            volume: Scalar volume node.
            command: Path of the command `lgeqa`.
            bundle: Folder of a trained model. Empty for the one in lgeqa.

        Raises:
            ValueError: No volume or no command is chosen.
            RuntimeError: lgeqa made no record. The message is its own.
        """
        if volume is None or not command:
            raise ValueError("Choose a scan, and the command lgeqa of the environment in which it is installed.")
        with tempfile.TemporaryDirectory() as folder:
            scan, out = Path(folder, f"{_NAME}.nrrd"), Path(folder, "results")
            slicer.util.saveNode(volume, str(scan))
            arguments = [command, "assess", str(scan), "-o", str(out), "--masks", "--quiet"]
            done = subprocess.run(
                arguments + (["--bundle", bundle] if bundle else []),
                capture_output=True,
                text=True,
                check=False,
                env=slicer.util.startupEnvironment(),  # Slicer's own libraries would disturb another Python
            )
            if done.returncode not in _WITH_RECORD:
                raise RuntimeError(done.stderr.strip() or f"{command} ended with exit code {done.returncode}.")
            record: dict[str, Any] = json.loads((out / "scans" / f"{_NAME}.json").read_text(encoding="utf-8"))
            self._show(record, volume.GetName(), out)
        return record

    def _show(self, record: dict[str, Any], name: str, out: Path) -> None:
        """Add the table of a record to the scene, and the segmentation of the atrium if one was found."""
        table = out / "table.csv"
        with table.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("name", "value"), *table_rows(record)])
        slicer.util.loadTable(str(table)).SetName(f"{name} quality")
        mask = out / "masks" / f"{_NAME}.nrrd"
        if mask.is_file():
            segmentation = slicer.util.loadSegmentation(str(mask))
            segmentation.SetName(f"{name} left atrium")
            segmentation.GetSegmentation().GetNthSegment(0).SetName("left atrium")


def table_rows(record: dict[str, Any]) -> list[tuple[str, str]]:
    """Return names and values of a record: decision, reasons, probabilities and image quality measures."""
    measures = (record["measures"] or {}).get("values", {})
    values = [
        ("status", record["status"]),
        *((name, record[name]) for name in _HEADLINE),
        *(("reason", reason) for reason in record["reasons"]),
        *measures.items(),
    ]
    return [
        (name, f"{value:.3g}" if isinstance(value, float) else str(value))
        for name, value in values
        if value is not None
    ]
