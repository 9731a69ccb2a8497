"""Simulated readers, who disagree with the truth and with one another as real readers do."""

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from lgeqa.scales import HIGHEST_SCORE, LOWEST_SCORE, SCALE_NAMES, SCALES

Counts = npt.NDArray[np.int64]
SCORES = np.arange(LOWEST_SCORE, HIGHEST_SCORE + 1)


@cache
def joint_counts() -> tuple[Counts, Counts]:
    """Return the combinations of four scores and the number of scans with each.

    Returns:
        Scores (combination, scale in the order of `scales.SCALE_NAMES`), and number of scans (combination,).
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


Confusion = npt.NDArray[np.float64]


def draw_reading(rng: np.random.Generator, truth: Mapping[str, int]) -> dict[str, int]:
    """Draw one reader's scores of a scan from its true whole scores, with independent errors on the four scales."""
    errors = zip(SCALE_NAMES, confusions(), strict=True)
    return {name: int(rng.choice(SCORES, p=errs[truth[name] - LOWEST_SCORE])) for name, errs in errors}


@cache
def confusions() -> Confusion:
    r"""Return P(reader's score | true score) for each scale, (scale, true score - 1, reader's score - 1).

    The data show the agreement of two readers, :math:`P_{ab}`, not of one reader with a truth. Assume that readers err
    independently given the truth, each with the same confusion :math:`C`, and that the truth has the same distribution
    as their scores, :math:`m`. Then :math:`P = C^T \mathrm{diag}(m)\, C`. One solution is symmetric: with
    :math:`N = D^{-1/2} P D^{-1/2}` and :math:`D = \mathrm{diag}(m)`, :math:`C = D^{-1/2} N^{1/2} D^{1/2}`. It keeps
    m, since :math:`\sqrt m` is an eigenvector of N with eigenvalue 1. N is positive definite on all four scales.
    Entries below zero (-.02 at the lowest) are set to 0 and rows scaled to 1, which moves no entry of P by more than
    .005.
    """
    return np.stack([_confusion(counts / counts.sum()) for counts in agreement_counts()])


def _confusion(pairs: npt.NDArray[np.float64]) -> Confusion:
    root = np.sqrt(pairs.sum(axis=0))
    values, vectors = np.linalg.eigh(pairs / np.outer(root, root))
    half = (vectors * np.sqrt(values)) @ vectors.T
    confusion = np.maximum(half * root[None, :] / root[:, None], 0)
    normed: Confusion = confusion / confusion.sum(axis=1, keepdims=True)
    return normed
