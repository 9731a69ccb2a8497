import csv
import math
from typing import Any

import pytest

from lgeqa.agreement.compute import agree
from lgeqa.agreement.discrepancy_rule import DiscrepancyRule
from lgeqa.agreement.discrepancy_table import adjudication_table
from lgeqa.agreement.ratings import Reading
from lgeqa.agreement.record import Agreement
from lgeqa.bootstrap import Bootstrap
from lgeqa.errors import ConfigError
from tests.agreement.study import readings
from tests.evaluation.judged import record


@pytest.fixture(scope="module")
def made() -> Agreement:
    return agree(readings(), {"far": record([[0.2] * 4], scan_id="far")}, "here", Bootstrap(100))


def test_who_must_be_agreed_on_and_in_which_order(made: Agreement) -> None:
    assert [(one.rank, one.scan_id, one.spread) for one in made.disputes] == [
        (1, "refused", 0),
        (2, "both", 3),
        (3, "split", 1),
        (4, "far", 2),
    ]


def test_each_says_why(made: Agreement) -> None:
    reasons = {one.scan_id: one.reasons for one in made.disputes}

    assert reasons == {
        "refused": ("Rated by bob, cy, and not ratable by ann",),
        "both": (
            "Quality for fibrosis assessment: diagnostic by bob, not by ann, cy",
            "Myocardium nulling: 2 apart",
            "Sharpness: 3 apart",
            "Quality for fibrosis assessment: 3 apart",
        ),
        "split": ("Quality for fibrosis assessment: diagnostic by ann, not by bob, cy",),
        "far": ("Myocardium nulling: 2 apart",),
    }


def test_readings_and_verdict_are_beside_them(made: Agreement) -> None:
    refused, *_, far = made.disputes

    assert refused.readings == {"ann": None, "bob": (3, 3, 3, 3), "cy": (3, 3, 3, 3)}
    assert (refused.verdict, far.verdict) == (None, "non-diagnostic")
    assert far.probability == pytest.approx(0.2)


def test_the_table(made: Agreement) -> None:
    refused, _, _, far = csv.DictReader(adjudication_table(made).splitlines())

    assert refused["reasons"] == "Rated by bob, cy, and not ratable by ann"
    assert (refused["ann:quality"], refused["bob:quality"], refused["verdict"]) == ("", "3", "")
    assert [refused[f"{reader}:cannot_rate"] for reader in ("ann", "bob", "cy")] == ["yes", "", ""]
    assert (far["rank"], far["scan"], far["spread"], far["verdict"]) == ("4", "far", "2", "non-diagnostic")
    assert far["probability"] == "0.200000"
    assert [far[f"{reader}:myocardium_nulling"] for reader in ("ann", "bob", "cy")] == ["1", "3", "1"]


def test_scores_of_single_scales_are_compared_where_both_have_them() -> None:
    nan = math.nan
    given = {
        ("near", "ann"): (nan, nan, nan, 4), ("near", "bob"): (1, 1, 1, 5),
        ("far", "ann"): (nan, 5, nan, 4), ("far", "bob"): (1, 2, nan, nan),
        ("split", "ann"): (nan, nan, nan, 2), ("split", "bob"): (3, nan, nan, 3), ("split", "cy"): (3, nan, nan, nan),
    }  # fmt: skip
    study = [Reading(scan, scan, reader, 1, scores) for (scan, reader), scores in given.items()]
    made = agree(study, {}, "here", Bootstrap(100))
    assert {one.scan_id: one.reasons for one in made.disputes} == {
        "split": ("Quality for fibrosis assessment: diagnostic by bob, not by ann",),
        "far": ("Sharpness: 3 apart",),
    }
    assert made.disputes[0].readings == {"ann": (None, None, None, 2), "bob": (3, None, None, 3),
                                         "cy": (3, None, None, None)}  # fmt: skip
    assert Agreement.model_validate_json(made.model_dump_json()) == made
    assert {row["scan"]: row["ann:sharpness"] for row in csv.DictReader(adjudication_table(made).splitlines())} == {
        "split": "",
        "far": "5",
    }
    assert [(count.reader, count.scored) for count in made.readers] == [("ann", 3), ("bob", 3), ("cy", 1)]
    assert (made.n_shared, made.scales["quality"].n, made.scales["sharpness"].n) == (3, 2, 1)


@pytest.mark.parametrize(
    ("rule", "listed"),
    [
        ({"points": 3}, ["refused", "both", "split"]),
        ({"points_on": ["sharpness"], "sides_on": []}, ["refused", "both"]),
        ({"points_on": [], "sides_on": ["quality"]}, ["refused", "both", "split"]),
        ({"points_on": [], "sides_on": []}, ["refused"]),
        ({"points": 1, "points_on": ["quality"], "sides_on": []}, ["refused", "both", "split", "close", "far"]),
    ],
)
def test_rule_chooses_the_scans(rule: dict[str, Any], listed: list[str]) -> None:
    made = agree(readings(), {}, "here", Bootstrap(100), rule=DiscrepancyRule.of(rule))

    assert sorted(dispute.scan_id for dispute in made.disputes) == sorted(listed)
    assert made.rule == DiscrepancyRule.of(rule)


def test_rule_names_what_it_compares() -> None:
    rule = DiscrepancyRule(points=3, points_on=("quality", "sharpness", "quality"), sides_on=())

    assert rule.points_on == ("sharpness", "quality")
    assert rule.text == (
        "one reader says that it cannot be rated and another scores it; scores are 3 or more apart on sharpness or "
        "quality for fibrosis assessment"
    )


def test_scales_that_differ_are_named(made: Agreement) -> None:
    assert {dispute.scan_id: dispute.apart for dispute in made.disputes} == {
        "refused": (),
        "both": ("myocardium_nulling", "sharpness", "quality"),
        "split": ("quality",),
        "far": ("myocardium_nulling",),
    }


def test_progress_rises_to_one() -> None:
    shares: list[float] = []
    agree(readings(), {}, "here", Bootstrap(100), on_progress=shares.append)

    assert len(shares) == 16  # four scales of three pairs and the rest
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_rule_names_only_what_counts() -> None:
    assert DiscrepancyRule().text.endswith("scores are 2 or more apart on any scale")
    assert DiscrepancyRule(points_on=()).text.endswith("different sides of 3 on quality for fibrosis assessment")
    with pytest.raises(ConfigError, match="points"):
        DiscrepancyRule.of({"points": 0})
