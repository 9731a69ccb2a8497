"""Score counts of experts, shipped with the package: aggregate figures of published reader studies.

`score_joint_counts.csv` counts 473 scans by their four scores. `reader_agreement_counts.csv` counts, for each scale,
the pairs of scores that two readers gave to the same scan.
"""

import csv
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from lgeqa.scales import HIGHEST_SCORE, LOWEST_SCORE, SCALES

Counts = npt.NDArray[np.int64]
SCORES = np.arange(LOWEST_SCORE, HIGHEST_SCORE + 1)


@cache
def joint_counts() -> tuple[Counts, Counts]:
    """Return the combinations of four scores and the number of scans with each.

    Returns:
        Scores (combination, scale in the order of `attributes.NAMES`), and number of scans (combination,).
    """
    rows = _rows("score_joint_counts.csv")
    combinations = [[int(row[scale.file_keys[0]]) for scale in SCALES] for row in rows]
    return _frozen(combinations), _frozen([int(row["scans"]) for row in rows])


@cache
def agreement_counts() -> Counts:
    """Return the number of ordered pairs of ratings (scale, one reader's score - 1, other reader's score - 1).

    The counts are symmetric in the two readers.
    """
    counts = np.zeros((len(SCALES), len(SCORES), len(SCORES)), np.int64)
    places = {scale.file_keys[0]: place for place, scale in enumerate(SCALES)}
    for row in _rows("reader_agreement_counts.csv"):
        pair = (int(row["reader_a"]) - LOWEST_SCORE, int(row["reader_b"]) - LOWEST_SCORE)
        counts[(places[row["attribute"]], *pair)] = int(row["ordered_pairs"])
    return _frozen(counts)


def _rows(name: str) -> list[dict[str, str]]:
    with files("lgeqa.simulation").joinpath("data", name).open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def _frozen(values: npt.ArrayLike) -> Counts:
    """Return a read-only integer array, since all callers share it."""
    array = np.array(values, np.int64)
    array.flags.writeable = False
    return array
