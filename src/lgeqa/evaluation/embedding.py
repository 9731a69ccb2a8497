"""Slices in an encoder's feature space: UMAP to look at (the paper's Fig. 3) and figures of class separation.

Both use the angle between features (cosine distance): the contrastive loss depends only on directions, and encoders
trained with other losses differ in the length of their features, which says nothing about quality.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lgeqa.records import BoolArray

Numbers = npt.NDArray[np.floating]


#: Default number of neighbours of each slice that a layout tries to keep near it.
NEIGHBOURS = 15


def embed(features: Numbers, seed: int, neighbours: int = NEIGHBOURS) -> Numbers:
    """Lay features out on a plane by UMAP (McInnes and others, arXiv 1802.03426).

    Args:
        features: Features of each slice, (slice, feature).
        seed: Random seed of the layout. The same seed gives the same plane on one machine.
        neighbours: Number of neighbours of each slice that the layout tries to keep near it.

    Returns:
        Positions (slice, 2). Positions, distances between groups and sizes of groups have no unit and no meaning.

    Raises:
        ValueError: There are no more slices than neighbours.
    """
    if len(features) <= neighbours:
        raise ValueError(f"{neighbours} neighbours need at least {neighbours + 1} slices, got {len(features)}")
    with warnings.catch_warnings():
        # The warning is about parametric UMAP, which is not used here.
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
        from umap import UMAP
    # With a seed UMAP uses one thread anyway, and it warns if more are requested.
    plane: Numbers = UMAP(n_neighbors=neighbours, metric="cosine", random_state=seed, n_jobs=1).fit_transform(features)
    return plane


@dataclass(frozen=True)
class Separation:
    """Separation of the two classes in feature space, where a slice is only compared with slices of other patients.

    Slices of one patient are similar and mostly share their label, so including them would measure patient identity.

    Attributes:
        silhouette: Mean over slices of (b - a) / max(a, b), where a and b are the mean cosine distances to the slices
            of the same class and of the other class (Rousseeuw 1987). -1 to 1; 0 is no separation, 1 is best.
        neighbour_accuracy: Share of the slices with the same label as most of their nearest neighbours, where a tie
            counts half. 1 is best.
        majority_rate: Share of the larger class, which an accuracy has to exceed.
        neighbours: Number of neighbours that voted.
        reason: Reason why the first two are NaN. Empty if they are not.
    """

    silhouette: float
    neighbour_accuracy: float
    majority_rate: float
    neighbours: int
    reason: str


def separation(
    features: Numbers, labels: BoolArray, patients: Sequence[str], neighbours: int = NEIGHBOURS
) -> Separation:
    """Measure the separation of the classes on the features themselves, not on the plane of `embed`.

    Uninformative features score below `majority_rate` if the classes are balanced: without a slice's own patient, the
    other class is more frequent among the remaining slices.

    Args:
        features: Features of each slice, (slice, feature).
        labels: Whether each slice is diagnostic, (slice,).
        patients: Patient of each slice, (slice,).
        neighbours: Number of neighbours that vote. Fewer vote if a slice has fewer slices of other patients.

    Returns:
        Figures of the separation, which are NaN with a reason unless each class has slices of at least two patients.
    """
    majority = max(labels.mean(), 1 - labels.mean()) if len(labels) else math.nan
    owners = np.asarray(patients)
    for label, name in ((True, "diagnostic"), (False, "non-diagnostic")):
        count = len(np.unique(owners[labels == label]))
        if count < 2:
            reason = f"{count} patient{'' if count == 1 else 's'} with {name} slices; two are needed"
            return Separation(math.nan, math.nan, float(majority), 0, reason)
    others = owners[:, None] != owners[None, :]
    used = min(neighbours, int(others.sum(axis=1).min()))
    distances = _cosine_distances(features)
    return Separation(
        float(_silhouettes(distances, labels, others).mean()),
        float(_votes(distances, labels, others, used).mean()),
        float(majority),
        used,
        "",
    )


def _cosine_distances(features: Numbers) -> Numbers:
    """Return 1 - cosine for all pairs of slices, (slice, slice), which is 1 if all features of a slice are 0."""
    from sklearn.metrics.pairwise import cosine_distances

    distances: Numbers = cosine_distances(features.astype(np.float64))
    return distances


def _silhouettes(distances: Numbers, labels: BoolArray, others: BoolArray) -> Numbers:
    """Return the silhouette of each slice, which is 0 if the slice is equally far from both classes."""
    same = labels[:, None] == labels[None, :]
    within, between = ((distances * mask).sum(axis=1) / mask.sum(axis=1) for mask in (same & others, ~same & others))
    silhouettes: Numbers = (between - within) / np.maximum(np.maximum(within, between), np.finfo(float).tiny)
    return silhouettes


def _votes(distances: Numbers, labels: BoolArray, others: BoolArray, neighbours: int) -> Numbers:
    """Return 1 if most of a slice's nearest slices of other patients have its label, 0 if not, .5 for a tie."""
    nearest = np.argsort(np.where(others, distances, np.inf), axis=1, kind="stable")[:, :neighbours]
    agreeing = (labels[nearest] == labels[:, None]).mean(axis=1)
    return np.where(agreeing == 0.5, 0.5, (agreeing > 0.5).astype(float))
