"""Cost of the bounded process in which scans are assessed, compared with the same work in this process.

    OPENBLAS_NUM_THREADS=1 python benchmarks/apart.py --data DIR [--scans 30] [--repeats 2]

Both find the scans, open the bundle, assess one scan after another and write records, pictures and tables. They take
turns, and the shortest time of each counts, since other load can only add to it.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from lgeqa.batch import OutputFolder, ResultStore, ScanAssessor, open_pipeline, run_batch
from lgeqa.batch.table_files import TableFiles
from lgeqa.inference.bundle import open_bundle
from lgeqa.inference.pipeline import AssessSettings
from lgeqa.io import Source, discover
from lgeqa.threads import cores
from lgeqa.workers import LIMITS, apart


def main() -> None:
    """Print the times and their ratio."""
    parser = argparse.ArgumentParser(description="Measure what the bounded process costs.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scans", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    paths = list(islice((path for path in sorted(options.data.iterdir()) if path.is_dir()), options.scans))
    ways: dict[str, Callable[[Sequence[Path], Path], int]] = {"bounded process": _bounded, "this process": _here}
    least = dict.fromkeys(ways, float("inf"))
    for _ in range(options.repeats):
        for name, way in ways.items():
            with TemporaryDirectory() as folder:
                start = time.perf_counter()
                n = way(paths, Path(folder))
                least[name] = min(least[name], time.perf_counter() - start)
    for name, seconds in least.items():
        print(f"{name}: {n} scans in {seconds:.1f} s")
    print(f"ratio {least['bounded process'] / least['this process']:.3f}")


def _bounded(paths: Sequence[Path], folder: Path) -> int:
    sources = apart(partial(discover, paths), LIMITS)
    assert isinstance(sources, list)
    return sum(1 for _ in run_batch(sources, _attempt(folder), jobs=1))


def _here(paths: Sequence[Path], folder: Path) -> int:
    attempt = _attempt(folder)
    sources: list[Source] = discover(paths)
    with ResultStore(attempt.out) as store:
        tables = TableFiles(attempt.out, store)
        tables.write()
        for place, source in enumerate(sources):
            result = attempt(source).result
            attempt.out.save(result)
            store.add(result, repr(attempt.rule), place)
            tables.add(result)
    return len(sources)


def _attempt(folder: Path) -> ScanAssessor:
    bundle, settings = open_bundle(), AssessSettings()
    open_assess = partial(open_pipeline, None, cores(), settings)
    return ScanAssessor.of(open_assess, bundle, settings, OutputFolder(folder, pictures=True))


if __name__ == "__main__":
    main()
