"""Which slices to show: examples of every outcome, chosen by rule and not by eye."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from lgeqa.records import BoolArray, IntArray

Key = TypeVar("Key", str, bool)


@dataclass(frozen=True)
class Choice:
    """Slices to show.

    Attributes:
        slices: their indices, group by group.
        groups: which group each belongs to: `all right`, `only A right` and so on, `all wrong`.
        counts: slices of each group, shown or not; groups in the order in which they are filled.
    """

    slices: tuple[int, ...]
    groups: tuple[str, ...]
    counts: dict[str, int]


def pick_slices(labels: BoolArray, predictions: Mapping[str, BoolArray], number: int) -> Choice:
    """Pick slices from every outcome as evenly as their numbers allow.

    Slices are grouped by which models are right about them. Groups are given a place each in turn until `number` are
    given or no slice is left. A group's places go to its diagnostic and its non-diagnostic slices in the same way, and
    which label begins changes from group to group. Within a label the picks are spread evenly over the slices in the
    order given, so that many scans have their turn.

    Args:
        labels: (slice,) true classes.
        predictions: (slice,) of each model, by its name.
        number: slices wanted.

    Raises:
        ValueError: a model's predictions are of another number than the labels.
    """
    for model, predicted in predictions.items():
        if len(predicted) != len(labels):
            raise ValueError(f"{model}: {len(predicted)} predictions for {len(labels)} slices")
    members = _groups(labels, predictions)
    shares = _deal({name: len(indices) for name, indices in members.items()}, number)
    picked: list[tuple[int, str]] = []
    for turn, (name, indices) in enumerate(members.items()):
        halves = {label: indices[labels[indices] == label] for label in (turn % 2 == 0, turn % 2 == 1)}
        dealt = _deal({label: len(half) for label, half in halves.items()}, shares[name])
        picked += [(int(index), name) for label in halves for index in _spread(halves[label], dealt[label])]
    return Choice(
        tuple(index for index, _ in picked),
        tuple(name for _, name in picked),
        {name: len(indices) for name, indices in members.items()},
    )


def _deal(sizes: Mapping[Key, int], number: int) -> dict[Key, int]:
    """Give out `number` places one at a time, to whoever has fewest and is not full; the first of equals goes first."""
    shares = dict.fromkeys(sizes, 0)
    for _ in range(min(number, sum(sizes.values()))):
        poorest = min((key for key in sizes if shares[key] < sizes[key]), key=shares.__getitem__)
        shares[poorest] += 1
    return shares


def _groups(labels: BoolArray, predictions: Mapping[str, BoolArray]) -> dict[str, IntArray]:
    """Rising indices of each outcome; all models right first, all wrong last."""
    right = np.stack([predicted == labels for predicted in predictions.values()])
    groups = {}
    for pattern in range(2 ** len(right) - 1, -1, -1):
        wanted = [bool(pattern >> place & 1) for place in reversed(range(len(right)))]
        named = [name for name, holds in zip(predictions, wanted, strict=True) if holds]
        title = "all right" if all(wanted) else f"only {', '.join(named)} right" if named else "all wrong"
        groups[title] = np.flatnonzero((right == np.array(wanted)[:, None]).all(axis=0))
    return groups


def _spread(indices: IntArray, share: int) -> IntArray:
    """`share` of the indices, from the middle of as many equal parts; rising."""
    middles = (np.arange(share) + 0.5) / max(share, 1) * len(indices)
    spread: IntArray = indices[middles.astype(int)]
    return spread
