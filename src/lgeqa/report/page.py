"""The plain report of a run as one self-contained HTML page."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from jinja2 import Environment, PackageLoader, StrictUndefined

from lgeqa.attributes import SCALES
from lgeqa.records import BundleStamp, ScanResult
from lgeqa.versions import versions

#: What a scan can come to, in the order of the summary, and how it is called on the page.
ENDS = {
    "diagnostic": "diagnostic",
    "non-diagnostic": "non-diagnostic",
    "not_assessable": "not assessable",
    "failed": "failed",
}


def render(results: Sequence[ScanResult], bundle: BundleStamp, intended_use: str) -> str:
    """The report on `results`, in their order.

    Args:
        results: of any status.
        bundle: that made them.
        intended_use: what the bundle's manifest says about its use and its limits.

    Returns:
        HTML without scripts and without links to other files; all text from outside is escaped.
    """
    pages = Environment(
        loader=PackageLoader("lgeqa.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    counts = Counter(end_of(result) for result in results)
    return pages.get_template("run.html").render(
        results=results,
        counts=[(end, title, counts[end]) for end, title in ENDS.items()],
        titles=ENDS,
        end_of=end_of,
        thresholds=sorted({result.threshold for result in results if result.threshold is not None}),
        scales=SCALES,
        columns=(*SCALES[3:], *SCALES[:3]),
        bundle=bundle,
        intended_use=intended_use,
        versions=versions(),
        written=datetime.now(UTC),
    )


def end_of(result: ScanResult) -> str:
    """The verdict of an assessed scan, else the status."""
    return result.verdict or result.status
