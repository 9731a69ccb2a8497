"""In which order a reader sees the scans, and which of them twice."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Place:
    """One place in a reader's order.

    Attributes:
        scan: index of the scan in the study.
        round: 1 for the first reading of the scan, 2 for the second.
    """

    scan: int
    round: int


def draw_repeated(seed: int, n_scans: int, share: float) -> list[int]:
    """Which scans are shown twice; the same for all readers, so that their intra-reader figures can be compared.

    Args:
        seed: of the study.
        n_scans: of the study.
        share: of the scans that are shown twice, 0 to 1; above 0 it is one scan at the least.

    Returns:
        Indices of the scans, rising.
    """
    n_repeated = max(round(share * n_scans), int(share > 0))
    return sorted(_rng(seed, 0).choice(n_scans, n_repeated, replace=False).tolist())


def draw_order(seed: int, reader: int, n_scans: int, repeated: Sequence[int]) -> list[Place]:
    """The order of one reader; it hangs on nothing but the seed, the reader's number and the scans.

    A repeated scan comes first in the first half, and again about half of all readings later: the gap is at least a
    quarter of all readings, and from two scans on never are its two readings neighbours. All else is chance.

    Args:
        seed: of the study.
        reader: number of the reader in the study, from 1.
        n_scans: of the study.
        repeated: indices of the scans that are shown twice.
    """
    rng = _rng(seed, reader)
    total = n_scans + len(repeated)
    half = total // 2
    firsts = np.sort(rng.choice(half, len(repeated), replace=False))
    seconds = firsts + total - half
    scans = rng.permutation(repeated)
    order: list[Place | None] = [None] * total
    for place, scan in zip(firsts, scans, strict=True):
        order[place] = Place(int(scan), 1)
    for place, scan in zip(seconds, _shuffled(rng, scans, int((firsts < (half + 1) // 2).sum())), strict=True):
        order[place] = Place(int(scan), 2)
    once = iter(rng.permutation([scan for scan in range(n_scans) if scan not in set(repeated)]))
    return [place or Place(int(next(once)), 1) for place in order]


def _shuffled(rng: np.random.Generator, scans: npt.NDArray[np.int64], early: int) -> npt.NDArray[np.int64]:
    """The `early` first ones among themselves, and the others among themselves, so that no gap gets short."""
    return np.concatenate([rng.permutation(scans[:early]), rng.permutation(scans[early:])])


def _rng(seed: int, reader: int) -> np.random.Generator:
    return np.random.default_rng((seed, reader))
