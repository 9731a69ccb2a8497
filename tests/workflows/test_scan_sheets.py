"""Sheets of the scans of a run."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from lgeqa.batch import OutputFolder
from lgeqa.cli.commands import app
from lgeqa.errors import UsageError
from lgeqa.workflows.scan_sheets import SheetRequest, write_sheets
from tests.results import decided, unassessed


@pytest.fixture
def run(tmp_path: Path) -> Path:
    out = OutputFolder(tmp_path / "run")
    for result in (decided("a"), decided("b", input_sha256="12" * 32), unassessed("lost")):
        out.save(result)
    return out.path


def test_each_scan_that_could_be_read_has_a_sheet(run: Path, tmp_path: Path) -> None:
    paths = list(write_sheets(SheetRequest(run, tmp_path / "out")))
    assert [path.name for path in paths] == ["scan-abababababab.pdf", "scan-121212121212.pdf"]
    assert {path.read_bytes()[:5] for path in paths} == {b"%PDF-"}


def test_command_writes_named_scans(run: Path, tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["report", "pdf", str(run), "b", "--names", "-o", str(tmp_path / "out")])
    assert (ran.exit_code, ran.output.strip()) == (0, str(tmp_path / "out" / "b.pdf"))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.pdf"]


@pytest.mark.parametrize(("scans", "message"), [(("c",), "no scan 'c'"), (("lost", "c"), "no scan 'lost', 'c'")])
def test_unknown_scans_are_named(run: Path, tmp_path: Path, scans: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        list(write_sheets(SheetRequest(run, tmp_path / "out", scans)))
    assert not (tmp_path / "out").exists()


def test_folder_without_results_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no results"):
        list(write_sheets(SheetRequest(tmp_path, tmp_path / "out")))
    assert not list(tmp_path.iterdir())
