"""Which series the rules choose."""

from pathlib import Path
from typing import Any

import pytest

from lgeqa.errors import ConfigError
from lgeqa.listener.instance import InstanceHeader, read_instance
from lgeqa.listener.selection import Selection
from tests.factories.listener import small_series


@pytest.fixture
def header(tmp_path: Path) -> Any:
    def read(**changes: Any) -> InstanceHeader:
        return read_instance(small_series(tmp_path, n=1, **changes)[0])

    return read


@pytest.mark.parametrize(
    ("description", "chosen"),
    [
        ("3D LGE LA nav", True),
        ("lge_ax", True),
        ("Late-Gad atrium", True),
        ("DE-MRI axial", True),
        ("t1 psir sa", True),
        ("LGE scout", False),
        ("cine 4ch", False),
        ("T1 map LGE", False),
        ("angio", False),
        ("bulge study", False),
        ("", False),
    ],
)
def test_default_rules_go_by_description(description: str, chosen: bool, header: Any) -> None:
    assert Selection().choose(header(SeriesDescription=description)).chosen is chosen


def test_protocol_counts_as_description(header: Any) -> None:
    assert Selection().choose(header(SeriesDescription="ax", ProtocolName="LA LGE")).chosen


@pytest.mark.parametrize(
    ("changes", "chosen"),
    [
        ({"ScanningSequence": ["GR", "IR"], "InversionTime": 280}, True),
        ({"ScanningSequence": ["GR", "IR"], "InversionTime": 900}, False),
        ({"ScanningSequence": "GR", "InversionTime": 280}, False),
        ({"ScanningSequence": ["GR", "IR"]}, False),
    ],
)
def test_attributes_must_all_fit(changes: dict[str, Any], chosen: bool, header: Any) -> None:
    rules = {"attributes": {"ScanningSequence": "IR", "InversionTime": {"min": 200, "max": 400}}}
    choice = Selection.of(rules).choose(header(**changes))
    assert choice.chosen is chosen


def test_looks_decide_on_what_nothing_else_does(header: Any) -> None:
    rules = Selection(looks=True)
    assert rules.choose(header(SeriesDescription="ax")).chosen is None
    assert rules.choose(header(SeriesDescription="scout")).chosen is False
    assert rules.choose(header(SeriesDescription="LGE")).chosen is True


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"description": ["("]}, "is not a regular expression"),
        ({"attributes": {"Inversiontime": "3"}}, "attributes.Inversiontime: is not an element"),
        ({"attributes": {"PixelData": "3"}}, "attributes.PixelData: is not an element"),
        ({"attributes": {"EchoTime": {"min": 3, "max": 2}}}, "min = 3 is larger than max = 2"),
    ],
)
def test_unusable_rule_is_named(rules: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Selection.of(rules)
