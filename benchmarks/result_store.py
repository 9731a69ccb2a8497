"""The store of a run with few and with many results: what an append, the start of a run and the tables cost.

    python benchmarks/result_store.py --record RECORD.json [--results 100000] [--folder DIR]

The results are one record under many names, copied within the store.
"""

import argparse
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from lgeqa.batch import OutputFolder, ResultStore, TableFiles
from lgeqa.records import ScanResult

#: Results of a small store, and appends that are timed.
FEW, APPENDS = 100, 200


def main() -> None:
    """Print the figures for a small and for a large store."""
    parser = argparse.ArgumentParser(description="Measure a store of results.")
    parser.add_argument("--record", type=Path, required=True)
    parser.add_argument("--results", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="Where there is room for some 30 kB a result.")
    options = parser.parse_args()
    record = ScanResult.model_validate_json(options.record.read_bytes())
    for n_results in (FEW, options.results):
        with TemporaryDirectory(dir=options.folder) as folder:
            _measure(record, OutputFolder(Path(folder)), n_results)


def _measure(record: ScanResult, out: OutputFolder, n_results: int) -> None:
    with ResultStore(out) as store:
        store.add(record.model_copy(update={"scan_id": "copied"}), "rule", 0)
    with closing(sqlite3.connect(out.store)) as file, file:
        columns = [column[1] for column in file.execute("PRAGMA table_info(results)") if column[1] != "scan_id"]
        numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        names = ", ".join(columns)
        copies = f"SELECT printf('scan-%06d', i), {names} FROM n, results WHERE scan_id = 'copied'"
        file.execute(f"{numbers} INSERT INTO results (scan_id, {names}) {copies}", (n_results,))
    with ResultStore(out) as store:
        appends = []
        for number in range(APPENDS):
            result = record.model_copy(update={"scan_id": f"new-{number}"})
            appends.append(_seconds(lambda result=result, number=number: store.add(result, "rule", number)))  # type: ignore[misc]
        tables = TableFiles(out, store)
        places = {head.scan_id: place for place, head in enumerate(store.heads())}
        steps: dict[str, Callable[[], object]] = {
            "what a run must know of each": lambda: deque(store.heads(), maxlen=0),
            "order of the run": lambda: store.arrange(places, places, with_others=True),
            "the same order again": lambda: store.arrange(places, places, with_others=True),
            "names and digests": lambda: deque(store.marks(), maxlen=0),
            "names of all": lambda: deque(store.find(), maxlen=0),
            "names of one decision, which all have": lambda: deque(store.find(decision=record.decision), maxlen=0),
            "both tables": tables.write,
            "one more line in both": lambda: tables.add(result),
        }
        print(f"{n_results} results, {out.store.stat().st_size / 1e6:.0f} MB: append {1000 * median(appends):.1f} ms")
        for name, step in steps.items():
            print(f"  {name}: {_seconds(step):.3f} s")


def _seconds(step: Callable[[], object]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
