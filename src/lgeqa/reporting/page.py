"""The report of a run as self-contained HTML pages: the table of all scans, and a part for each scan."""

import hashlib
import json
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import BaseModel

from lgeqa.frontend.inline import inline_modules
from lgeqa.frontend.shared_files import SHARED, shared_text
from lgeqa.measures import MEASURES, definition, reference_scans
from lgeqa.records import BundleStamp, ScanResult
from lgeqa.reporting.batch_measures import batch_measures
from lgeqa.reporting.measure_rows import Strip, reference_note, reference_strip
from lgeqa.reporting.pictures import ScanPictures
from lgeqa.reporting.presenter import ENDS, ScanView
from lgeqa.scales import PASSES_FROM, QUALITY_FIRST, SCALES
from lgeqa.versions import versions

#: Number of scans on one page, which keeps it small enough to open at once.
SCANS_A_PAGE = 100
_TEMPLATES = Path(str(resources.files("lgeqa.reporting"))) / "templates"
#: Fields of a record, and of each of its slices, from which the strip of votes is drawn.
_VOTE: Final = {"threshold", "tie", "votes_diagnostic", "votes_total"}
_SLICE: Final = {"index", "position_mm", "p_quality"}


def render(
    results: Sequence[ScanResult],
    load_pictures: Callable[[str], ScanPictures | None],
    bundle: BundleStamp,
    intended_use: str,
    caution: str,
    scans_a_page: int = SCANS_A_PAGE,
) -> Iterator[tuple[str, str]]:
    """Yield the pages of the report on `results`, in their order.

    Args:
        results: Results of any status.
        load_pictures: Function that returns the pictures of a scan by its `scan_id`, or None if there are none.
        bundle: Identity of the bundle that made the results.
        intended_use: Intended use and limits of the bundle, from its manifest.
        caution: Note to read before trusting a verdict of this bundle. Empty for none.
        scans_a_page: Number of scans on one page.

    Yields:
        File name and HTML of each page: first `report.html` with the table of all scans and the parts of the first
        scans, then `report-2.html` and so on with the other parts. The pages load nothing, and all text from outside
        is escaped.
    """
    starts = range(0, len(results), scans_a_page) or [0]
    names = ["report.html", *(f"report-{number}.html" for number in range(2, len(starts) + 1))]
    views = [ScanView(result, names[number // scans_a_page]) for number, result in enumerate(results)]
    counts = Counter(view.end for view in views)
    reference = reference_scans()
    template = _environment(load_pictures).get_template("run.html")
    style, script = _style(), _script()
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
                columns=QUALITY_FIRST,
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
        loader=PackageLoader("lgeqa.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.globals["load_pictures"] = load_pictures
    pages.globals["strip_of"] = lambda name: reference_strip(name, reference_scans())
    pages.globals["define"] = definition
    pages.filters["json"] = _json
    pages.filters["vote_json"] = _vote_json
    pages.filters["place_on"] = _place_on
    return pages


def _json(record: BaseModel) -> str:
    """Return a record as JSON for a script block, which no character in it can end."""
    return _escaped(record.model_dump_json())


def _vote_json(view: ScanView) -> str:
    """Return what the strip of votes is drawn from, as JSON for a script block."""
    slices = [scores.model_dump(include=_SLICE) for scores in view.result.slices]
    vote = {**view.result.model_dump(include=_VOTE), "slices": slices}
    return _escaped(json.dumps({"vote": vote, "bars": [asdict(bar) for bar in view.bars]}))


def _escaped(text: str) -> str:
    return text.replace("<", "\\u003c")


def _place_on(value: float, strip: Strip) -> float:
    """Return the place of a value on a strip, for `map` in a template."""
    return strip.at(value)


@cache
def _style() -> str:
    return (
        "\n"
        + shared_text("colours.css")
        + shared_text("base.css")
        + (_TEMPLATES / "run.css").read_text(encoding="utf-8")
    )


@cache
def _script() -> str:
    return "\n" + inline_modules("./report.js", _TEMPLATES, SHARED)


def _hash(text: str) -> str:
    """Return the hash by which the page's content security policy allows its own style or script."""
    return "sha256-" + b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
