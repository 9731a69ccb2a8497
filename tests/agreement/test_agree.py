from statistics import fmean

import numpy as np
import pytest

from lgeqa.agreement.compute import agree
from lgeqa.agreement.ratings import Reading
from lgeqa.agreement.record import Agreement
from lgeqa.bootstrap import Bootstrap
from lgeqa.errors import UsageError
from lgeqa.records import BundleStamp, ScanResult
from lgeqa.scales import SCALE_NAMES
from tests.agreement.study import FIRST, readings
from tests.evaluation.judged import record
from tests.results import unassessed

QUALITY = SCALE_NAMES.index("quality")
#: Scans that all three scored.
COMPLETE = ("agreed", "close", "split", "far", "both")


def results() -> dict[str, ScanResult]:
    """The model says diagnostic to all but `far`, on sharpness to none; `split` failed, and `other` nobody read."""
    found = {
        scan: record([[0.9, 0.2, 0.7, 0.1 if scan == "far" else 0.8]] * 3, scan_id=scan)
        for scan in (*COMPLETE, "refused", "alone", "other")
    }
    return found | {"split": unassessed("split")}


@pytest.fixture(scope="module")
def made() -> Agreement:
    return agree(readings(), results(), "ratings.csv", Bootstrap(100, 1))


def test_everything_is_counted(made: Agreement) -> None:
    assert (made.n_scans, made.n_patients, made.n_shared, made.n_judged) == (8, 6, 7, 6)
    assert [one.model_dump() for one in made.readers] == [
        {"reader": "ann", "scored": 6, "refused": 2, "repeated": 3},
        {"reader": "bob", "scored": 6, "refused": 1, "repeated": 0},
        {"reader": "cy", "scored": 6, "refused": 1, "repeated": 0},
    ]
    quality = made.scales["quality"]
    assert (quality.n, quality.n_complete) == (6, 5)
    assert list(made.scales) == list(SCALE_NAMES)


def test_pairs_are_of_the_scans_that_both_scored(made: Agreement) -> None:
    pairs = {(one.a, one.b): one for one in made.scales["quality"].pairs}

    assert {names: (one.n, one.refused) for names, one in pairs.items()} == {
        ("ann", "bob"): (5, 2),
        ("ann", "cy"): (5, 2),
        ("bob", "cy"): (6, 1),
    }
    assert pairs["ann", "bob"].exact.value == pytest.approx(2 / 5)  # agreed, far
    assert pairs["ann", "bob"].same_side.value == pytest.approx(3 / 5)  # not split, not both
    assert pairs["bob", "cy"].exact.value == pytest.approx(3 / 6)  # agreed, split, refused


def test_measured_scores_are_compared_and_part_of_nothing_else(made: Agreement) -> None:
    """Their whole parts count; scans that nobody read or that they lack do not."""
    measured = {"agreed": 4.9, "close": 4.0, "far": 2.99, "refused": 3.2, "other": 1.0}
    given = [Reading(scan, "p1", "measured", 1, (1, 1, 1, score)) for scan, score in measured.items()]

    quality = agree([*given, *readings()], results(), "ratings.csv", Bootstrap(100, 1)).scales["quality"]

    pairs = {one.b: one for one in quality.measured}
    assert {(one.a, one.n, one.refused) for one in (pairs["ann"], pairs["bob"])} == {
        ("measured", 3, 1),
        ("measured", 4, 0),
    }
    assert pairs["ann"].exact.value == pytest.approx(2 / 3)  # agreed, close
    assert pairs["bob"].same_side.value == 1
    assert quality.model_copy(update={"measured": ()}) == made.scales["quality"]


def test_measured_scores_alone_are_no_readings() -> None:
    with pytest.raises(UsageError, match="No reader's scores were found"):
        agree([Reading("a", "p1", "measured", 1, (1, 1, 1, 1))], {}, "here", Bootstrap(100))


def test_each_scale_has_its_own_scores(made: Agreement) -> None:
    exact = {name: made.scales[name].pairs[0].exact.value for name in SCALE_NAMES}

    assert exact == pytest.approx({"myocardium_nulling": 2 / 5, "sharpness": 4 / 5, "enhancement": 1, "quality": 2 / 5})


def test_second_readings_count_for_repeatability_only(made: Agreement) -> None:
    (one,) = made.scales["quality"].repeats

    assert (one.a, one.b, one.n, one.refused) == ("ann", "ann", 2, 1)
    assert one.exact.value == pytest.approx(1 / 2)
    assert one.same_side.value == pytest.approx(1 / 2)


def test_leniency_is_beside_the_others_on_shared_scans(made: Agreement) -> None:
    leniency = {one.reader: one for one in made.scales["quality"].leniency}
    naive = []
    for scan in COMPLETE:
        scores = {reader: given[QUALITY] for reader, given in FIRST[scan][1].items() if given}
        naive.append(scores["ann"] - fmean([scores["bob"], scores["cy"]]))

    assert leniency["ann"].n == 5
    assert leniency["ann"].difference.value == pytest.approx(fmean(naive))
    assert leniency["ann"].diagnostic.value == pytest.approx(3 / 5)  # agreed, close, split; alone is not shared
    assert leniency["ann"].others_diagnostic.value == pytest.approx((1 + 1 + 0 + 0 + 0.5) / 5)
    assert leniency["bob"].n == 6


def test_the_model_is_among_the_readers_and_their_majority(made: Agreement) -> None:
    model = {one.against: one for one in made.scales["quality"].model}

    assert list(model) == ["ann", "bob", "cy", "majority"]
    assert {name: one.n for name, one in model.items()} == {"ann": 5, "bob": 5, "cy": 5, "majority": 6}
    assert model["ann"].same_side.value == pytest.approx(3 / 5)  # agreed, close, far; not both, not alone
    assert model["bob"].same_side.value == pytest.approx(1)
    assert model["majority"].diagnostic.value == pytest.approx(5 / 6)
    assert model["majority"].others_diagnostic.value == pytest.approx(3 / 6)  # agreed, close, refused; of both 1 of 3
    assert model["bob"].auroc.value == pytest.approx(1)
    assert made.scales["sharpness"].model[0].diagnostic.value == pytest.approx(0)
    assert made.scales["sharpness"].model[0].label_kappa.value == pytest.approx(0)


def test_an_even_majority_is_non_diagnostic() -> None:
    two = [Reading("s", "p", "ann", 1, (4, 4, 4, 4)), Reading("s", "p", "bob", 1, (2, 2, 2, 2))]

    made = agree(two, {"s": record([[0.9] * 4])}, "here", Bootstrap(100))

    assert made.scales["quality"].model[-1].others_diagnostic.value == 0


def test_without_results_there_is_no_model() -> None:
    made = agree(readings(), {}, "here", Bootstrap(100))

    assert (made.bundle, made.n_judged) == (None, 0)
    assert all(not scale.model for scale in made.scales.values())


def test_one_reader_is_undefined_and_says_why() -> None:
    made = agree([one for one in readings() if one.reader == "ann"], {}, "here", Bootstrap(100))

    quality = made.scales["quality"]
    assert (quality.pairs, made.disputes) == ((), ())
    assert quality.alpha.undefined == "no scan was scored by two readers or more"
    assert quality.icc.undefined == "only one reader scored scans"
    assert quality.leniency[0].difference.undefined == "no scan was scored by both"


def test_the_same_seed_gives_the_same_figures(made: Agreement) -> None:
    again = agree(readings(), results(), "ratings.csv", Bootstrap(100, 1))
    other = agree(readings(), results(), "ratings.csv", Bootstrap(100, 2))

    assert again.scales == made.scales
    assert other.scales != made.scales


def test_the_record_goes_through_json(made: Agreement) -> None:
    assert Agreement.model_validate_json(made.model_dump_json()) == made
    assert "p1" not in made.model_dump_json()
    assert not np.isnan(made.scales["quality"].alpha.value or np.nan)


def test_nothing_read_is_refused() -> None:
    with pytest.raises(UsageError, match="No reader's scores were found"):
        agree([], {}, "here", Bootstrap(100))


def test_results_of_two_bundles_are_refused() -> None:
    mixed = results()
    mixed["far"] = mixed["far"].model_copy(update={"bundle": BundleStamp(name="toy", version="2", sha256="1" * 64)})

    with pytest.raises(UsageError, match=r"2 bundles \(toy 0.1, toy 2\)"):
        agree(readings(), mixed, "here", Bootstrap(100))
