"""Numbers as text for people, in Python and on the pages."""

import pytest

from lgeqa.formatting import plural, probability_text


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (1.0, "> .99"),
        (0.9951, "> .99"),
        (0.9949, ".99"),
        (0.5, ".50"),
        (0.0051, ".01"),
        (0.0049, "< .01"),
        (0.0, "< .01"),
        (None, "–"),
    ],
)
def test_no_probability_is_0_or_1(probability: float | None, text: str) -> None:
    assert probability_text(probability) == text


def test_nouns_follow_their_count() -> None:
    assert [plural(count, "scan") for count in (0, 1, 2)] == ["0 scans", "1 scan", "2 scans"]
