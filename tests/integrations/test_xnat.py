"""The container command for XNAT, against its documented structure and with lgeqa."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import lgeqa
from tests.factories.dicom_series import toy_series
from tests.integrations.stand_ins import INTEGRATIONS
from tests.toy import toy_scan

COMMAND = INTEGRATIONS / "xnat" / "command.json"
#: Properties of a command and of its parts, from wiki.xnat.org/container-service/command.
PROPERTIES = {
    "": "name label description version schema-version type info-url image index hash working-directory command-line "
    "reserve-memory limit-memory limit-cpu override-entrypoint mounts environment-variables ports inputs outputs xnat",
    "mounts": "name writable path",
    "inputs": "name description type required matcher default-value replacement-key command-line-flag "
    "command-line-separator true-value false-value user-settable",
    "outputs": "name description required mount path glob",
    "xnat": "name description contexts external-inputs derived-inputs output-handlers",
    "external-inputs": "name description type matcher default-value required user-settable replacement-key "
    "provides-value-for-command-input provides-files-for-command-mount via-setup-command load-children",
    "derived-inputs": "name description type matcher default-value required user-settable replacement-key "
    "provides-value-for-command-input provides-files-for-command-mount via-setup-command derived-from-wrapper-input "
    "derived-from-xnat-object-property",
    "output-handlers": "name type accepts-command-output as-a-child-of-wrapper-input label",
}
#: Property of an input whose files are mounted.
FILES = "provides-files-for-command-mount"


@pytest.fixture(scope="module")
def command() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(COMMAND.read_text(encoding="utf-8"))
    return content


def _names(parts: list[dict[str, Any]]) -> list[str]:
    return [part["name"] for part in parts]


def _unknown(part: dict[str, Any], kind: str = "") -> list[str]:
    """Return the properties of a part, and of the parts below it, that XNAT does not know."""
    unknown = [f"{kind}.{name}" for name in part if name not in PROPERTIES[kind].split()]
    for name, content in part.items():
        if name in PROPERTIES:
            unknown += [found for below in content for found in _unknown(below, name)]
    return unknown


def test_all_properties_are_known_to_xnat(command: dict[str, Any]) -> None:
    assert _unknown(command) == []
    assert (command["schema-version"], command["type"]) == ("1.0", "docker")
    assert _unknown({"mounts": [{"path": "/input", "type": "input"}]}) == ["mounts.type"]


def test_version_is_that_of_the_package(command: dict[str, Any]) -> None:
    assert command["version"] == lgeqa.__version__
    assert command["image"] == f"lgeqa:{lgeqa.__version__}"


def test_parts_refer_to_parts_that_exist(command: dict[str, Any]) -> None:
    mounts = {mount["name"]: mount for mount in command["mounts"]}
    assert all(mounts[output["mount"]]["writable"] for output in command["outputs"])
    for wrapper in command["xnat"]:
        inputs = wrapper["external-inputs"] + wrapper["derived-inputs"]
        [mount] = [part[FILES] for part in inputs if FILES in part]
        assert not mounts[mount]["writable"]
        for part in wrapper["derived-inputs"]:
            assert part["derived-from-wrapper-input"] in _names(wrapper["external-inputs"])
        for handler in wrapper["output-handlers"]:
            assert handler["accepts-command-output"] in _names(command["outputs"])
            assert handler["as-a-child-of-wrapper-input"] in _names(inputs)
            assert handler["type"] == "Resource"


def _line(command: dict[str, Any], folder: Path, **values: bool) -> str:
    """Return the command line as XNAT resolves it, with the folders of a test in place of the mounts."""
    line: str = command["command-line"]
    for part in command["inputs"]:
        chosen = values.get(part["name"], part["default-value"])
        assert part["replacement-key"] in line
        line = line.replace(part["replacement-key"], part["true-value" if chosen else "false-value"])
    for mount in command["mounts"]:
        line = line.replace(mount["path"], str(folder / mount["name"]))
    return line


def _run(line: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["/bin/sh", "-c", line], capture_output=True, text=True, check=False, env={**os.environ, "PATH": path}
    )


def test_command_line_assesses_what_is_mounted(command: dict[str, Any], tmp_path: Path) -> None:
    toy_series(tmp_path / "input")
    done = _run(_line(command, tmp_path, masks=True))
    assert done.returncode == 0, done.stderr
    assert "scan" in done.stdout
    assert {"results.csv", "report.html", "masks"} <= {path.name for path in (tmp_path / "output").iterdir()}


def test_refused_scan_is_a_result_and_not_a_failure(command: dict[str, Any], tmp_path: Path) -> None:
    toy_scan(tmp_path / "input" / "a.nrrd", atrium=False)
    done = _run(_line(command, tmp_path))
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "output" / "scans" / "a.json").read_text(encoding="utf-8"))
    assert record["status"] == "not_assessable"
    assert not (tmp_path / "output" / "masks").exists()


def test_wrong_use_is_a_failure(command: dict[str, Any], tmp_path: Path) -> None:
    done = _run(_line(command, tmp_path))
    assert done.returncode != 0
    assert "there is no such file or folder" in done.stderr
