"""The store of a run: what a kill, damage, another version and another run leave of it."""

import csv
from pathlib import Path

import pytest

from lgeqa.batch import OutputFolder, ResultStore, run_batch
from lgeqa.batch.table_files import TableFiles
from lgeqa.errors import OutputError
from lgeqa.records import ScoreEstimate
from lgeqa.results import CSV_COLUMNS, SCORE_COLUMNS
from lgeqa.scales import SCALE_NAMES
from tests.batch.fakes import asked, attempt, source
from tests.results import assessed

SCORES = {name: ScoreEstimate(expected=3.5, low=2, high=5) for name in SCALE_NAMES}


def test_results_come_in_order_and_can_be_read_after_the_run(tmp_path: Path) -> None:
    out = OutputFolder(tmp_path)
    results = {name: assessed(name) for name in ("c", "a", "b", "other")}
    with ResultStore(out) as store:
        for result in results.values():
            store.add(result, "rule", None)
        store.arrange({"b": 0, "c": 1, "a": 2}, "abc", with_others=True)
        assert [result.scan_id for result in store] == ["b", "c", "a", "other"]
        store.arrange({"b": 0, "c": 1, "a": 2}, "abc", with_others=False)
        assert len(store) == 3

    assert list(store) == [results[name] for name in "bca"]
    assert store.load("other") == results["other"]
    assert [path.name for path in tmp_path.glob("results.*")] == ["results.sqlite"]
    with ResultStore(out) as again:
        assert len(again) == 4


def test_marks_say_which_records_changed(tmp_path: Path) -> None:
    with ResultStore(OutputFolder(tmp_path)) as store:
        for name in ("a", "b"):
            store.add(assessed(name), "rule", None)
        before = dict(store.marks())
        store.add(assessed("b", review=True), "rule", None)
        after = dict(store.marks())

    assert before["a"] == after["a"]
    assert before["b"] != after["b"]


def test_store_that_is_gone_is_made_again_from_the_records(tmp_path: Path) -> None:
    list(run_batch([source(tmp_path, "good")], attempt(tmp_path), 1))
    asked(tmp_path)
    (tmp_path / "out" / "results.sqlite").unlink()

    (item,) = run_batch([source(tmp_path, "good")], attempt(tmp_path), 1)

    assert item.kept
    assert asked(tmp_path) == []
    assert (tmp_path / "out" / "results.csv").read_text(encoding="utf-8-sig").splitlines()[1].startswith("good,")


def test_store_of_another_version_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    list(run_batch([source(tmp_path, "good")], attempt(tmp_path), 1))
    with ResultStore(OutputFolder(tmp_path / "out")) as store:
        store.add(assessed("only in the store"), "rule", None)
    monkeypatch.setattr("lgeqa.batch.result_store.versions", lambda: {"lgeqa": "99"})

    with ResultStore(OutputFolder(tmp_path / "out")) as store:
        assert [result.scan_id for result in store] == ["good"]


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0" + bytes(4000)])
def test_damaged_store_is_named_with_the_remedy(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "results.sqlite").write_bytes(content)

    store = ResultStore(OutputFolder(tmp_path))
    with pytest.raises(OutputError, match=r"results\.sqlite: cannot be used .* remove this file"):
        store.__enter__()
    assert store._file is None


def test_store_has_one_user_at_a_time(tmp_path: Path) -> None:
    out = OutputFolder(tmp_path)
    with ResultStore(out), pytest.raises(OutputError, match=r"database is locked.* no other run works in the folder"):
        ResultStore(out).__enter__()


def test_failed_change_of_order_changes_nothing(tmp_path: Path) -> None:
    with ResultStore(OutputFolder(tmp_path)) as store:
        for name in ("a", "b"):
            store.add(assessed(name), "rule", None)
        store.arrange({"b": 0, "a": 1}, "ab", with_others=True)
        with pytest.raises(OutputError):
            store.arrange({"a": 0, "b": {}}, "ab", with_others=True)  # type: ignore[dict-item]
        assert [result.scan_id for result in store] == ["b", "a"]


def test_tables_get_columns_of_scores_when_a_result_has_some(tmp_path: Path) -> None:
    out = OutputFolder(tmp_path)
    with ResultStore(out) as store:
        tables = TableFiles(out, store)
        tables.write()
        for number, scores in enumerate(({}, SCORES, {})):
            result = assessed(f"scan-{number}", scores=scores)
            store.add(result, "rule", number)
            tables.add(result)
            growing = out.table.read_text(encoding="utf-8-sig")
            tables.write()
            assert growing == out.table.read_text(encoding="utf-8-sig")

    rows = list(csv.DictReader(growing.splitlines()))
    assert tuple(rows[0]) == (*CSV_COLUMNS, *SCORE_COLUMNS)
    assert [row["score_quality"] for row in rows] == ["", "3.5", ""]
    assert [row["bundle_version"] for row in rows] == [rows[0]["bundle_version"]] * 3
