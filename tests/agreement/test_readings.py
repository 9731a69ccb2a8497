from pathlib import Path

import pytest

from lgeqa.agreement.rating_matrix import panel_of
from lgeqa.agreement.ratings import Reading, read_ratings, readings_of
from lgeqa.errors import CohortError
from tests.evaluation.judged import case

HEAD = (
    "scan,patient,reader,reading,myocardium_nulling,sharpness,enhancement,quality,comment,cannot_rate,seconds,saved_at"
)
GOOD = "s1,p1,ann,1,1,2,3,4,,,31.5,2026-11-24T10:00:00"


def table(folder: Path, *rows: str, head: str = HEAD) -> Path:
    path = folder / "ratings.csv"
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


def test_ratings(tmp_path: Path) -> None:
    path = table(tmp_path, GOOD, "s1,p1,ann,2,2,2,3,3.5,,,,", 's2,,bob,1,,,,,,"moved, badly",5,')

    assert read_ratings(path) == [
        Reading("s1", "p1", "ann", 1, (1, 2, 3, 4)),
        Reading("s1", "p1", "ann", 2, (2, 2, 3, 3.5)),
        Reading("s2", "s2", "bob", 1, None),
    ]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], r"ratings\.csv: has no reading"),
        (["s1,p1,ann,3,1,2,3,4,,,,"], r"line 2: reading is '3'. It is 1, or 2"),
        (["s1,p1,ann,1,1,2,3,6,,,,"], r"line 2: quality is '6'"),
        (["s1,p1,ann,1,,,,"], r"line 2: has no score, and no reason in cannot_rate. Give one of the two"),
        (["s1,p1,ann,1,1,,,,,moved,,"], r"line 2: cannot_rate is 'moved' and there are scores \(1, , , \)"),
        ([",p1,,1,1,2,3,4,,,,"], r"line 2: has no scan and no reader"),
        ([GOOD, GOOD], r"line 3: reading 1 of scan 's1' by 'ann' is in an earlier row too"),
        ([GOOD, "s1,p2,bob,1,1,2,3,4,,,,"], r"line 3: scan 's1' has patient 'p2', and 'p1' in an earlier row"),
        ([GOOD, 's2,"p,ann'], r"is not valid CSV \(unexpected end of data\)"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, rows: list[str], message: str) -> None:
    with pytest.raises(CohortError, match=message):
        read_ratings(table(tmp_path, *rows))


def test_a_table_without_the_columns_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path, "a,b", head="scan,patient")

    with pytest.raises(CohortError, match=r"lacks .* reader, reading, .*cannot_rate. It has scan, patient"):
        read_ratings(path)


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match=r"none\.csv: cannot be read \(No such file or directory\)"):
        read_ratings(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes(HEAD.encode() + b"\ns\x8e,p,ann,1,1,1,1,1,,,,\n")
    with pytest.raises(
        CohortError, match=r"latin\.csv: is neither UTF-8 nor another encoding that is certain \(byte 0x8e\)"
    ):
        read_ratings(tmp_path / "latin.csv")


def test_truth_and_agreed_scores_of_a_cohort_are_no_readings() -> None:
    cases = [case("s1", "p1", {"truth": (1, 1, 1, 1), "label": (2, 2, 2, 2), "adjudicated": (3, 3, 3, 3)})]
    cases += [case("s2", "p1", {"ann": (4, 4, 4, 4), "truth": (1, 1, 1, 1), "measured": (2, 2.5, 3.1, 4)})]

    assert readings_of(cases) == [
        Reading("s2", "p1", "ann", 1, (4, 4, 4, 4)),
        Reading("s2", "p1", "measured", 1, (2, 2.5, 3.1, 4)),
    ]


def test_a_panel_takes_the_earliest_reading_as_the_first() -> None:
    panel = panel_of([Reading("b", "p", "ann", 2, (4, 4, 4, 4)), Reading("a", "q", "ann", 2, (2, 2, 2, 2)),
                      Reading("b", "p", "ann", 1, (1, 2, 3, 5)), Reading("a", "q", "bob", 1, None)])  # fmt: skip

    assert (panel.readers, panel.scans, panel.patients.tolist()) == (("ann", "bob"), ("a", "b"), [1, 0])
    assert panel.on("quality")[0].tolist() == [2, 5]
    assert panel.again("quality")[0, 1] == 4
    assert panel.refused[0].tolist() == [[False, False], [True, False]]


def test_a_reading_may_have_single_scales(tmp_path: Path) -> None:
    [reading] = read_ratings(table(tmp_path, "s1,p1,ann,1,,,,4,,,,"))
    assert repr(reading.scores) == "(nan, nan, nan, 4.0)"
    panel = panel_of([reading, Reading("s2", "p1", "ann", 1, None)])
    assert panel.scored[0].tolist() == [[True, False]]
