import numpy as np
import pytest

from lgeqa.measures import BY_NAME, MEASURES, ReferenceScans, reference_scans
from lgeqa.records import Measures
from lgeqa.reporting.measure_rows import MeasureRow, Strip, measure_rows, reference_note, reference_strip, value_text
from tests.results import measured

SHARES = (0.0, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 1.0)
#: Each measure rises evenly from 0 to 100 over the reference scans; no slice of any of them is empty.
REFERENCE = ReferenceScans(
    source="Seventy scans.",
    n=70,
    shares=SHARES,
    quantiles={measure.name: tuple(100 * share for share in SHARES) for measure in MEASURES}
    | {"empty_slices": (0.0,) * 9, "margin_above_mm": (0.0, 0.0, 0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0)},
)


def row(name: str, value: float, place: float, reference: ReferenceScans = REFERENCE) -> MeasureRow:
    [only] = measure_rows(Measures(values={name: value}, places={name: place}), reference)
    return only


def test_poor_rows_come_first_and_undefined_ones_last() -> None:
    rows = measure_rows(measured(0.5, noise_percent=99.0, wall_cnr=None, edge_width_mm=99.0), reference_scans())
    names = [measure.name for measure in MEASURES]
    middle = [name for name in names if name not in {"noise_percent", "edge_width_mm", "wall_cnr"}]
    assert [one.measure.name for one in rows] == ["edge_width_mm", "noise_percent", *middle, "wall_cnr"]
    assert [one.poor for one in rows[:3]] == [True, True, False]


def test_undefined_measure_has_its_reason_and_no_place() -> None:
    last = measure_rows(measured(0.5, asnr=None), reference_scans())[-1]
    assert (last.text, last.reason, last.place, last.poor) == ("–", "No asnr here.", "", False)


@pytest.mark.parametrize(
    ("name", "value", "place", "words", "poor"),
    [
        ("asnr", 50.0, 0.5, "about the middle of the 70 reference scans", False),
        ("asnr", 30.0, 0.3, "lower than 49 of the 70 reference scans", False),
        ("asnr", 80.0, 0.8, "higher than 56 of the 70 reference scans", False),
        ("asnr", 99.0, 0.99, "higher than 69 of the 70 reference scans", False),
        ("asnr", 9.0, 0.09, "among the worst tenth: lower than 64 of the 70 reference scans", True),
        ("noise_percent", 91.0, 0.91, "among the worst tenth: higher than 64 of the 70 reference scans", True),
        ("noise_percent", 5.0, 0.05, "lower than 66 of the 70 reference scans", False),
        ("asnr", -1.0, 0.0, "worse than all 70 reference scans", True),
        ("noise_percent", 101.0, 1.0, "worse than all 70 reference scans", True),
        ("noise_percent", -1.0, 0.0, "lower than all 70 reference scans", False),
        ("pixel_mm", 101.0, 1.0, "higher than all 70 reference scans", False),
        ("empty_slices", 0.0, 0.5, "as in most of the 70 reference scans", False),
        ("empty_slices", 1.0, 1.0, "worse than all 70 reference scans", True),
        ("margin_above_mm", 0.0, 0.125, "lower than 52 of the 70 reference scans", False),
    ],
)
def test_place_as_text(name: str, value: float, place: float, words: str, poor: bool) -> None:
    shown = row(name, value, place)
    assert (shown.place, shown.poor) == (words, poor)


def test_beyond_the_quantiles_says_only_what_is_certain() -> None:
    inner = REFERENCE.model_copy(update={"shares": (0.01, *SHARES[1:-1], 0.99)})
    assert row("asnr", -1.0, 0.0, inner).place == "worse than at least 69 of the 70 reference scans"


def test_facts_are_never_poor() -> None:
    facts = [measure.name for measure in MEASURES if measure.better == "neither"]
    assert not any(row(name, value, value > 0).poor for name in facts for value in (-1e6, 1e6))


def test_value_has_its_decimals_and_its_unit() -> None:
    assert value_text(BY_NAME["edge_width_mm"], -2.345) == "−2.35 mm"
    assert value_text(BY_NAME["empty_slices"], 3.0) == "3"


def test_strip_places_the_reference_scans_within_its_margins() -> None:
    strip = reference_strip("asnr", REFERENCE)
    assert [strip.at(value) for value in (0, 50, 100)] == [6, 50, 94]
    assert (strip.band, strip.median) == ((10, 90), 50)
    assert [strip.beyond(value) for value in (0, 50, 100)] == [0, 0, 0]


def test_strip_keeps_what_is_beyond_at_its_edge() -> None:
    strip = reference_strip("asnr", REFERENCE)
    assert [(strip.at(value), strip.beyond(value)) for value in (-1e3, 1e3)] == [(2, -1), (98, 1)]


def test_strip_reaches_further_values() -> None:
    strip = reference_strip("asnr", REFERENCE, (-50.0, 300.0))
    assert [strip.at(-50), strip.at(300)] == [6, 94]
    assert [strip.low, strip.high] == [-50, 300]


def test_strip_of_equal_values_has_them_in_the_middle() -> None:
    strip = Strip(0, 0, (0.0,) * 9, (0, 0), 0)
    assert [(strip.at(value), strip.beyond(value)) for value in (-1, 0, 2)] == [(2, -1), (50, 0), (98, 1)]


def test_note_says_that_a_place_is_no_clinical_score() -> None:
    assert reference_note(REFERENCE) == ("Reference scans: Seventy scans. A place among them is not a clinical score.")


def test_every_measure_of_the_package_has_a_strip() -> None:
    for measure in MEASURES:
        strip = reference_strip(measure.name, reference_scans())
        assert strip.low <= strip.band[0] <= strip.median <= strip.band[1] <= strip.high
        assert np.all(np.diff([strip.at(value) for value in strip.quantiles]) >= 0)
