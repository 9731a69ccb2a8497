"""Time, size and memory of the report on many results, which are made from the records of a few scans.

python benchmarks/large_report.py --out OUT [--sizes 1000 10000 100000] [--rendered 10000]

`OUT` is the output folder of `lgeqa assess` on at least one scan. For each size the whole report is written, then again
with nothing changed, and then with one scan more in the middle. In a run of more scans than `--rendered`, all pages get
the body of the first one, and each a summary of its own, from which the index is made as in a run.
"""

import argparse
import hashlib
import random
import resource
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

from lgeqa.batch import OutputFolder
from lgeqa.inference.bundle import open_bundle
from lgeqa.records import ScanResult
from lgeqa.reporting import render
from lgeqa.reporting.page import Notes, part_page
from lgeqa.reporting.page_summary import PageSummary


class MadeResults(Collection[ScanResult]):
    """Results that are made when they are loaded: records of real scans with other names and other values."""

    def __init__(self, records: Sequence[ScanResult], names: Sequence[str]) -> None:
        self._texts = [record.model_dump_json() for record in records]
        self._names = names

    def marks(self) -> Iterator[tuple[str, str]]:
        """Yield the name of each scan and a digest."""
        return ((name, hashlib.sha256(name.encode()).hexdigest()) for name in self._names)

    def load(self, scan_id: str) -> ScanResult:
        """Return the record of a scan, whose measures are up to a tenth off those of a real one."""
        chance = random.Random(scan_id)
        record = ScanResult.model_validate_json(chance.choice(self._texts))
        measures = record.measures and record.measures.model_copy(
            update={
                "values": {
                    name: value and value * chance.uniform(0.9, 1.1) for name, value in record.measures.values.items()
                }
            }
        )
        return record.model_copy(update={"scan_id": scan_id, "measures": measures})

    def __len__(self) -> int:
        """Return the number of results."""
        return len(self._names)

    def __iter__(self) -> Iterator[ScanResult]:
        """Load the results one after another."""
        return map(self.load, self._names)

    def __contains__(self, result: object) -> bool:
        """Return whether a result is among these."""
        return any(result == other for other in self)


def main() -> None:
    """Print a line for each report that is written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--rendered", type=int, default=10_000)
    options = parser.parse_args()
    records = list(OutputFolder(options.out).load_all())
    for size in options.sizes:
        names = [f"scan-{number:06d}" for number in range(size)]
        more = sorted([*names, f"{names[size // 2]}-again"])
        with tempfile.TemporaryDirectory() as folder, ExitStack() as patches:
            if size > options.rendered:
                page = _page_with_body_of_first(MadeResults(records, names))
                patches.enter_context(patch("lgeqa.reporting.report.part_page", page))
            out = OutputFolder(Path(folder))
            for title, run in (("first", names), ("again", names), ("one more", more)):
                print(f"{size} scans, {title}: {write(out, MadeResults(records, run))}", flush=True)


def write(out: OutputFolder, results: MadeResults) -> str:
    """Write the report, and return what that took as text."""
    bundle = open_bundle(None)
    notes = (bundle.stamp, bundle.manifest.intended_use, bundle.manifest.caution)
    start_s = time.time()
    start, start_cpu = time.perf_counter(), time.process_time()
    out.write_report(render(results, out.load_pictures, *notes))
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    pages = list((out.path / "report").glob("*.html"))
    written = sum(page.stat().st_mtime >= start_s for page in pages)
    size = sum(page.stat().st_size for page in pages)
    index = out.report.stat().st_size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return (
        f"{seconds:.2f} s ({cpu:.2f} s of a processor), {written} of {len(pages)} pages written, "
        f"{size / 1e6:.0f} MB in pages, index {index / 1e3:.0f} kB, peak memory {peak:.0f} MB"
    )


def _page_with_body_of_first(results: MadeResults) -> object:
    """Return a function in place of `part_page` that renders nothing."""
    bundle = open_bundle(None)
    notes = Notes(bundle.stamp, bundle.manifest.intended_use, bundle.manifest.caution, None)
    first = [result for result, _ in zip(results, range(75), strict=False)]
    summary = PageSummary.of(first)
    head, _, body = part_page(first, summary, notes, {}).partition(summary.comment)

    def page(_: Sequence[ScanResult], summary: PageSummary, __: Notes, ___: Mapping[str, str]) -> str:
        return head + summary.comment + body

    return page


if __name__ == "__main__":
    main()
