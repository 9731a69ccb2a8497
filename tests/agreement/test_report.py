from dataclasses import replace

import pytest

from lgeqa.agreement.compute import agree
from lgeqa.agreement.ratings import Reading
from lgeqa.agreement.report import as_html, as_markdown, as_pdf, cell
from lgeqa.bootstrap import Bootstrap, Estimate
from tests.agreement.study import readings
from tests.evaluation.judged import record


@pytest.fixture(scope="module")
def text() -> str:
    results = {scan: record([[0.9] * 4], scan_id=scan) for scan in ("agreed", "far", "both")}
    return as_markdown(agree(readings(), results, "ratings.csv", Bootstrap(100)))


def test_cells() -> None:
    assert cell(Estimate(value=0.714, low=0.6, high=0.75)) == "0.71 (0.60 to 0.75)"
    assert cell(Estimate(value=-0.1, low=-0.25, high=0.05), "+") == "-0.10 (-0.25 to +0.05)"
    assert cell(Estimate(value=-0.001)) == "0.00"
    assert cell(Estimate(value=1)) == "1.00"
    assert cell(Estimate(undefined="why")) == "undefined"


def test_the_page_says_what_was_read(text: str) -> None:
    assert "# Agreement of 3 readers" in text
    assert "8 scans of 6 patients, 7 of them read by two readers or more" in text
    assert "| ann | 6 | 2 | 3 |" in text
    assert "simulated" not in text


def test_each_table_is_there(text: str) -> None:
    assert text.count("| ann, bob | 5 | 2 |") == 4
    assert text.count("| ann | 2 | 1 |") == 4
    assert text.count("\n| Quality for fibrosis assessment | majority | 3 |") == 1
    assert "4 of 7 scans" in text
    assert (
        "2. `both`: Quality for fibrosis assessment: diagnostic by bob, not by ann, cy; Myocardium nulling: 2 apart"
        in text
    )


def test_what_is_undefined_says_why_below_its_table(text: str) -> None:
    assert "| Myocardium nulling | bob | 3 | undefined | 1.00 | undefined | 1.00 | 1.00 |" in text
    assert (
        "- kappa of labels, myocardium nulling, bob; AUROC, myocardium nulling, bob: undefined, all scans are on one "
        "side of 3.\n"
    ) in text


def test_simulated_readers_are_named_as_such() -> None:
    made = agree(readings(), {}, "cohort", Bootstrap(100), simulated=True)

    assert "**The readers of this cohort are simulated." in as_markdown(made)
    assert "The model among the readers" not in as_markdown(made)


def test_measured_scores_have_a_table_of_their_own(text: str) -> None:
    measured = Reading("agreed", "p1", "measured", 1, (4.2, 4.2, 4.2, 4.2))

    with_measured = as_markdown(agree([*readings(), measured], {}, "ratings.csv", Bootstrap(100)))

    assert with_measured.count("| measured, ann | 1 |") == 4
    assert "in no other figure" in with_measured
    assert "# Agreement of 3 readers" in with_measured
    assert "measured" not in text


def test_a_long_list_is_cut() -> None:
    many = [
        Reading(f"s{number:02}", f"p{number}", reader, 1, (score, score, score, score))
        for number in range(25)
        for reader, score in (("ann", 1.0), ("bob", 5.0 - number % 3))
    ]

    text = as_markdown(agree(many, {}, "here", Bootstrap(100)))

    assert "\n20. `s" in text
    assert "\n21. `s" not in text
    assert "and 5 more." in text


def test_page_has_every_table_and_no_markup_of_names() -> None:
    named = [replace(reading, scan_id=f"<b>`{reading.scan_id}`") for reading in readings()]
    made = agree(named, {}, "a<script>.csv", Bootstrap(100))

    page = as_html(made)

    assert page.count("<table>") == as_markdown(made).count("\n| ---")
    assert "<script" not in page
    assert "<b>" not in page
    assert "<code>&lt;b&gt;&#x27;both&#x27;</code>: " in page
    assert "http" not in page


def test_pdf_is_the_same_for_the_same_agreement() -> None:
    made = agree(
        [replace(reading, reader=f"{reading.reader} Łukasz Ψ") for reading in readings()], {}, "x", Bootstrap(100)
    )

    first = as_pdf(made)

    assert first.startswith(b"%PDF-")
    assert first == as_pdf(made)
    assert first.count(b"/Type /Page\n") >= 2
    assert b"DejaVu" in first
