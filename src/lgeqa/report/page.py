"""The report of a run as HTML pages that need nothing else: the table of all scans, and a part for each."""

import hashlib
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import BaseModel

from lgeqa.attributes import SCALES
from lgeqa.measure import MEASURES, definition, reference_scans
from lgeqa.records import BundleStamp, ScanResult
from lgeqa.report.batch_measures import batch_measures
from lgeqa.report.measures import Strip, reference_note, reference_strip
from lgeqa.report.pictures import ScanPictures
from lgeqa.report.view import ENDS, PASSES_FROM, ScanView
from lgeqa.versions import versions

#: Scans whose parts one page holds, so that it stays small enough to open at once.
SCANS_A_PAGE = 100
_STYLES = ("base.css", "run.css")
_SCRIPTS = ("table.js", "viewer.js")


def render(
    results: Sequence[ScanResult],
    load_pictures: Callable[[str], ScanPictures | None],
    bundle: BundleStamp,
    intended_use: str,
    caution: str,
    scans_a_page: int = SCANS_A_PAGE,
) -> Iterator[tuple[str, str]]:
    """Write the report on `results`, in their order.

    Args:
        results: Results of any status.
        load_pictures: Function that returns the pictures of a scan by its `scan_id`; None if there are none.
        bundle: The bundle that made them.
        intended_use: What the bundle's manifest says about its use and its limits.
        caution: What a user should know before trusting a verdict of this bundle; empty for nothing.
        scans_a_page: How many scans have their part on one page.

    Yields:
        File name and HTML of each page: first `report.html` with the table of all scans and the parts of the first,
        then `report-2.html` and so on with those of the others. They load nothing; all text from outside is escaped.
    """
    starts = range(0, len(results), scans_a_page) or [0]
    names = ["report.html", *(f"report-{number}.html" for number in range(2, len(starts) + 1))]
    views = [ScanView(result, names[number // scans_a_page]) for number, result in enumerate(results)]
    counts = Counter(view.end for view in views)
    reference = reference_scans()
    template = _environment(load_pictures).get_template("run.html")
    style, script = _joined(_STYLES), _joined(_SCRIPTS)
    for name, start in zip(names, starts, strict=True):
        yield (
            name,
            template.render(
                name=name,
                names=names,
                views=views,
                titles=list(ENDS),
                scans_a_page=scans_a_page,
                parts=views[start : start + scans_a_page],
                counts=[(end, title, counts[end]) for end, title in ENDS.items() if counts[end] or end != "measured"],
                catalogue=MEASURES if any(result.measures for result in results) else (),
                batch=batch_measures(views, reference),
                reference_note=reference_note(reference),
                thresholds=sorted({result.threshold for result in results if result.threshold is not None}),
                scales=SCALES,
                columns=(*SCALES[3:], *SCALES[:3]),
                passes_from=PASSES_FROM,
                bundle=bundle,
                intended_use=intended_use,
                caution=caution,
                versions=versions(),
                written=datetime.now(UTC),
                style=style,
                script=script,
                policy=f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
                "base-uri 'none'; form-action 'none'",
            ),
        )


def _environment(load_pictures: Callable[[str], ScanPictures | None]) -> Environment:
    pages = Environment(
        loader=PackageLoader("lgeqa.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.globals["load_pictures"] = load_pictures
    pages.globals["strip_of"] = lambda name: reference_strip(name, reference_scans())
    pages.globals["define"] = definition
    pages.filters["json"] = _json
    pages.filters["place_on"] = _place_on
    return pages


def _json(record: BaseModel) -> str:
    """A record for a script block, which no sign in it can end."""
    return record.model_dump_json().replace("<", "\\u003c")


def _place_on(value: float, strip: Strip) -> float:
    """The place of a value on a strip, for `map` in a template."""
    return strip.at(value)


def _joined(names: Sequence[str]) -> str:
    """Files of the package that stand in the page as they are."""
    folder = resources.files("lgeqa.report") / "templates"
    return "\n" + "".join((folder / name).read_text(encoding="utf-8") for name in names)


def _hash(text: str) -> str:
    """By which the page's policy knows its own style and script."""
    return "sha256-" + b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
