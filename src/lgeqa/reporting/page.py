"""The pages of a report as HTML: one page about a whole run, or an index and pages that each have some of the scans."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Final
from urllib.parse import quote

from jinja2 import Environment
from pydantic import BaseModel

from lgeqa.formatting import probability_text
from lgeqa.frontend.inline import inline_modules
from lgeqa.frontend.shared_files import SHARED, shared_text
from lgeqa.inference.bundle.kept_out import KeptOut
from lgeqa.measures import MEASURES, definition, reference_scans
from lgeqa.records import BundleStamp, ScanResult
from lgeqa.reporting.batch_measures import batch_measures
from lgeqa.reporting.decision_trust import decision_trust
from lgeqa.reporting.measure_rows import Strip, reference_note, reference_strip
from lgeqa.reporting.page_summary import MOST_URGENT, BatchTotals, PageSummary, span_text
from lgeqa.reporting.pictures import ScanPictures
from lgeqa.reporting.presenter import DECISIONS, ENDS, ScanView
from lgeqa.reporting.template_files import TEMPLATES, environment, hash_of, template_text
from lgeqa.scales import PASSES_FROM, QUALITY_FIRST, SCALES
from lgeqa.versions import versions

#: Address of the index, and of the folder of the pictures, on a page of a long report.
_INDEX: Final = "../report.html"
_PICTURES: Final = "../pictures/"
#: Number of scans far from the others that the index names for each measure.
_MOST_OUTLIERS: Final = 5
#: Fields of a record, and of each of its slices, from which the strip of votes is drawn.
_VOTE: Final = {"threshold", "tie", "votes_diagnostic", "votes_total"}
_SLICE: Final = {"index", "position_mm", "p_quality", "weight"}


@dataclass(frozen=True)
class Notes:
    """What all pages of a report say about the bundle.

    Attributes:
        bundle: Identity of the bundle that made the results.
        intended_use: Intended use and limits of the bundle, from its manifest.
        caution: Note to read before trusting a verdict of this bundle. Empty for none.
        kept_out: Answers of the bundle on labelled scans that were kept out of its calibration. None if there are none.
    """

    bundle: BundleStamp
    intended_use: str
    caution: str
    kept_out: KeptOut | None


def whole_page(results: Sequence[ScanResult], notes: Notes, load_pictures: Callable[[str], ScanPictures | None]) -> str:
    """Return the only page of a report, which has the table, the batch, and the parts of all scans with pictures."""
    totals = BatchTotals.of(PageSummary.of(results))
    return _render(
        "whole.html",
        totals,
        notes,
        "./report.js",
        title=_count_text(totals.n),
        **_of_scans(results, load_pictures),
        **_of_batch(totals, notes),
        most_outliers=len(results),
    )


def part_page(results: Sequence[ScanResult], summary: PageSummary, notes: Notes, beside: Mapping[str, str]) -> str:
    """Return a page of a long report, which loads the pictures of a scan when its part is opened.

    Args:
        results: Results of the scans of the page.
        summary: Summary of these results.
        notes: Notes on the bundle.
        beside: Address of the pages before and after this one, by the text of the link.
    """
    return _render(
        "part.html",
        BatchTotals.of(summary),
        notes,
        "./report.js",
        title=f"{_count_text(len(results))}, {span_text(summary.scan_ids)}",
        summary=summary,
        beside={"Overview of all scans": _INDEX, **beside},
        **_of_scans(results, lambda _: None, _PICTURES),
    )


def index_page(totals: BatchTotals, notes: Notes) -> str:
    """Return the first page of a long report, which has the batch and leads to the pages with its scans."""
    return _render(
        "index.html",
        totals,
        notes,
        "./report_index.js",
        title=_count_text(totals.n),
        most_urgent=MOST_URGENT,
        **_of_batch(totals, notes),
        most_outliers=_MOST_OUTLIERS,
    )


def _count_text(n: int) -> str:
    return f"{n:,} scan{'' if n == 1 else 's'}"


def _of_scans(
    results: Sequence[ScanResult], load_pictures: Callable[[str], ScanPictures | None], pictures_folder: str = ""
) -> dict[str, object]:
    """Return what templates say about each scan of a page."""
    return {
        "views": [ScanView(result) for result in results],
        "load_pictures": load_pictures,
        "pictures_folder": pictures_folder,
        "thresholds": sorted({result.threshold for result in results if result.threshold is not None}),
    }


def _of_batch(totals: BatchTotals, notes: Notes) -> dict[str, object]:
    """Return what templates say about a whole batch."""
    points = totals.operating_points
    return {
        "trust": decision_trust(notes.kept_out, points) if notes.kept_out and points else None,
        "batch": batch_measures(totals.table, totals.link, reference_scans()),
    }


def _render(template: str, totals: BatchTotals, notes: Notes, script_name: str, **facts: object) -> str:
    """Return a page that loads nothing but what its content security policy allows, with all other text escaped."""
    style, script = _style(), _script(script_name)
    loads = " 'self'" if facts.get("pictures_folder") else ""
    return (
        _environment()
        .get_template(template)
        .render(
            **facts,
            totals=totals,
            notes=notes,
            bundle=notes.bundle,
            counts=[
                (end, title, totals.ends[end]) for end, title in ENDS.items() if totals.ends[end] or end != "measured"
            ],
            catalogue=MEASURES if totals.is_measured else (),
            written=None if totals.is_deidentified else datetime.now(UTC),
            versions=versions(),
            style=style,
            script=script,
            policy=f"default-src 'none'; img-src data:; style-src '{hash_of(style)}'; "
            f"script-src '{hash_of(script)}'{loads}; base-uri 'none'; form-action 'none'",
        )
    )


@cache
def _environment() -> Environment:
    pages = environment()
    reference = reference_scans()
    pages.globals |= {
        "strip_of": lambda name: reference_strip(name, reference),
        "define": definition,
        "reference_note": reference_note(reference),
        "signs": DECISIONS,
        "titles": list(ENDS),
        "scales": SCALES,
        "columns": QUALITY_FIRST,
        "passes_from": PASSES_FROM,
    }
    pages.filters |= {
        "json": _json,
        "vote_json": _vote_json,
        "place_on": _place_on,
        "probability": probability_text,
        "in_address": lambda name: quote(name, safe=""),
    }
    return pages


def _json(record: BaseModel) -> str:
    """Return a record as JSON for a script block, which no character in it can end."""
    return _escaped(record.model_dump_json())


def _vote_json(view: ScanView) -> str:
    """Return what the strip of votes is drawn from, as JSON for a script block."""
    slices = [scores.model_dump(include=_SLICE, exclude_none=True) for scores in view.result.slices]
    vote = {**view.result.model_dump(include=_VOTE), "slices": slices}
    return _escaped(json.dumps({"vote": vote, "bars": [asdict(bar) for bar in view.bars]}))


def _escaped(text: str) -> str:
    return text.replace("<", "\\u003c")


def _place_on(value: float, strip: Strip) -> float:
    """Return the place of a value on a strip, for `map` in a template."""
    return strip.at(value)


@cache
def _style() -> str:
    return "\n" + shared_text("colours.css") + shared_text("base.css") + template_text("run.css")


@cache
def _script(name: str) -> str:
    return "\n" + inline_modules(name, TEMPLATES, SHARED)
