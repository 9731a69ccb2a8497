"""A site's limits on the scans that a server has already assessed, and its choice about headers."""

from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset
from sqlalchemy import select
from typer.testing import CliRunner

from lgeqa.cli import app as command
from lgeqa.database import open_database
from lgeqa.inference.bundle import Bundle, open_bundle
from lgeqa.inference.decision import DecisionRule
from lgeqa.inference.pipeline import AssessSettings
from lgeqa.operating_point import OperatingPoint
from lgeqa.records import ScanResult
from lgeqa.web.models import ScanRow
from lgeqa.web.settings import ServeSettings
from lgeqa.web.site_rule import SiteRule
from lgeqa.web.worker_task import Work
from tests.factories.worklist import fill
from tests.images import write_dicom_series
from tests.results import assessed, decided, unassessed
from tests.toy import toy_bundle
from tests.web.serving import owner, serve

ACCEPTING = {"assess": {"operating_point": {"accept_from": 0.001, "repeat_below": 0.0005, "set_from": "by the site"}}}
REPEATING = {"assess": {"operating_point": {"accept_from": 1.0, "repeat_below": 0.999, "set_from": "by the site"}}}


def decisions(place: Path, **settings: Any) -> list[str]:
    """Return the decisions in the list of a server that is started with these settings."""
    return [line["decision"] for line in owner(serve(place, **settings)).get("/api/scans").json()["scans"]]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    fill(open_database(tmp_path / "home" / "lgeqa.sqlite"), 6)
    return tmp_path


def test_start_decides_again_by_the_limits_of_the_site(place: Path) -> None:
    before = decisions(place)
    assert "repeat" in before

    assert "repeat" not in decisions(place, **ACCEPTING)
    assert "accept" not in decisions(place, **REPEATING)
    assert decisions(place) != before or decisions(place, **ACCEPTING) != before


def test_record_and_list_have_the_same_decision(place: Path) -> None:
    client = owner(serve(place, **REPEATING))

    for line in client.get("/api/scans").json()["scans"]:
        result = client.get(f"/api/scans/{line['id']}").json()["result"]
        assert (result["decision"], tuple(result["reasons"])) == (line["decision"], tuple(line["reasons"]))
        assert result["operating_point"]["set_from"] == "by the site"


def test_start_with_the_same_limits_reads_no_result(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decisions(place, **ACCEPTING)

    def refuse(*_: object) -> ScanResult:
        raise AssertionError("a result was read")

    monkeypatch.setattr("lgeqa.web.site_rule.SiteRule.apply", refuse)

    assert decisions(place, **ACCEPTING)
    with pytest.raises(AssertionError, match="a result was read"):
        decisions(place)


@pytest.mark.parametrize("result", [assessed(), unassessed()])
def test_results_without_slices_stay_as_they_are(tmp_path: Path, result: ScanResult) -> None:
    (tmp_path / "home").mkdir()
    sessions = open_database(tmp_path / "home" / "lgeqa.sqlite")
    fill(sessions, 1)
    with sessions.begin() as session:
        row = session.scalars(select(ScanRow)).one()
        row.keep(result)

    decisions(tmp_path, **REPEATING)

    with sessions() as session:
        assert session.scalars(select(ScanRow)).one().record == result


def test_settings_of_the_command_reach_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[ServeSettings] = []
    monkeypatch.setattr("lgeqa.web.server.run_server", lambda *arguments: served.append(arguments[-1]))
    config = tmp_path / "site.toml"
    config.write_text("threshold = 0.6\n[operating_point]\naccept_from = 0.9\nrepeat_below = 0.1\n", encoding="utf-8")

    result = CliRunner().invoke(command, ["serve", "--config", str(config), "--show-headers"])

    assert result.exit_code == 0, result.output
    point = served[0].assess.operating_point
    assert (served[0].assess.threshold, point and point.accept_from, served[0].show_headers) == (0.6, 0.9, True)


@pytest.mark.parametrize("headers", [False, True])
def test_header_is_read_only_where_it_is_allowed(tmp_path: Path, headers: bool) -> None:
    def edit(dataset: Dataset, _: int) -> None:
        dataset.SeriesDescription = "LGE"

    paths = write_dicom_series(tmp_path / "series", np.zeros((2, 4, 4), np.int16), edit=edit)
    source = ScanRow(id=1, kind="dicom", location=str(tmp_path), files=[str(path) for path in paths], fault="").source

    outcome = Work(lambda _: _Outcome(), headers)(source)  # type: ignore[arg-type]

    assert outcome is not None
    assert (outcome.header and outcome.header.series) == ("LGE" if headers else None)


class _Outcome:
    """The outcome of an assessor that looks at nothing."""

    result, trace, of_the_machine = unassessed(), "", False


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return open_bundle(toy_bundle(tmp_path / "toy"))


def test_result_of_another_bundle_keeps_its_limits(bundle: Bundle) -> None:
    point = OperatingPoint(accept_from=0.97, repeat_below=0.3)
    before = DecisionRule(0.35, point).apply(decided(p_quality=0.9))
    assert before.bundle != bundle.stamp

    assert SiteRule(AssessSettings(), bundle).apply(before) == before


def test_limits_of_the_site_go_before_those_of_a_result(bundle: Bundle) -> None:
    before = DecisionRule(0.35, OperatingPoint(accept_from=0.97, repeat_below=0.3)).apply(decided())
    point = OperatingPoint(accept_from=0.6, repeat_below=0.1)

    after = SiteRule(AssessSettings(threshold=0.45, operating_point=point), bundle).apply(before)

    assert (after.threshold, after.operating_point) == (0.45, point)


def test_another_bundle_is_another_rule(bundle: Bundle) -> None:
    other = copy(bundle)
    other.stamp = bundle.stamp.model_copy(update={"sha256": "0" * 64})

    assert SiteRule(AssessSettings(), other).key != SiteRule(AssessSettings(), bundle).key


def test_all_results_are_decided_in_portions(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgeqa.web.site_rule._AT_ONCE", 2)

    decisions(place, **ACCEPTING)

    with open_database(place / "home" / "lgeqa.sqlite")() as session:
        assert all(row.rule for row in session.scalars(select(ScanRow)))
