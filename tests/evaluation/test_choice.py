import numpy as np
import pytest

from lgeqa.evaluation.example_selection import pick_slices


def flags(text: str) -> np.ndarray:
    return np.array([sign == "1" for sign in text])


LABELS = flags("111111000000")
FIRST = flags("111000000011")
SECOND = flags("110100001011")


def test_groups_are_counted() -> None:
    counts = pick_slices(LABELS, {"A": FIRST, "B": SECOND}, 0).counts

    assert counts == {"all right": 5, "only A right": 2, "only B right": 1, "all wrong": 4}
    assert list(counts) == ["all right", "only A right", "only B right", "all wrong"]


@pytest.mark.parametrize("number", range(15))
def test_places_are_given_as_evenly_as_can_be(number: int) -> None:
    choice = pick_slices(LABELS, {"A": FIRST, "B": SECOND}, number)

    shares = {name: choice.groups.count(name) for name in choice.counts}
    assert sum(shares.values()) == len(set(choice.slices)) == min(number, 12)
    most = max(shares.values())
    assert all(most - share <= 1 or share == choice.counts[name] for name, share in shares.items())


def test_slices_are_what_their_group_says() -> None:
    choice = pick_slices(LABELS, {"A": FIRST, "B": SECOND}, 12)

    for index, group in zip(choice.slices, choice.groups, strict=True):
        first, second = FIRST[index] == LABELS[index], SECOND[index] == LABELS[index]
        told = {(1, 1): "all right", (1, 0): "only A right", (0, 1): "only B right", (0, 0): "all wrong"}
        assert group == told[int(first), int(second)]


def test_both_labels_have_their_turn() -> None:
    labels = flags("0000000011111111")
    wrong = flags("1111111100000000")

    for number, expected in ((1, [1]), (2, [1, 0]), (4, [1, 1, 0, 0])):
        choice = pick_slices(labels, {"A": labels, "B": labels}, number)
        assert labels[list(choice.slices)].astype(int).tolist() == expected
    # The last group begins with the other label.
    one_each = pick_slices(flags("0101"), {"A": flags("0110")}, 2)
    assert one_each.groups == ("all right", "all wrong")
    assert flags("0101")[list(one_each.slices)].tolist() == [True, False]
    assert pick_slices(labels, {"A": wrong}, 2).groups == ("all wrong", "all wrong")


def test_picks_are_spread_over_a_label() -> None:
    labels = np.ones(100, bool)

    assert pick_slices(labels, {"A": labels}, 4).slices == (12, 37, 62, 87)
    assert pick_slices(labels, {"A": labels}, 1).slices == (50,)


def test_three_models_have_eight_outcomes() -> None:
    counts = pick_slices(LABELS, {"A": FIRST, "B": SECOND, "C": LABELS}, 0).counts

    assert list(counts) == [
        "all right", "only A, B right", "only A, C right", "only A right",
        "only B, C right", "only B right", "only C right", "all wrong",
    ]  # fmt: skip
    assert sum(counts.values()) == 12


def test_predictions_of_other_slices_are_refused() -> None:
    with pytest.raises(ValueError, match="B: 3 predictions for 12 slices"):
        pick_slices(LABELS, {"A": FIRST, "B": flags("101")}, 2)
