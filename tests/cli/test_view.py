"""What is shown on a terminal: run in a pseudo-terminal."""

import io
import os
import pty
import re
import subprocess
from pathlib import Path

import pytest
from rich.console import Console

from lgeqa.batch import BatchItem
from lgeqa.cli.console import _table, conclude, line
from lgeqa.workflows.assessment import AssessmentRun
from tests.factories.command import LGEQA
from tests.results import REVIEW, assessed, measured, unassessed
from tests.toy import toy_bundle, toy_scan


def _on_a_terminal(*arguments: str) -> str:
    """What a terminal of 100 columns receives."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"COLUMNS": "100", "TERM": "xterm"}
    process = subprocess.Popen([str(LGEQA), *arguments], stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    parts = []
    try:
        while part := os.read(ours, 65536):
            parts.append(part)
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(ours)
    process.wait()
    return b"".join(parts).decode()


def test_a_terminal_gets_a_bar_and_a_table(tmp_path: Path) -> None:
    bundle = toy_bundle(tmp_path / "bundle")
    toy_scan(tmp_path / "in" / "good.nrrd", 1)
    (tmp_path / "in" / "void.nrrd").touch()
    shown = _on_a_terminal("assess", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--bundle", str(bundle))
    assert "Assessing" in shown
    assert "2/2" in shown
    plain = re.sub(r"\x1b\[[\d;?]*\w", "", shown).replace("\r", "")
    table = plain[plain.index("Scan ") :].splitlines()
    assert table[0].split() == ["Scan", "Verdict", "Vote", "Quality", "Nulling", "Sharp.", "Enh."]
    assert re.fullmatch(r"good +non-diagnostic +0 of \d+( +0\.\d\d){4} *", table[1])
    assert re.fullmatch(r"void +failed( +-){5} *", table[2])
    assert table[3].startswith("void: failed. ")
    assert table[-2].startswith("2 scans: 1 non-diagnostic, 1 failed")
    assert "1/2 good" not in plain


@pytest.mark.parametrize(
    ("width", "titles"),
    [(100, 7), (78, 7), (65, 4), (45, 2), (25, 2)],
)
def test_narrow_terminal_keeps_the_name(width: int, titles: int) -> None:
    console = Console(width=width, file=io.StringIO())
    console.print(_table([assessed("patient-0001", review=True)], width))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert len(shown.splitlines()[0].split()) == titles
    assert "…" not in shown
    first = "".join(line.split("  ")[0].strip() for line in shown.splitlines()[1:])
    assert first.startswith("patient-")


def test_line_of_a_scan_to_review_says_what_was_seen() -> None:
    told = line(assessed("one", review=True, findings=(REVIEW,)))
    assert told == "one: diagnostic, review, probability 0.81, 31 of 40 slices. The scan is noisy."
    assert line(assessed("two")) == "two: diagnostic, probability 0.81, 31 of 40 slices"


def test_line_of_a_forced_verdict_says_so() -> None:
    assert line(assessed("one", forced=True)).startswith("one: diagnostic, forced, probability")


def test_line_of_a_measured_scan_names_poor_measures() -> None:
    assert line(unassessed("one", status="measured", measures=measured())) == "one: measured"
    poor = unassessed("one", status="measured", measures=measured(0.5, noise_percent=99.0))
    assert line(poor) == "one: measured, poor: Noise"


def test_conclusion_counts_and_ends_with_the_caution(capsys: pytest.CaptureFixture[str]) -> None:
    results = [assessed("a", review=True), assessed("b"), unassessed("c", status="measured")]
    items = [BatchItem(result) for result in results]
    conclude(AssessmentRun(items, n_earlier=2, report=Path("out/report.html"), caution="Look at the measures."))
    conclude(AssessmentRun(items[1:]))
    assert capsys.readouterr().out.splitlines() == [
        "3 scans: 2 diagnostic, 1 measured; 1 to review",
        "Look at the measures.",
        "The tables and the report also hold 2 results of earlier runs into out.",
        "Report: out/report.html",
        "2 scans: 1 diagnostic, 1 measured",
    ]
