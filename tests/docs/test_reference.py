"""The generated parts of the reference pages are those that the code gives now."""

import re
import runpy
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from lgeqa.inference.bundle import open_bundle
from lgeqa.measures import MEASURES, measured_reader, reference_scans

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted((DOCS / "reference").glob("*.md"))


@pytest.fixture(scope="module")
def generate() -> dict[str, Any]:
    return runpy.run_path(str(DOCS / "generate_reference.py"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_reference_pages_are_current(page: Path, generate: dict[str, Any]) -> None:
    text = page.read_text(encoding="utf-8")

    assert generate["page"](text) == text, "run: make docs"


def test_a_table_says_what_the_class_says(generate: dict[str, Any]) -> None:
    made = generate["page"]("<!-- fields of lgeqa.inference.detection.SliceRule -->\nWRITTEN BY HAND\n<!-- end -->\n")

    assert "BY HAND" not in made
    assert "| `threshold` | number, above 0, below 1 | `0.5` | Probability t that a pixel must exceed |" in made
    assert "| `largest_component` | boolean | `false` | Whether only the largest 3-D component (26 neighbours)" in made


def test_docstrings_are_read_by_name(generate: dict[str, Any]) -> None:
    told = generate["attributes"](
        "One.\n\nAttributes:\n    a: first\n        and more: this.\n    c_*: last.\n\nEnd: no."
    )

    assert told == {"a": "first and more: this.", "c_*": "last."}


def test_exit_codes_come_from_the_errors(generate: dict[str, Any]) -> None:
    made = generate["page"]("<!-- errors of lgeqa.errors -->\n<!-- end -->")

    assert "| `BundleError` | 2 |" in made
    assert "| `ReadError` | 3 |" in made


def test_measures_are_defined_by_their_docstrings(generate: dict[str, Any]) -> None:
    made = generate["page"]("<!-- measures of lgeqa.evaluation.metrics -->\n<!-- end -->")

    assert "| `recall` | calls | Share of the diagnostic items that were called diagnostic" in made
    assert "(n_b / n) \\|mean label in b - mean probability in b\\|" in made


def test_quality_measures_show_their_whole_definition(generate: dict[str, Any]) -> None:
    text = generate["page"]("<!-- definitions of lgeqa.measures -->\n<!-- end -->")

    for measure in MEASURES:
        section = text.split(f"### `{measure.name}`\n")[1].split("\n### ")[0]
        for part in ("Formula: ", "Unit: ", "Undefined: ", "Source: "):
            assert f"\n- {part}" in section
    assert "[doi:10.1161/CIRCEP.113.000623](https://doi.org/10.1161/CIRCEP.113.000623)." in text


def test_overview_gives_percentiles_of_the_reference(generate: dict[str, Any]) -> None:
    text = generate["page"]("<!-- overview of lgeqa.measures -->\n<!-- end -->")

    low, median, high = (f"{reference_scans().quantiles['asnr'][index]:.1f}" for index in (2, 10, 18))
    row = f"| [Signal-to-noise ratio of blood](#asnr) | `asnr` | none | higher | {low} | {median} | {high} |"
    assert row in text
    assert [line.split("`")[1] for line in text.splitlines() if "](#" in line] == [one.name for one in MEASURES]


def test_field_without_a_description_is_refused(generate: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="threshold: has no description"):
        generate["_meaning"]("threshold", {"other": "A field."})


def test_page_of_versions_is_current() -> None:
    manifest = open_bundle().manifest
    current = {
        "package": version("lgeqa"),
        "default bundle": manifest.version,
        "bundle format": str(manifest.format),
        "measured reader": measured_reader().version,
    }
    text = (DOCS / "reference" / "versions.md").read_text(encoding="utf-8")

    assert dict(re.findall(r"^\| ([a-z ]+) \| ([\d.]+) \|", text, re.MULTILINE)) == current
