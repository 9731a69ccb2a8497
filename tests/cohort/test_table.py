from pathlib import Path

import pytest

from lgeqa.cohort import gather_cohort, read_cohort
from lgeqa.errors import CohortError

HEADER = "scan,patient,image,mask,reader,myocardium_nulling,sharpness,enhancement,quality\n"
ROW = "a,p,i,m,ann,1,2,3,4"


def write(root: Path, *rows: str, header: str = HEADER) -> Path:
    (root / "scores.csv").write_text(header + "\n".join(rows) + "\n")
    return root


def test_rows_of_a_scan_are_its_readers(tmp_path: Path) -> None:
    write(
        tmp_path,
        "b,p1,b/data.nrrd,b/m.nrrd,ann,1,2,3,4",
        "b,p1,b/data.nrrd,b/m.nrrd,bob,5,4,3.5,2",
        "a,p1,a.nrrd,,,,,,",
    )
    a, b = read_cohort(tmp_path)
    assert (a.scan_id, a.mask, a.scores) == ("a", None, {})
    assert b.scores == {"ann": (1, 2, 3, 4), "bob": (5, 4, 3.5, 2)}
    assert (b.patient, b.image, b.mask) == ("p1", tmp_path / "b/data.nrrd", tmp_path / "b/m.nrrd")


def test_a_table_is_a_cohort_by_itself(tmp_path: Path) -> None:
    write(tmp_path, f"a,p,{tmp_path}/elsewhere.nrrd,m.nrrd,ann,1,2,3,4")
    table = (tmp_path / "scores.csv").rename(tmp_path / "ours.CSV")
    [case] = read_cohort(table)
    assert (case.image, case.mask) == (tmp_path / "elsewhere.nrrd", tmp_path / "m.nrrd")


def test_a_table_may_name_the_series(tmp_path: Path) -> None:
    header = HEADER.replace("\n", ",series\n")
    assert [case.series for case in read_cohort(write(tmp_path, ROW + ",3", header=header))] == ["3"]
    with pytest.raises(CohortError, match="line 3: scan 'a' has series 4, and 3 in an earlier row"):
        read_cohort(write(tmp_path, ROW + ",3", "a,p,i,m,bob,1,2,3,4,4", header=header))


def test_a_reader_without_scores_did_not_score(tmp_path: Path) -> None:
    [case] = read_cohort(write(tmp_path, ROW, "a,p,i,m,bob,,,,"))
    assert case.scores == {"ann": (1, 2, 3, 4)}


def test_the_mark_of_excel_is_no_part_of_a_name(tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text(HEADER + ROW + "\n", encoding="utf-8-sig")
    assert [case.scan_id for case in read_cohort(tmp_path)] == ["a"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["a,p,i,m,ann,6,2,3,4"], "line 2: myocardium_nulling is '6'. Scores are numbers from 1 to 5"),
        (["a,p,i,m,ann,1,0.5,3,4"], "line 2: sharpness is '0.5'"),
        (["a,p,i,m,ann,1,2,good,4"], "line 2: enhancement is 'good'"),
        (["a,p,i,m,ann,1,2,3,nan"], "line 2: quality is 'nan'"),
        (["a,p,i,m,ann,7,,3,4"], "line 2: myocardium_nulling is '7'. Scores"),
        ([ROW, "a,p2,i,m,bob,1,2,3,4"], "line 3: scan 'a' has patient p2, and p in an earlier row"),
        ([ROW, "a,p,i2,m,bob,1,2,3,4"], r"line 3: scan 'a' has image \S+/i2, and \S+/i in an earlier row"),
        ([ROW, "a,p,i,,bob,1,2,3,4"], r"line 3: scan 'a' has mask None, and \S+/m in an earlier row"),
        ([ROW, "a,p,i,m,ann,5,5,5,5"], "line 3: scan 'a' with reader 'ann' is in an earlier row too"),
        (["a,p,i,m,,1,2,3,4"], "line 2: scan 'a' has scores and no reader"),
        (["a,,,m,ann,1,2,3,4"], "line 2: has no patient and no image"),
        (["a,p,i,m,ann,1,2,3"], "line 2: has 8 cells for 9 columns"),
        ([ROW + ",0"], "line 2: has 10 cells for 9 columns"),
        (['a,"p', "q"], "line 3: is not valid CSV"),
        ([], "has no row that can be used"),
    ],
)
def test_rows_that_cannot_be_used_are_refused(tmp_path: Path, rows: list[str], message: str) -> None:
    with pytest.raises(CohortError, match=rf"scores\.csv\S* {message}"):
        read_cohort(write(tmp_path, *rows))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (HEADER.replace(",quality", ""), r"lacks the column\(s\) quality. It has scan, .*, enhancement"),
        (HEADER.replace(",", "|"), r"lacks the column\(s\) scan, patient.* It has scan\|patient.* lgeqa cohort import"),
        ("", r"lacks the column\(s\) scan, .* It has none"),
        (HEADER.replace("\n", ",reader\n"), r"has the column\(s\) reader twice"),
    ],
)
def test_columns_that_are_missing_or_double_are_named(tmp_path: Path, header: str, message: str) -> None:
    (tmp_path / "scores.csv").write_text(header)
    with pytest.raises(CohortError, match=message):
        read_cohort(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [";", "\t"])
def test_tables_of_spreadsheets_are_read(tmp_path: Path, separator: str, encoding: str) -> None:
    rows = ['a;p;i;m;J\u00fcrgen;1;2,5;"3,5";4', ";;;;;;;;", "", "b;p;j;m;J\u00fcrgen;;;;2.5"]
    table = "\r\n".join([HEADER.replace(",", ";").strip(), *rows]).replace(";", separator)
    (tmp_path / "scores.csv").write_bytes(table.encode(encoding))
    a, b = read_cohort(tmp_path)
    assert a.scores == {"J\u00fcrgen": (1, 2.5, 3.5, 4)}
    assert repr(b.scores["J\u00fcrgen"]) == "(nan, nan, nan, 2.5)"


def test_a_separator_inside_quotes_does_not_count(tmp_path: Path) -> None:
    header = HEADER.replace(",", ";").strip() + ';"a,b,c,d,e,f,g,h,i,j"\n'
    [case] = read_cohort(write(tmp_path, "a;p;i;m;ann;1;2;3;4;", header=header))
    assert case.scores == {"ann": (1, 2, 3, 4)}


def test_a_decimal_comma_in_quotes_is_read(tmp_path: Path) -> None:
    [case] = read_cohort(write(tmp_path, 'a,p,i,m,ann,1,2,3,"2,5"'))
    assert case.scores == {"ann": (1, 2, 3, 2.5)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("J\u00fcrgen".encode("mac-roman"), r"is neither UTF-8 nor another encoding that is certain \(byte 0x9f\)"),
        ("ann".encode("utf-16")[:-1], r"is neither UTF-8 nor another encoding .*\(byte 0x"),
        ("ann".encode("utf-16-le"), "is not text, or UTF-16 without its mark. Save it as CSV in UTF-8"),
    ],
)
def test_encodings_that_are_not_certain_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "scores.csv").write_bytes(content)
    with pytest.raises(CohortError, match=rf"scores.csv: {message}"):
        read_cohort(tmp_path)


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "scores.xlsx").touch()
    with pytest.raises(CohortError, match=r"scores.xlsx: is not a table by its name. Give a .csv or .parquet"):
        read_cohort(tmp_path / "scores.xlsx")


def test_a_table_that_cannot_be_opened_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    write(tmp_path, ROW)
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(CohortError, match=r"scores.csv: cannot be read \(Permission denied\)"):
        read_cohort(tmp_path)


def test_two_tables_are_one_too_many(tmp_path: Path) -> None:
    (write(tmp_path, ROW) / "scores.parquet").touch()
    with pytest.raises(CohortError, match=r"holds both scores.csv and scores.parquet. Name one"):
        read_cohort(tmp_path)


def test_all_errors_are_gathered_and_the_rest_is_read(tmp_path: Path) -> None:
    write(tmp_path, "a,p,i,m,ann,6,2,3,4", "b,p,i2,m2,ann,1,2,3,4", "c,p,i3,m3", "b,p,i2,m2,bob,1,2,x,4")
    cases, faults = gather_cohort(tmp_path)
    assert [(case.scan_id, list(case.scores)) for case in cases] == [("a", []), ("b", ["ann"])]
    assert [fault.partition("scores.csv, ")[2].split(":")[0] for fault in faults] == ["line 4", "line 2", "line 5"]
    with pytest.raises(CohortError) as error:
        read_cohort(tmp_path)
    assert str(error.value).splitlines() == faults


def test_a_cohort_that_cannot_be_read_at_all_is_one_error(tmp_path: Path) -> None:
    cases, faults = gather_cohort(tmp_path / "nowhere")
    assert (cases, len(faults)) == ([], 1)


def test_no_cohort(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match=r"holds neither scores.csv nor scores.parquet nor a folder"):
        read_cohort(tmp_path)
    with pytest.raises(CohortError, match="nowhere: is not there"):
        read_cohort(tmp_path / "nowhere")


def test_site_scanner_and_field_strength_are_groups(tmp_path: Path) -> None:
    header = HEADER.rstrip("\n") + ",site,scanner,field_strength_t\n"
    write(tmp_path, "a,p,i,m,ann,1,2,3,4,north,Aera,1.50", "a,p,i,m,bob,1,2,3,4,north,Aera,1.5", header=header)
    [case] = read_cohort(tmp_path)
    assert case.groups == {"site": "north", "scanner": "Aera", "field_strength_t": "1.5"}
    write(tmp_path, "a,p,i,m,ann,1,2,3,4,,,3", header=header)
    assert read_cohort(tmp_path)[0].groups == {"field_strength_t": "3"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,p,i,m,bob,1,2,3,4,south,3", r"line 3: scan 'a' has groups .*south.*, and .*north.* in an earlier row"),
        ("b,p,i,m,bob,1,2,3,4,north,3 T", r"line 3: field_strength_t is '3 T'. Give the field strength in tesla"),
    ],
)
def test_groups_that_cannot_be_used_are_refused(tmp_path: Path, row: str, message: str) -> None:
    header = HEADER.rstrip("\n") + ",site,field_strength_t\n"
    with pytest.raises(CohortError, match=message):
        read_cohort(write(tmp_path, "a,p,i,m,ann,1,2,3,4,north,3", row, header=header))
