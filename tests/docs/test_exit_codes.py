"""Commands end with the exit codes that the page documents."""

import re
import subprocess
import sys
from inspect import getmembers, isclass
from pathlib import Path

import pytest

from lgeqa import errors
from tests.toy import toy_mask

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "exit-codes.md"
STOPPED = 130


def run(folder: Path, *words: str) -> int:
    """Return the exit code of a command that is run in a folder."""
    command = [sys.executable, "-c", "from lgeqa.cli import main; main()", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode


def test_page_has_every_code() -> None:
    classes = [cls for _, cls in getmembers(errors, isclass) if issubclass(cls, errors.LgeqaError)]
    codes = re.findall(r"^\| (\d+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert {int(code) for code in codes} == {0, STOPPED} | {cls.exit_code for cls in classes}


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """Make the folder `scans` with one scan that holds no image."""
    scan = tmp_path / "scans" / "a"
    scan.mkdir(parents=True)
    (scan / "data.nrrd").write_text("not a scan")
    toy_mask(scan / "shrinkwrap.nrrd")
    return tmp_path


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("info", 0),
        ("assess scans --made-up", 2),
        ("assess nowhere -o out", 2),
        ("cohort check --cohort out", 2),
        ("simulate --from nowhere -o out", 2),
        ("assess scans -o out -q", 3),
        ("score-by-measures scans -o table.csv -q", 3),
        ("simulate --from scans -o out --n 1", 3),
    ],
)
def test_command_ends_with_its_code(broken: Path, command: str, code: int) -> None:
    assert run(broken, *command.split()) == code
