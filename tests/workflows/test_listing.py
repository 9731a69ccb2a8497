"""Results of a run that are found by their outcome."""

import csv
import io
from pathlib import Path

import pytest

import lgeqa
from lgeqa.batch import OutputFolder, ResultStore
from lgeqa.errors import OutputError, UsageError
from lgeqa.outcomes import Decision, Status, Verdict
from tests.factories.command import lgeqa as command
from tests.results import assessed, unassessed


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Return an output folder whose last run had the scans d, a and c, and an earlier one b."""
    outcomes: dict[str, tuple[Decision, Verdict]] = {
        "a": ("repeat", "non-diagnostic"),
        "b": ("repeat", "non-diagnostic"),
        "c": ("accept", "diagnostic"),
        "d": ("repeat", "diagnostic"),
    }
    with ResultStore(OutputFolder(tmp_path)) as store:
        for name, (decision, verdict) in outcomes.items():
            store.add(assessed(name, decision=decision, verdict=verdict), "rule", None)
        store.add(unassessed("e", message="The file is empty."), "rule", None)
        store.arrange({"d": 0, "a": 1, "c": 2}, {"a", "c", "d"}, with_others=True)
    return tmp_path


@pytest.mark.parametrize(
    ("decision", "verdict", "status", "names"),
    [
        (None, None, None, "dacbe"),
        ("repeat", None, None, "dab"),
        ("repeat", "non-diagnostic", None, "ab"),
        (None, "diagnostic", "assessed", "dc"),
        (None, None, "failed", "e"),
        ("review", None, None, ""),
    ],
)
def test_results_are_found_in_their_order(
    decision: Decision | None, verdict: Verdict | None, status: Status | None, names: str, out: Path
) -> None:
    found = lgeqa.read_results(out, decision=decision, verdict=verdict, status=status)
    assert "".join(result.scan_id for result in found) == names


def test_results_that_a_stopped_run_was_about_to_replace_are_left_out(out: Path) -> None:
    with ResultStore(OutputFolder(out)) as store:
        store.arrange({"d": 0, "a": 1, "c": 2}, {"c"}, with_others=True)
    assert "".join(result.scan_id for result in lgeqa.read_results(out)) == "cbe"


def test_command_prints_lines_or_a_table(out: Path) -> None:
    lines = command("list", out, "--decision", "repeat").stdout.splitlines()
    assert [text.split(",")[0] for text in lines] == ["d: repeat", "a: repeat", "b: repeat"]
    table = command("list", out, "--status", "failed", "--csv").stdout
    [row] = csv.DictReader(io.StringIO(table.removeprefix("\ufeff")))
    assert (row["scan_id"], row["message"]) == ("e", "The file is empty.")


def test_another_folder_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    done = command("list", tmp_path / "none")
    assert (done.returncode, "none: holds no results. Name the output folder" in done.stderr) == (2, True)
    with pytest.raises(UsageError, match="holds no results"):
        lgeqa.read_results(tmp_path)
    assert not any(tmp_path.iterdir())


def test_damaged_store_is_named(tmp_path: Path) -> None:
    (tmp_path / "results.sqlite").write_text("no database, and long enough to be read as one")
    with pytest.raises(OutputError, match=r"results.sqlite: cannot be used"):
        lgeqa.read_results(tmp_path)
