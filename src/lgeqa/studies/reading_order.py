"""The reading order of each reader, and the choice of the scans that are shown twice."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Place:
    """One place in a reader's order.

    Attributes:
        scan: Index of the scan in the study.
        round: 1 for the first reading of the scan, 2 for the second.
    """

    scan: int
    round: int


def draw_repeated(seed: int, n_scans: int, share: float) -> list[int]:
    """Draw the scans that are shown twice.

    They are the same for all readers, so that intra-reader agreement can be compared between readers.

    Args:
        seed: Random seed of the study.
        n_scans: Number of scans in the study.
        share: Share of the scans that are shown twice, 0 to 1. A share above 0 means at least one scan.

    Returns:
        Indices of the scans, in ascending order.
    """
    n_repeated = max(round(share * n_scans), int(share > 0))
    return sorted(_rng(seed, 0).choice(n_scans, n_repeated, replace=False).tolist())


def draw_order(seed: int, reader: int, n_scans: int, repeated: Sequence[int]) -> list[Place]:
    """Draw the reading order of one reader.

    The order depends only on the seed, the reader's number and the scans. A repeated scan is shown in the first half,
    and again about half of all readings later: the gap is at least a quarter of all readings, and with two or more
    scans its two readings are never adjacent. Everything else is random.

    Args:
        seed: Random seed of the study.
        reader: Number of the reader in the study, from 1.
        n_scans: Number of scans in the study.
        repeated: Indices of the scans that are shown twice.
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
    """Shuffle the first `early` scans and the remaining ones separately, so that no gap becomes too short."""
    return np.concatenate([rng.permutation(scans[:early]), rng.permutation(scans[early:])])


def _rng(seed: int, reader: int) -> np.random.Generator:
    return np.random.default_rng((seed, reader))
