"""Selection of the slices to show: examples of every outcome, selected by a rule instead of by eye."""

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
        slices: Indices of the slices, group by group.
        groups: Group of each slice: `all right`, `only A right` and so on, `all wrong`.
        counts: Number of slices in each group, shown or not, with the groups in the order in which they are filled.
    """

    slices: tuple[int, ...]
    groups: tuple[str, ...]
    counts: dict[str, int]


def pick_slices(labels: BoolArray, predictions: Mapping[str, BoolArray], number: int) -> Choice:
    """Pick slices from every outcome as evenly as their numbers allow.

    Slices are grouped by which models are right about them. Each group gets one place in turn until all `number` places
    are assigned or no slice is left. The places of a group are divided between its diagnostic and its non-diagnostic
    slices in the same way, and the label that comes first alternates from group to group. Within a label the picks are
    spread evenly over the slices in their order, so that many scans are represented.

    Args:
        labels: True class of each slice, (slice,).
        predictions: Predictions of each model by name, (slice,).
        number: Number of slices to pick.

    Raises:
        ValueError: The number of a model's predictions differs from the number of labels.
    """
    for model, predicted in predictions.items():
        if len(predicted) != len(labels):
            raise ValueError(f"{model}: {len(predicted)} predictions for {len(labels)} slices")
    members = _groups(labels, predictions)
    shares = _assign({name: len(indices) for name, indices in members.items()}, number)
    picked: list[tuple[int, str]] = []
    for turn, (name, indices) in enumerate(members.items()):
        halves = {label: indices[labels[indices] == label] for label in (turn % 2 == 0, turn % 2 == 1)}
        places = _assign({label: len(half) for label, half in halves.items()}, shares[name])
        picked += [(int(index), name) for label in halves for index in _spread(halves[label], places[label])]
    return Choice(
        tuple(index for index, _ in picked),
        tuple(name for _, name in picked),
        {name: len(indices) for name, indices in members.items()},
    )


def _assign(sizes: Mapping[Key, int], number: int) -> dict[Key, int]:
    """Assign `number` places one at a time to the first group with the fewest places that is not full."""
    shares = dict.fromkeys(sizes, 0)
    for _ in range(min(number, sum(sizes.values()))):
        smallest = min((key for key in sizes if shares[key] < sizes[key]), key=shares.__getitem__)
        shares[smallest] += 1
    return shares


def _groups(labels: BoolArray, predictions: Mapping[str, BoolArray]) -> dict[str, IntArray]:
    """Return the indices of each outcome in ascending order, from all models right to all models wrong."""
    right = np.stack([predicted == labels for predicted in predictions.values()])
    groups = {}
    for pattern in range(2 ** len(right) - 1, -1, -1):
        wanted = [bool(pattern >> place & 1) for place in reversed(range(len(right)))]
        named = [name for name, holds in zip(predictions, wanted, strict=True) if holds]
        title = "all right" if all(wanted) else f"only {', '.join(named)} right" if named else "all wrong"
        groups[title] = np.flatnonzero((right == np.array(wanted)[:, None]).all(axis=0))
    return groups


def _spread(indices: IntArray, share: int) -> IntArray:
    """Return `share` of the indices in ascending order, each from the middle of one of `share` equal parts."""
    middles = (np.arange(share) + 0.5) / max(share, 1) * len(indices)
    spread: IntArray = indices[middles.astype(int)]
    return spread
