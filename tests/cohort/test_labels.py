import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from lgeqa.cohort import (
    LABEL,
    TRUTH,
    Case,
    LabelRule,
    Scores,
    check_labelled,
    has_quality_label,
    is_labelled,
    label_note,
    labels_of,
    levels_of,
    scores_of,
    settled_rule,
    strata_of,
)
from lgeqa.cohort.case import MEASURED
from lgeqa.cohort.labels import targets_of
from lgeqa.errors import CohortError, ConfigError

GRADED = LabelRule(rule="graded", reader=MEASURED)


def case(**scores: Scores) -> Case:
    return Case("x", "p", Path("i"), None, scores)


def rule(name: str) -> LabelRule:
    return LabelRule.of({"rule": name})


READ = case(ann=(1, 2.5, 3, 4), bob=(3, 3.5, 2, 4), cyd=(5, 5, 2.5, 1))
TWO = case(ann=(1, 2.5, 2, 4), bob=(4, 3.5, 2.5, 4))


@pytest.mark.parametrize(
    ("read", "name", "scores", "labels"),
    [
        (READ, "mean", [3, 11 / 3, 2.5, 3], [1, 1, 0, 1]),
        (READ, "median", [3, 3.5, 2.5, 4], [1, 1, 0, 1]),
        (READ, "majority", [3, 3.5, 2.5, 4], [1, 1, 0, 1]),
        (TWO, "mean", [2.5, 3, 2.25, 4], [0, 1, 0, 1]),
        (TWO, "median", [2.5, 3, 2.25, 4], [0, 1, 0, 1]),
        (TWO, "majority", [1, 2.5, 2, 4], [0, 0, 0, 1]),
        (TWO, "soft", [1, 2.5, 2, 4], [0, 0, 0, 1]),
    ],
)
def test_readers_are_joined_scale_by_scale(read: Case, name: str, scores: list[float], labels: list[float]) -> None:
    assert scores_of(read, rule(name)) == pytest.approx(scores)
    assert labels_of(read, rule(name)).tolist() == labels
    assert labels_of(read, rule(name)).dtype == np.float32


@pytest.mark.parametrize("name", ["mean", "median", "majority", "soft"])
def test_what_a_panel_agreed_on_counts_in_place_of_the_readers(name: str) -> None:
    agreed = case(**READ.scores, adjudicated=(5, 1, 2.5, 3), truth=(4, 4, 4, 4))

    assert scores_of(agreed, rule(name)).tolist() == [5, 1, 2.5, 3]
    assert scores_of(agreed, LabelRule(reader="ann")).tolist() == [1, 2.5, 3, 4]


@pytest.mark.parametrize("readers", [1, 2, 3, 4])
def test_the_majority_is_more_than_half_of_the_calls(readers: int) -> None:
    for given in product((1.0, 2.5, 3.0, 4.5), repeat=readers):
        read = case(**{f"r{number}": (score, score, score, score) for number, score in enumerate(given)})
        diagnostic = 0
        for score in given:
            if score >= 3:
                diagnostic += 1
        assert labels_of(read, rule("majority"))[0] == (diagnostic > readers - diagnostic), given


def test_one_reader_is_taken_by_name() -> None:
    read = case(ann=(1, 2, 3, 4), truth=(5, 5, 2, 2))
    assert scores_of(read, LabelRule(reader="ann")).tolist() == [1, 2, 3, 4]
    assert labels_of(read, LabelRule(reader="ann")).tolist() == [0, 0, 1, 1]
    assert scores_of(read, LabelRule(reader="truth")).tolist() == [5, 5, 2, 2]


@pytest.mark.parametrize("name", ["mean", "median", "majority", "soft"])
def test_what_is_no_reading_is_not_joined(name: str) -> None:
    others: dict[str, Scores] = {TRUTH: (5, 5, 5, 5), LABEL: (5, 5, 5, 5), MEASURED: (5, 5, 5, 5)}
    read = case(ann=(2, 2, 2, 2), **others)
    assert scores_of(read, rule(name)).tolist() == [2, 2, 2, 2]
    unread = case(**others)
    assert not is_labelled(unread, rule(name))


@pytest.mark.parametrize("asked", [LabelRule(reader="bob"), *map(rule, ("mean", "median", "majority", "soft")), GRADED])
def test_no_score_is_nan(asked: LabelRule) -> None:
    unread = case() if asked.is_joined else case(ann=(1, 2, 3, 4))
    assert not is_labelled(unread, asked)
    assert np.isnan(scores_of(unread, asked)).tolist() == [True] * 4
    assert np.isnan(labels_of(unread, asked)).tolist() == [True] * 4
    assert np.isnan(targets_of(unread, asked)).tolist() == [True] * 4
    assert np.isnan(levels_of(unread, asked)).all()
    assert levels_of(unread, asked).shape == (4, 4)


def test_nothing_below_three_is_rounded_up() -> None:
    assert labels_of(case(truth=(3 - 1e-12,) * 4), LabelRule(reader="truth")).tolist() == [0, 0, 0, 0]


def test_strata_are_quality_or_unlabelled() -> None:
    assert strata_of([case(truth=(1, 1, 1, 3)), case(truth=(5, 5, 5, 2.5)), case()], LabelRule(reader="truth")) == [
        1,
        0,
        2,
    ]


def test_a_reader_and_a_rule_of_all_readers_conflict() -> None:
    with pytest.raises(ConfigError, match="rule = 'mean' takes all readers, and reader = 'ann' names one"):
        LabelRule.of({"rule": "mean", "reader": "ann"})


def test_graded_targets_are_probabilities_of_a_score_of_three() -> None:
    read = case(measured=(3, 2.4, 3.6, 1), ann=(5, 5, 5, 5))
    targets = targets_of(read, GRADED)
    assert targets == pytest.approx([0.5, 0.158655, 0.841345, 0.000429], abs=1e-6)
    assert targets.dtype == np.float32
    assert labels_of(read, GRADED).tolist() == [1, 0, 1, 0]
    assert scores_of(read, GRADED) == pytest.approx([3, 2.4, 3.6, 1])


@pytest.mark.parametrize("asked", [LabelRule(reader=MEASURED), LabelRule(reader="ann"), rule("mean")])
def test_targets_of_other_rules_are_the_labels(asked: LabelRule) -> None:
    read = case(measured=(2.9, 3.1, 3, 1), ann=(1, 3, 4, 2))
    assert targets_of(read, asked).tolist() == labels_of(read, asked).tolist()


@pytest.mark.parametrize("values", [{"rule": "graded"}, {"rule": "graded", "reader": "ann"}])
def test_graded_takes_measured_scores_only(values: dict[str, str]) -> None:
    with pytest.raises(
        ConfigError, match=r": rule = 'graded' takes measured scores.* Set reader = 'measured'"
    ) as error:
        LabelRule.of(values)
    assert "Value error" not in str(error.value)  # pydantic's own words


def test_missing_measured_scores_are_named() -> None:
    with pytest.raises(CohortError, match="No scan has a label of quality by the reader 'measured'; scores are by ann"):
        check_labelled([case(ann=(1, 2, 3, 4))], GRADED)


def test_a_rule_comes_back_from_its_file() -> None:
    for one in (LabelRule(reader="ann"), rule("median"), GRADED):
        assert LabelRule.model_validate_json(one.model_dump_json()) == one


@pytest.mark.parametrize(("values", "named"), [({"rule": "mode"}, "rule = 'mode'"), ({"reader": ""}, "reader = ''")])
def test_unknown_rules_and_readers_without_a_name_are_refused(values: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        LabelRule.of(values)


NAN = math.nan


@pytest.mark.parametrize(
    ("name", "expected"),
    [("mean", [3, 3, NAN, 2]), ("median", [3, 3, NAN, 2]), ("majority", [2, 3, NAN, 2])],
)
def test_readers_are_joined_who_scored_the_scale(name: str, expected: list[float]) -> None:
    read = case(ann=(2, 3, NAN, NAN), bob=(4, NAN, NAN, 2))
    assert scores_of(read, rule(name)) == pytest.approx(expected, nan_ok=True)
    assert labels_of(read, rule(name)) == pytest.approx(
        [*(float(score >= 3) for score in expected[:2]), NAN, 0], nan_ok=True
    )
    agreed = case(**read.scores, adjudicated=(NAN, NAN, NAN, 5))
    assert scores_of(agreed, rule(name)) == pytest.approx([*expected[:3], 5], nan_ok=True)


def test_single_scales_have_single_labels() -> None:
    quality, nulling = case(ann=(NAN, NAN, NAN, 3)), case(ann=(1, NAN, NAN, NAN))
    ann = LabelRule(reader="ann")
    assert labels_of(quality, ann) == pytest.approx([NAN, NAN, NAN, 1], nan_ok=True)
    assert targets_of(case(measured=(NAN, 3, NAN, 3)), GRADED) == pytest.approx([NAN, 0.5, NAN, 0.5], nan_ok=True)
    assert [is_labelled(read, ann) for read in (quality, nulling)] == [True, True]
    assert [has_quality_label(read, ann) for read in (quality, nulling)] == [True, False]
    assert strata_of([quality, nulling], ann) == [1, 2]
    with pytest.raises(CohortError, match="No scan has a label of quality by the reader 'ann'"):
        check_labelled([nulling], ann)


GIVEN: Scores = (1, 2, 3, 4)


@pytest.mark.parametrize(
    ("readers", "fitting"),
    [
        (("truth", "reader-1", "reader-2", "label", "measured"), LabelRule(reader=TRUTH)),
        (("label", "ann", "bob", "adjudicated"), LabelRule(reader=LABEL)),
        (("ann", "bob", "measured"), rule("median")),
        (("ann", "adjudicated"), rule("median")),
        (("adjudicated",), rule("median")),
        (("ann", "measured"), LabelRule(reader="ann")),
        (("measured",), LabelRule(reader=MEASURED)),
        ((), rule("median")),
    ],
)
def test_auto_settles_on_the_rule_that_fits(readers: tuple[str, ...], fitting: LabelRule) -> None:
    cases = [case(), *(case(**{reader: GIVEN}) for reader in readers)]
    assert settled_rule(cases, LabelRule()) == fitting
    assert settled_rule(cases, GRADED) == GRADED


def test_a_named_reader_is_the_rule() -> None:
    assert LabelRule(reader="ann") == LabelRule(rule="reader", reader="ann")
    with pytest.raises(ConfigError, match="rule = 'reader' takes the scores of one reader, and none is named"):
        LabelRule.of({"rule": "reader"})


def test_an_unsettled_rule_gives_no_labels() -> None:
    with pytest.raises(ValueError, match="settle it first"):
        labels_of(READ, LabelRule())


def test_the_note_counts_labels_and_names_the_rule() -> None:
    cases = [case(ann=(1, 2, 3, 4)), case(ann=(NAN, NAN, NAN, 4)), case(bob=(1, 2, 3, 4)), case()]
    assert label_note(cases, LabelRule(reader="ann")) == (
        "Labels: scores of ann, for 2 of 3 scored scans. Fewer on single scales: myocardium_nulling 1, sharpness 1, "
        "enhancement 1."
    )
    assert (
        label_note(cases[2:], rule("median")) == "Labels: the median of the readers' scores, for 1 of 1 scored scans."
    )
    assert "not clinical" in label_note([case(measured=GIVEN)], LabelRule(reader=MEASURED))


def test_soft_targets_are_the_share_of_the_readers() -> None:
    read = case(**READ.scores, **{TRUTH: (1, 1, 1, 1), MEASURED: (1, 1, 1, 1)})
    for scale, target in enumerate(targets_of(read, rule("soft"))):
        passes = [scores[scale] >= 3 for scores in READ.scores.values()]
        assert target == pytest.approx(sum(passes) / len(passes))
    assert targets_of(read, rule("soft")).dtype == np.float32
    assert targets_of(case(**READ.scores, adjudicated=(5, 1, 2.5, 3)), rule("soft")).tolist() == [1, 0, 0, 1]


def test_soft_targets_count_the_readers_of_each_scale() -> None:
    nan = float("nan")
    read = case(ann=(4, nan, nan, 1), bob=(2, 5, nan, nan), cyd=(1, nan, nan, 1))
    assert targets_of(read, rule("soft")) == pytest.approx([1 / 3, 1, nan, 0], nan_ok=True)
    levels = levels_of(read, rule("soft"))
    assert levels[0] == pytest.approx([2 / 3, 1 / 3, 1 / 3, 0])
    assert levels[1].tolist() == [1] * 4
    assert np.isnan(levels[2]).all()
    agreed = case(ann=(4, 4, 4, 4), bob=(2, 2, 2, 2), adjudicated=(5, nan, nan, nan))
    assert targets_of(agreed, rule("soft")).tolist() == [1, 0.5, 0.5, 0.5]


def test_levels_say_how_far_a_score_lies_above_each_threshold() -> None:
    levels = levels_of(case(truth=(1, 2.5, 4, 5)), LabelRule(reader="truth"))
    assert levels.tolist() == [[0, 0, 0, 0], [1, 0.5, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]]
    assert levels.dtype == np.float32
    mean = levels_of(READ, rule("mean"))
    assert mean.sum(axis=1) == pytest.approx(scores_of(READ, rule("mean")) - 1)
    assert mean[1] == pytest.approx([1, 1, 2 / 3, 0], abs=1e-6)


def test_soft_levels_are_the_mean_over_the_readers() -> None:
    alone = [levels_of(READ, LabelRule(reader=name)) for name in READ.scores]
    assert levels_of(READ, rule("soft")) == pytest.approx(np.mean(alone, axis=0))


def test_graded_levels_are_probabilities_of_each_score() -> None:
    read = case(measured=(3, 2.4, 3.6, 1))
    levels = levels_of(read, GRADED)
    assert levels[:, 1].tolist() == targets_of(read, GRADED).tolist()
    assert levels[0] == pytest.approx([0.952210, 0.5, 0.047790, 0.000429], abs=1e-6)
