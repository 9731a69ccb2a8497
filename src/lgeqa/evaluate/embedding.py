"""How slices lie in an encoder's feature space: UMAP for the eye (the paper's Fig. 3), figures for the argument.

Both measure by the angle between features (cosine distance): the contrastive loss works on directions alone, and
encoders trained otherwise differ in the length of their features, which says nothing of quality.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lgeqa.records import BoolArray

Numbers = npt.NDArray[np.floating]


#: Of each slice that a layout tries to keep near it, unless a caller says otherwise.
NEIGHBOURS = 15


def embed(features: Numbers, seed: int, neighbours: int = NEIGHBOURS) -> Numbers:
    """Lay features out on a plane by UMAP (McInnes and others, arXiv 1802.03426).

    Args:
        features: (slice, feature).
        seed: of the layout; the same seed gives the same plane on one machine.
        neighbours: of each slice that the layout tries to keep near it.

    Returns:
        (slice, 2). Places, distances between groups and sizes of groups have no unit and no meaning.

    Raises:
        ValueError: there are no more slices than neighbours.
    """
    if len(features) <= neighbours:
        raise ValueError(f"{neighbours} neighbours need at least {neighbours + 1} slices, got {len(features)}")
    with warnings.catch_warnings():
        # It tells of a network of its own that we have no use for.
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
        from umap import UMAP
    # With a seed there is one thread anyhow; to ask for more is warned of.
    plane: Numbers = UMAP(n_neighbors=neighbours, metric="cosine", random_state=seed, n_jobs=1).fit_transform(features)
    return plane


@dataclass(frozen=True)
class Separation:
    """How far the two classes lie apart in feature space, a slice being compared with those of other patients alone.

    Slices of one patient are alike and mostly share their label, so to count them would measure who it is.

    Attributes:
        silhouette: mean over slices of (b - a) / max(a, b), where a and b are the mean cosine distances to the slices
            of the slice's own and of the other class (Rousseeuw 1987). -1 to 1; 0 is no separation, 1 is best.
        neighbour_accuracy: share of the slices whose label is that of most of their nearest neighbours; an even vote
            counts half. 1 is best.
        majority_rate: share of the larger class, which an accuracy has to beat.
        neighbours: how many neighbours voted.
        reason: why the first two are NaN; empty where they are not.
    """

    silhouette: float
    neighbour_accuracy: float
    majority_rate: float
    neighbours: int
    reason: str


def separation(
    features: Numbers, labels: BoolArray, patients: Sequence[str], neighbours: int = NEIGHBOURS
) -> Separation:
    """Measure how far the classes lie apart, on the features themselves and not on the plane of `embed`.

    Features that know nothing score below `majority_rate` where classes are even: with one's own patient left out,
    the other class is the more frequent among the rest.

    Args:
        features: (slice, feature).
        labels: (slice,) whether a slice is diagnostic.
        patients: (slice,) whose it is.
        neighbours: as many vote as asked for, or fewer where a slice has fewer slices of other patients.

    Returns:
        The figures; NaN with a reason unless each class has slices of two patients or more.
    """
    majority = max(labels.mean(), 1 - labels.mean()) if len(labels) else math.nan
    owners = np.asarray(patients)
    for label, name in ((True, "diagnostic"), (False, "non-diagnostic")):
        held = len(np.unique(owners[labels == label]))
        if held < 2:
            reason = f"{held} patient{'' if held == 1 else 's'} with {name} slices; two are needed"
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
    """(slice, slice) 1 - cosine; features that are all 0 lie at 1 from everything."""
    from sklearn.metrics.pairwise import cosine_distances

    distances: Numbers = cosine_distances(features.astype(np.float64))
    return distances


def _silhouettes(distances: Numbers, labels: BoolArray, others: BoolArray) -> Numbers:
    """The silhouette of each slice; 0 where it is as far from both classes as can be told."""
    same = labels[:, None] == labels[None, :]
    own, foreign = ((distances * held).sum(axis=1) / held.sum(axis=1) for held in (same & others, ~same & others))
    silhouettes: Numbers = (foreign - own) / np.maximum(np.maximum(own, foreign), np.finfo(float).tiny)
    return silhouettes


def _votes(distances: Numbers, labels: BoolArray, others: BoolArray, neighbours: int) -> Numbers:
    """1 where the nearest slices of other patients agree with a slice's label, 0 where not, half where they tie."""
    nearest = np.argsort(np.where(others, distances, np.inf), axis=1, kind="stable")[:, :neighbours]
    agreeing = (labels[nearest] == labels[:, None]).mean(axis=1)
    return np.where(agreeing == 0.5, 0.5, (agreeing > 0.5).astype(float))
