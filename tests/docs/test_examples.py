"""Commands in the documentation can be parsed as they stand, and examples in Python run."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from lgeqa.cli import app
from lgeqa.inference.bundle import default_bundle
from lgeqa.inference.bundle.build import Description
from lgeqa.inference.bundle.manifest import MANIFEST

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs/tutorial/first-scan.md"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a page in one language; `` for those that name none."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


COMMANDS = [
    pytest.param(line, id=f"{page.stem}: {line}")
    for page in PAGES
    if page.name != "cli.md"  # made from the programme
    for block in blocks(page, "")
    for line in block.splitlines()
    if line.startswith("lgeqa ")
]


def parse(line: str) -> Any:
    """Go down to the verb that a line calls, and parse its options."""
    command: Any = get_command(app)
    words = shlex.split(line)[1:]
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    return command.make_context(command.name, words)


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_can_be_parsed(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site.toml").touch()  # a settings file is read while the options are parsed
    monkeypatch.chdir(tmp_path)

    parse(line)


def test_a_wrong_command_is_found() -> None:
    with pytest.raises(KeyError):
        parse("lgeqa judge scans")
    with pytest.raises(Exception, match="--made-up"):
        parse("lgeqa assess scans -o out --made-up 3")


def test_the_makefile_has_what_the_pages_call() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    called = {
        verb
        for page in PAGES
        for line in re.findall(r"(?:^|`)make ([a-z -]+)(?:`|$)", page.read_text(encoding="utf-8"), re.MULTILINE)
        for verb in line.split()
    }

    assert {"demo", "test"} <= called <= targets


def test_the_description_of_a_bundle_is_one() -> None:
    [about] = blocks(ROOT / "docs/how-to/make-a-bundle.md", "toml")

    assert Description.of(tomllib.loads(about)).labels == "expert"


@dataclass(frozen=True)
class Tutorial:
    """The commands of the tutorial with their exit codes, and the folder that they were run in."""

    folder: Path
    codes: dict[str, int]


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory) -> Tutorial:
    if not (default_bundle() / MANIFEST).is_file():
        pytest.skip(f"{default_bundle() / MANIFEST} is not there yet")
    folder = tmp_path_factory.mktemp("tutorial")
    lines = [line for block in blocks(TUTORIAL, "") for line in block.splitlines()]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    codes = {
        line: subprocess.run(line, shell=True, cwd=folder, env=os.environ | {"PATH": path}, check=False).returncode
        for line in lines
        if line.startswith(("lgeqa ", "echo "))
    }
    return Tutorial(folder, codes)


@pytest.mark.slow
def test_the_tutorial_goes_as_it_says(tutorial: Tutorial) -> None:
    codes = dict(tutorial.codes)

    assert codes.pop("lgeqa assess broken.nrrd -o broken") == 3
    assert codes.pop("lgeqa assess simulated -o results") in {0, 3}  # a poor scan may hide its atrium
    assert set(codes.values()) == {0}
    assert (tutorial.folder / "demo/report.html").is_file()
    assert len(list((tutorial.folder / "results/scans").iterdir())) == 6


#: Pages with examples in Python, less the notebooks, which `make site` runs.
EXAMPLES = [page for page in PAGES if blocks(page, "python") and page.parent.name != "notebooks"]


@pytest.mark.slow
@pytest.mark.parametrize("page", EXAMPLES, ids=lambda page: page.stem)
def test_python_examples_run(
    page: Path, tutorial: Tutorial, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tutorial.folder)
    for name in ("scan.nrrd", "scans/a.nrrd"):
        Path(name).parent.mkdir(exist_ok=True)
        shutil.copy("demo/phantom.nrrd", name)

    exec(compile("\n".join(blocks(page, "python")), str(page), "exec"), {})

    printed = capsys.readouterr().out
    assert printed.strip()
    assert "cannot be assessed" not in printed
