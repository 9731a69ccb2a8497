import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from lgeqa.cohort import Case, LabelRule, Split, save_split
from lgeqa.cohort.check import CohortReport, check_cohort
from lgeqa.cohort.class_balance import FEW_SCANS, Balance
from lgeqa.cohort.findings import named
from tests.cohort.made import Made, good_cohort
from tests.images import SPACING_MM, volume, write_volume

ANN = LabelRule(reader="ann")


def check(made: Made, split: Split | None = None, rule: LabelRule = ANN) -> CohortReport:
    path = made.root / "split.json"
    if split is not None:
        save_split(split, path)
    return check_cohort([made.root], rule, path if split is not None else None)


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return good_cohort(tmp_path / "cohort")


def test_a_good_cohort_is_counted_and_has_no_findings(made: Made) -> None:
    made.add("s8", "ann,2.5,3,1,1", patient="p-s0")
    made.add("s9")
    assert check(made) == CohortReport(
        scans=6,
        patients=5,
        masked=6,
        scored=5,
        rule=ANN,
        labelled=5,
        readers={"ann": 5, "truth": 4},
        balances=(Balance("all", 5, (5,) * 4, (2, 3, 2, 2)),),
        errors=(),
        cautions=(),
    )


def test_the_rule_makes_the_labels(made: Made) -> None:
    made.add("s8", "ann,2,2,2,2", "bob,5,5,5,2")
    assert check(made, rule=LabelRule(rule="mean")).balances == (Balance("all", 5, (5,) * 4, (3, 3, 3, 2)),)
    assert check(made, rule=LabelRule(rule="majority")).balances == (Balance("all", 5, (5,) * 4, (2, 2, 2, 2)),)


def test_all_errors_of_files_and_scores_are_reported_together(made: Made) -> None:
    made.row("gone", "p", "gone/data.nrrd", "", "ann,1,1,5,5")
    made.row("odd", "p", "odd.png", "", ",,,,")
    made.add("s8", "ann,7,1,1,1")
    made.add("s9", "ann,1,x,1,1")
    (made.root / "s0/data.nrrd").write_bytes(b"")
    (made.root / "s1/shrinkwrap.nrrd").unlink()
    write_volume(made.root / "s2/shrinkwrap.nrrd", np.ones((6, 9, 7), np.uint8))
    write_volume(made.root / "s3/shrinkwrap.nrrd", np.zeros((6, 9, 8), np.uint8))
    report = check(made)
    for told in (
        "scores.csv, line 12: myocardium_nulling is '7'",
        "scores.csv, line 13: sharpness is 'x'",
        "gone/data.nrrd: cannot be read (no such file or directory)",
        "odd.png: cannot be opened",
        "s0/data.nrrd: is empty",
        "s1/shrinkwrap.nrrd: cannot be read (no such file or directory)",
        "s2/shrinkwrap.nrrd: the mask's size in axial order is (7, 9, 6), the scan's is (8, 9, 6)",
        "s3/shrinkwrap.nrrd: the mask is empty",
    ):
        assert sum(told in error for error in report.errors) == 1, told
    assert len(report.errors) == 8


def test_a_mask_of_another_spacing_is_off_the_grid(made: Made) -> None:
    mask = np.ones((6, 9, 8), np.uint8)
    write_volume(made.root / "s0/shrinkwrap.nrrd", mask, spacing_mm=(SPACING_MM[0], 0.7, 0.7))
    [fault] = check(made).errors
    assert "s0/shrinkwrap.nrrd: the mask's spacing in axial order is (0.7, 0.7, 2.5)" in fault


def test_what_reading_warns_of_is_a_caution(made: Made) -> None:
    path = made.root / "s0/data.nrrd"
    header, _, data = path.read_bytes().partition(b"\n\n")
    lines = [line for line in header.split(b"\n") if not line.startswith(b"space")]
    path.write_bytes(b"\n".join([*lines, b"spacings: 0.625 0.7 2.5"]) + b"\n\n" + data)
    assert any("s0/data.nrrd: The header has no orientation" in text for text in check(made).cautions)


def test_scans_without_masks_are_a_caution(tmp_path: Path) -> None:
    made = Made(tmp_path)
    made.add("s0", "ann,1,1,1,1")
    made.rows[0] = made.rows[0].replace("s0/shrinkwrap.nrrd", "")
    made.add("s1", "ann,4,4,4,4")
    report = check(made)
    assert report.errors == ()
    assert "1 of 2 scans have no mask: s0. Stage 1 is not trained on them" in report.cautions[0]
    assert (report.masked, report.labelled, report.balances[0].scans) == (1, 2, 2)


def test_a_cohort_without_scores_is_for_the_detector(tmp_path: Path) -> None:
    made = Made(tmp_path)
    made.add("s0")
    report = check(made, {"p-s0": "validation"})
    assert report.errors == ()
    assert report.cautions == ("No scan has scores. Only stage 1, the detector, can be trained on them.",)


@pytest.mark.parametrize(
    ("rule", "asked"),
    [(LabelRule(reader="bob"), "the reader 'bob'"), (LabelRule(rule="median"), "the rule 'median'")],
)
def test_a_rule_that_labels_nothing_is_an_error(tmp_path: Path, rule: LabelRule, asked: str) -> None:
    made = Made(tmp_path)
    made.add("s0", "truth,1,1,1,1", "label,1,1,1,1")
    report = check(made, rule=rule)
    [fault] = report.errors
    assert (report.scored, report.labelled) == (1, 0)
    assert f"No scan has a label of quality by {asked}; scores are by label, truth." in fault


def test_one_class_alone_is_reported_once(made: Made) -> None:
    split: Split = {"p-s0": "train", "p-s1": "train", "p-s2": "validation", "p-s3": "test"}
    report = check(made, split, LabelRule(reader="truth"))
    told = [text for text in report.cautions if "one class" in text]
    assert len(told) == 1
    scales = "myocardium_nulling, sharpness, enhancement, quality"
    assert told[0].startswith(f"the cohort: all labelled scans are of one class on {scales}.")


def test_classes_are_counted_by_part(made: Made) -> None:
    split: Split = {"p-s0": "train", "p-s1": "train", "p-s2": "train", "p-s3": "validation"}
    report = check(made, split)
    assert report.balances[1:] == (
        Balance("train", 3, (3,) * 4, (1, 1, 1, 1)),
        Balance("validation", 1, (1,) * 4, (1, 1, 1, 1)),
        Balance("test", 0, (0,) * 4, (0, 0, 0, 0)),
    )
    assert report.errors == ()
    told = [text.partition(" Dr")[0] for text in report.cautions]
    assert told == [
        "validation: 1 labelled scan(s); figures over fewer than 10 are mostly chance.",
        "validation: all labelled scans are of one class on myocardium_nulling, sharpness, enhancement, quality.",
        "test: 0 labelled scan(s); figures over fewer than 10 are mostly chance.",
    ]


def test_a_part_is_small_below_a_number(tmp_path: Path) -> None:
    made = good_cohort(tmp_path, 2 * FEW_SCANS + 1)
    split: Split = {f"p-s{number}": "test" if number < FEW_SCANS else "validation" for number in range(21)}
    assert check(made, split).cautions == ()
    assert len(check(made, split | {"p-s0": "train"}).cautions) == 1 + 1  # the test part, and train of one class


def test_patients_that_a_split_leaves_out(made: Made) -> None:
    made.add("s8", patient="unread")
    made.row("s9", "maskless", "s0/data.nrrd", "", ",,,,")
    split: Split = {"p-s0": "train", "p-s1": "train", "p-s2": "train", "elsewhere": "test"}
    report = check(made, split)
    assert [text.partition("split.json: ")[2] for text in report.errors] == [
        "has no part for the labelled patient(s) p-s3. Draw a new split."
    ]
    assert any("split.json: has no part for the unlabelled patient(s) unread." in text for text in report.cautions)
    assert any("deals 1 patient(s) who are not in the cohort: elsewhere." in text for text in report.cautions)


def test_a_split_that_cannot_be_read_is_an_error(made: Made) -> None:
    (made.root / "split.json").write_text('{"p-s0": "train", "p-s0": "test"}')
    report = check_cohort([made.root], ANN, made.root / "split.json")
    assert ["'p-s0' is there twice" in text for text in report.errors] == [True]
    assert len(report.balances) == 1


def test_one_image_on_both_sides_of_a_split_is_an_error(made: Made) -> None:
    """Whatever the file's format and axis order."""
    write_volume(made.root / "s8/data.nii.gz", volume(seed=0), axes="RAS")
    made.row("s8", "p-s8", "s8/data.nii.gz", "s0/shrinkwrap.nrrd", "ann,2,2,2,2")
    split: Split = {**{f"p-s{number}": "train" for number in range(4)}, "p-s8": "test"}
    [fault] = check(made, split).errors
    assert "s0/data.nrrd" in fault
    assert "s8/data.nii.gz: the scans s0, s8 are the same image" in fault
    assert "under the patients p-s0 (train), p-s8 (test). They are on both sides" in fault


@pytest.mark.parametrize("split", [None, {"p-s0": "train", "p-s8": "train"}])
def test_one_image_of_two_patients_is_a_caution_within_one_part(made: Made, split: Split | None) -> None:
    made.add("s8", "ann,2,2,2,2", seed=0)
    report = check(made, split)
    told = [text for text in report.cautions if "same image" in text]
    assert len(told) == 1
    assert "A split may part them" in told[0]
    assert not any("same image" in text for text in report.errors)


def test_one_image_twice_for_one_patient_counts_twice(made: Made) -> None:
    made.row("s8", "p-s0", "s0/data.nrrd", "s0/shrinkwrap.nrrd", "ann,2,2,2,2")
    [told] = check(made).cautions
    assert "s0/data.nrrd: the scans s0, s8 of patient p-s0 are the same image" in told


def test_the_authors_layout_takes_each_scan_as_a_patient(made: Made) -> None:
    made.table.unlink()
    (made.root / "labels.json").write_text(json.dumps({"s0": {"label": 0}, "s77": {"label": 0}}))
    report = check(made)
    assert "each scan is taken as a patient of its own" in report.cautions[0]
    assert [f"{made.root}/s77/data.nrrd: is not there" in text for text in report.errors] == [True]


def test_broken_labels_are_reported_once(made: Made) -> None:
    made.table.unlink()
    (made.root / "labels.json").write_text("{")
    assert ["labels.json: is not a readable table of labels" in text for text in check(made).errors] == [True]


def test_several_cohorts_are_checked_together(made: Made, tmp_path: Path) -> None:
    other = Made(tmp_path / "other")
    other.add("s0", "ann,1,1,1,1", patient="p-s1")
    report = check_cohort([made.root, other.table, tmp_path / "nowhere"], ANN)
    assert (report.scans, report.patients) == (5, 4)
    assert "nowhere: is not there" in report.errors[0]


def test_progress_is_reported_of_every_scan(made: Made) -> None:
    seen: list[str] = []

    def follow(cases: Sequence[Case]) -> Iterator[Case]:
        for case in cases:
            seen.append(case.scan_id)
            yield case

    check_cohort([made.root], ANN, follow=follow)
    assert seen == ["s0", "s1", "s2", "s3"]


def test_many_names_are_cut() -> None:
    assert named(["b", "a"]) == "a, b"
    assert named(f"{number:02}" for number in range(10)).endswith("07, 08, 09")
    assert named(f"{number:02}" for number in range(12)).endswith("08, 09 and 2 more")


def test_real_scans_are_fine(real_folder: Path) -> None:
    report = check_cohort([real_folder], LabelRule(reader="truth"))
    assert report.errors == ()
    assert report.scans == report.masked > 0
    assert len(report.cautions) == 2


def test_scales_are_counted_for_themselves(made: Made) -> None:
    made.add("s8", "ann,,,,4")
    made.add("s9", "ann,1,,,")
    report = check(made)
    assert report.balances == (Balance("all", 6, (5, 4, 4, 5), (2, 2, 2, 3)),)
    assert report.cautions == ()


def test_scales_without_any_label_are_a_caution(tmp_path: Path) -> None:
    made = Made(tmp_path)
    for number, reading in enumerate(("ann,,2,,4", "ann,,4,,2", "ann,,,,4", "ann,,,,2")):
        made.add(f"s{number}", reading)
    report = check(made, {"p-s0": "train", "p-s1": "train", "p-s2": "validation", "p-s3": "validation"})
    first, second = (text for text in report.cautions if "label on" in text)
    assert first.startswith("No scan has a label on myocardium_nulling, enhancement. Nothing is learnt of these scales")
    assert second == (
        "validation: no scan has a label on sharpness. Draw the split again with another seed, or a larger part."
    )


def test_check_says_which_rule_fits(made: Made) -> None:
    assert check(made, rule=LabelRule()).rule == LabelRule(reader="truth")
