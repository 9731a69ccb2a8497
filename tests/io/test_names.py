"""Scan names: unique, fit for file systems, from file names alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lgeqa.io.scan_ids import MAX_BYTES, Name, sanitised, unique_names

PARTS = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4).map(tuple)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lge-001", "lge-001"),
        ("Müller 心房 Предсердие", "Müller_心房_Предсердие"),
        ("u\N{COMBINING DIAERESIS}", "ü"),
        ("नमूना", "नमूना"),
        ('a/b\\c:d*e?f"g<h>i|j', "a_b_c_d_e_f_g_h_i_j"),
        ("tab\tnew\nline\x00", "tab_new_line"),
        ("../..", "scan"),
        ("-rf", "rf"),
        (".hidden.", "hidden"),
        ("***", "scan"),
        ("", "scan"),
        ("CON", "scan_CON"),
        ("lpt1.x", "scan_lpt1.x"),
        ("🫀", "scan"),
        ("start" + "x" * 300, "x" * MAX_BYTES),
    ],
)
def test_sanitised(name: str, expected: str) -> None:
    assert sanitised(name) == expected


@given(st.text())
def test_any_name_becomes_fit(name: str) -> None:
    fit = sanitised(name)
    assert 0 < len(fit.encode()) <= MAX_BYTES + len("scan_")
    assert not set(fit) & set('/\\:*?"<>|\0\n')
    assert fit[0] not in ".-"
    assert sanitised(fit) == fit


@given(st.lists(PARTS.flatmap(lambda parts: st.integers(1, len(parts)).map(lambda used: Name(parts, used)))))
def test_names_are_unique_without_regard_to_case(names: list[Name]) -> None:
    texts = unique_names(names)
    assert len({text.casefold() for text in texts}) == len(names)
    assert texts == unique_names(names)


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["r/a"], ["a"]),
        (["r/a", "r/b"], ["a", "b"]),
        (["r/s/a", "r/t/a", "r/t/b"], ["s_a", "t_a", "b"]),
        (["r/s/x/a", "r/t/x/a"], ["s_x_a", "t_x_a"]),
        (["r/s/a", "r/s/a"], ["a-1", "a-2"]),
        (["r/s/a", "r/s/a", "r/t/a"], ["s_a-1", "s_a-2", "t_a"]),
        (["r/a", "r/A"], ["a-1", "A-2"]),
        (["a", "r/a"], ["a", "r_a"]),
    ],
)
def test_folders_are_added_only_where_names_need_them(paths: list[str], expected: list[str]) -> None:
    assert unique_names([Name(tuple(path.split("/")), 1) for path in paths]) == expected
