"""What is shown on a terminal: run in a pseudo-terminal."""

import io
import os
import pty
import re
import subprocess
from pathlib import Path
from typing import get_args

import pytest
from rich.console import Console

from lgeqa.batch import BatchItem
from lgeqa.cli.console import _table, conclude, line, print_block
from lgeqa.cli.progress import RunConsole
from lgeqa.io import Source
from lgeqa.outcomes import Status
from lgeqa.records import ProbabilityParts
from lgeqa.reporting import ScanView
from lgeqa.workflows.assessment import AssessmentRun
from tests.factories.command import LGEQA
from tests.results import REVIEW, decided, measured, unassessed
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
    assert table[0].split() == ["Scan", "Decision", "Verdict", "Vote", "Quality", "Nulling", "Sharp.", "Enh."]
    assert re.fullmatch(r"good +review +non-diagnostic +0 of \d+( +(<|>)? ?\.\d\d){4} *", table[1])
    assert re.fullmatch(r"void +- +failed( +-){5} *", table[2])
    assert table[3].startswith("good: review, non-diagnostic, probability ")
    assert any(row.startswith("void: failed. ") for row in table)
    assert table[-2].startswith("2 scans: 1 non-diagnostic, 1 failed")
    assert "1/2 good" not in plain


@pytest.mark.parametrize(
    ("width", "titles"),
    [(100, 8), (88, 8), (75, 5), (45, 3), (30, 3)],
)
def test_narrow_terminal_keeps_the_name(width: int, titles: int) -> None:
    console = Console(width=width, file=io.StringIO())
    console.print(_table([decided("patient-0001")], width))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert len(shown.splitlines()[0].split()) == titles
    assert "…" not in shown
    first = "".join(line.split("  ")[0].strip() for line in shown.splitlines()[1:])
    assert first.startswith("patient-")


def test_line_of_a_scan_says_decision_and_reasons() -> None:
    seen = line(decided("one", findings=(REVIEW,)))
    assert seen.startswith("one: review, diagnostic, probability .81, 40 of 40 slices. The scan is noisy.")
    accepted = line(decided("two", p_sharpness=0.9))
    assert accepted.startswith("two: accept, diagnostic, probability .81, 40 of 40 slices. The probability of being")


def test_line_of_a_forced_verdict_says_so() -> None:
    assert ": review, diagnostic, forced, probability .81" in line(decided("one", forced=True, findings=(REVIEW,)))


def test_line_of_a_measured_scan_names_poor_measures() -> None:
    assert line(unassessed("one", status="measured", measures=measured())) == "one: measured"
    poor = unassessed("one", status="measured", measures=measured(0.5, noise_percent=99.0))
    assert line(poor) == "one: measured, poor: Noise"


def test_conclusion_counts_and_ends_with_the_caution(capsys: pytest.CaptureFixture[str]) -> None:
    results = [
        decided("a", findings=(REVIEW,)),
        decided("b", p_sharpness=0.9),
        unassessed("c", status="measured"),
    ]
    items = [BatchItem.of(result) for result in results]
    conclude(AssessmentRun(items, 3, n_earlier=2, report=Path("out/report.html"), caution="Look at the measures."))
    conclude(AssessmentRun(items[1:], 2))
    assert capsys.readouterr().out.splitlines() == [
        "3 scans: 2 diagnostic, 1 measured; 1 to accept, 1 to review",
        "Look at the measures.",
        "Added to 2 results of earlier runs into out, which the tables and the report hold, too. --fresh starts anew.",
        "Report: out/report.html",
        "2 scans: 1 diagnostic, 1 measured; 1 to accept",
    ]


def test_block_of_one_scan_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    result = decided("one", findings=(REVIEW,), p_sharpness=0.2, p_quality=0.999, seconds={"read": 0.51})
    conclude(AssessmentRun([BatchItem.of(result)], 1))
    text = " ".join(capsys.readouterr().out.split())
    assert text.startswith(f"one review Why {REVIEW.seen} The scan fails sharpness. What to do {REVIEW.remedy}")
    assert "Verdict diagnostic Probability > .99 of being diagnostic Votes 40 of 40 slices diagnostic" in text
    assert "Quality > .99 likely diagnostic" in text
    assert "Sharpness .20 likely non-diagnostic" in text
    assert text.endswith("Seconds 0.5 (reading 0.5)")


def test_block_shows_the_parts_of_each_probability(capsys: pytest.CaptureFixture[str]) -> None:
    print_block(decided(parts={"sharpness": ProbabilityParts(network=0.62, measures=0.344)}))
    [row] = [row for row in capsys.readouterr().out.splitlines() if "network" in row]
    assert row.startswith("Sharpness")
    assert row.rstrip().endswith("(network .62, measures .34)")


def test_block_of_a_failed_scan_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    conclude(AssessmentRun([BatchItem.of(unassessed("one", message="one.nrrd: is empty. Export it again."))], 1))
    text = " ".join(capsys.readouterr().out.split())
    assert text == "one failed Why one.nrrd: is empty. Export it again."


def test_progress_in_40_columns_keeps_the_scan_and_its_step() -> None:
    name = "patient-0001-visit-2-late-enhancement-3d-navigator"
    progress = RunConsole(quiet=False)
    source = Source(name, "volume", Path("a.nrrd"))
    console = Console(width=40, file=io.StringIO())
    progress.step(source, "detecting")
    console.print(*progress._bar.get_renderables(), sep="\n")
    assert f"{name} detecting" in console.file.getvalue().replace("\n", "")  # type: ignore[attr-defined]
    assert max(map(len, console.file.getvalue().splitlines())) <= 40  # type: ignore[attr-defined]
    list(progress.follow([BatchItem.of(decided(name))], 1))
    console = Console(width=40, file=io.StringIO())
    console.print(*progress._bar.get_renderables(), sep="\n")
    assert "detecting" not in console.file.getvalue()  # type: ignore[attr-defined]


def test_block_of_a_refused_scan_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    print_block(unassessed("one", status="not_assessable", decision="review", reasons=("No atrium.",)))
    assert capsys.readouterr().out.splitlines()[0].split("  ") == ["one", "review, not assessable"]


@pytest.mark.parametrize("status", [status for status in get_args(Status) if status != "assessed"])
def test_every_scan_without_a_decision_is_shown(status: Status, capsys: pytest.CaptureFixture[str]) -> None:
    """Such as a map of labels, which is refused as it is read."""
    result = unassessed("one", status=status, message="one.nrrd: is a mask. Give the scan itself.")
    print_block(result)
    [title, *_] = capsys.readouterr().out.splitlines()
    assert title.removeprefix("one  ") == ScanView(result).title
    assert _table([result], 100).row_count == 1
    assert line(result).startswith("one: ")


def test_block_names_causes_and_the_worth_of_a_repeat(capsys: pytest.CaptureFixture[str]) -> None:
    print_block(decided(p_quality=0.1, p_sharpness=0.1, p_myocardium_nulling=0.9, p_enhancement=0.9))
    text = " ".join(capsys.readouterr().out.split())
    assert "Perhaps Blur by motion or a coarse matrix (evidence 90%): Probability of sharpness .10. Check the" in text
    assert "A repeat in this visit is likely to help: breathing and the gate to the heart can be set again." in text
    assert text.count("Perhaps") == 1
