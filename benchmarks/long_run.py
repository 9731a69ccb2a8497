"""A long run: what a scan costs, the memory of the parent process, and how soon a run over finished scans ends.

    PYTHONPATH=. python benchmarks/long_run.py --record RECORD.json [--scans 10000] [--jobs 2]

Each scan is a file of a few bytes, and its assessment is the given record under another name, so that only what
surrounds the assessment is measured: search, workers, store, records, tables and report.
"""

import argparse
import resource
import time
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from lgeqa.batch import OutputFolder, ScanAssessor, run_batch
from lgeqa.errors import UsageError
from lgeqa.inference.decision import DecisionRule
from lgeqa.inference.pipeline import AssessSettings
from lgeqa.io import discover
from lgeqa.preprocessing import QualityPreparation
from lgeqa.records import ScanResult
from tests.factories.repeated_record import repeat

THOUSAND = 1000


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Measure what surrounds the assessment in a long run.")
    parser.add_argument("--record", type=Path, required=True)
    parser.add_argument("--scans", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    record = ScanResult.model_validate_json(options.record.read_bytes())
    if record.bundle is None or record.threshold is None or record.operating_point is None:
        raise UsageError(f"{options.record}: is not the record of an assessed scan.")
    with TemporaryDirectory(dir=Path.cwd()) as folder:
        _measure(record, Path(folder), options.scans, options.jobs)


def _measure(record: ScanResult, folder: Path, n_scans: int, jobs: int) -> None:
    (folder / "scans").mkdir()
    for number in range(n_scans):
        (folder / "scans" / f"scan-{number:06}.nrrd").write_text(str(number), encoding="utf-8")
    start = time.perf_counter()
    sources = discover([folder / "scans"])
    print(f"found {len(sources)} scans in {time.perf_counter() - start:.1f} s")
    assert record.bundle
    assert record.threshold is not None
    assert record.operating_point
    rule = DecisionRule(record.threshold, record.operating_point)
    settings = AssessSettings()
    out = OutputFolder(folder / "out")
    attempt = ScanAssessor(partial(repeat, record), record.bundle, QualityPreparation(), settings, rule, out)
    for name in ("first run", "resumed"):
        start = time.perf_counter()
        run = run_batch(sources, attempt, jobs)
        for number in range(1, -(-n_scans // THOUSAND) + 1):
            for _ in islice(run, THOUSAND):
                pass
            seconds, start = time.perf_counter() - start, time.perf_counter()
            print(f"{name}: thousand {number}: {seconds:.2f} s, parent at most {_most_mb():.0f} MB", flush=True)


def _most_mb() -> float:
    """Return the largest memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
