import math
import subprocess
import sys

import numpy as np
import pytest

from lgeqa.evaluation.embedding import embed, separation

LABELS = np.repeat([True, False], 20)
#: Five patients of each class with four slices each.
PATIENTS = [f"p{i}" for i in np.repeat(np.arange(10), 4)]


def planted(apart: float, seed: int = 0) -> np.ndarray:
    """40 slices of 6 features; the two classes point into directions that are more or less `apart`."""
    features = np.random.default_rng(seed).normal(1, 0.3, (40, 6))
    features[LABELS, 0] += apart
    return features


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return 1 - float(sum(a * b)) / math.sqrt(float(sum(a * a)) * float(sum(b * b)))


def naive_silhouette(features: np.ndarray, labels: np.ndarray, patients: list[str]) -> float:
    values = []
    for i in range(len(features)):
        own: list[float] = []
        other: list[float] = []
        for j in range(len(features)):
            if patients[i] != patients[j]:
                (own if labels[i] == labels[j] else other).append(cosine(features[i], features[j]))
        a, b = sum(own) / len(own), sum(other) / len(other)
        values.append((b - a) / max(a, b))
    return sum(values) / len(values)


def naive_accuracy(features: np.ndarray, labels: np.ndarray, patients: list[str], neighbours: int) -> float:
    right = 0.0
    for i in range(len(features)):
        others = [j for j in range(len(features)) if patients[j] != patients[i]]
        nearest = sorted(others, key=lambda j: cosine(features[i], features[j]))[:neighbours]
        for_it = sum(labels[j] == labels[i] for j in nearest)
        right += 1 if 2 * for_it > neighbours else 0.5 if 2 * for_it == neighbours else 0
    return right / len(features)


@pytest.mark.parametrize("apart", [0.0, 0.5, 3.0])
@pytest.mark.parametrize("neighbours", [1, 4, 15])
def test_it_is_what_the_loops_say(apart: float, neighbours: int) -> None:
    features = planted(apart)

    found = separation(features, LABELS, PATIENTS, neighbours)

    assert found.silhouette == pytest.approx(naive_silhouette(features, LABELS, PATIENTS))
    assert found.neighbour_accuracy == pytest.approx(naive_accuracy(features, LABELS, PATIENTS, neighbours))
    assert (found.majority_rate, found.neighbours, found.reason) == (0.5, neighbours, "")


def test_silhouette_equals_scikit_learn_for_one_slice_a_patient() -> None:
    from sklearn.metrics import silhouette_score

    features = planted(0.5)
    alone = [str(i) for i in range(40)]

    expected = silhouette_score(features, LABELS, metric="cosine")
    assert separation(features, LABELS, alone).silhouette == pytest.approx(expected)


def test_planted_clusters_are_reported() -> None:
    apart, mixed = separation(planted(6), LABELS, PATIENTS), separation(planted(0), LABELS, PATIENTS)

    assert apart.neighbour_accuracy == 1
    assert apart.silhouette > 0.8
    assert mixed.neighbour_accuracy < 0.7
    assert abs(mixed.silhouette) < 0.1


def test_who_it_is_does_not_count() -> None:
    """Each patient's slices lie together, and whose they are has nothing to do with the labels."""
    rng = np.random.default_rng(3)
    features = np.repeat(rng.normal(size=(10, 64)), 4, axis=0) + rng.normal(0, 0.01, (40, 64))

    found = separation(features, LABELS, PATIENTS, neighbours=3)
    by_slice = separation(features, LABELS, [str(i) for i in range(40)], neighbours=3)

    assert by_slice.neighbour_accuracy == 1  # measured as if each slice were a patient
    assert found.neighbour_accuracy < 0.7
    assert found.silhouette < 0.1 < by_slice.silhouette


def test_the_length_of_features_does_not_count() -> None:
    features = planted(0.5)
    lengths = np.random.default_rng(5).uniform(0.1, 50, (40, 1))

    longer, plain = separation(features * lengths, LABELS, PATIENTS), separation(features, LABELS, PATIENTS)

    assert longer.silhouette == pytest.approx(plain.silhouette)
    assert longer.neighbour_accuracy == plain.neighbour_accuracy


def test_features_that_are_all_alike_separate_nothing() -> None:
    assert separation(np.ones((40, 6)), LABELS, PATIENTS).silhouette == 0
    assert separation(np.zeros((40, 6)), LABELS, PATIENTS).silhouette == pytest.approx(0)


def test_fewer_slices_of_others_are_fewer_neighbours() -> None:
    labels, patients = np.array([True, True, True, False, False]), ["a", "a", "b", "c", "d"]

    found = separation(planted(1)[:5], labels, patients)

    assert found.neighbours == 3  # a slice of `a` has three slices of others
    assert found.majority_rate == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("labels", "patients", "reason"),
    [
        ([True] * 4, "abcd", "0 patients with non-diagnostic slices; two are needed"),
        ([False] * 4, "abcd", "0 patients with diagnostic slices; two are needed"),
        ([True, True, False, False], "aaaa", "1 patient with diagnostic slices; two are needed"),
        ([True, True, False, False], "abcc", "1 patient with non-diagnostic slices; two are needed"),
        ([], "", "0 patients with diagnostic slices; two are needed"),
    ],
)
def test_undefined_is_nan_with_a_reason(labels: list[bool], patients: str, reason: str) -> None:
    found = separation(np.ones((len(labels), 3)), np.array(labels, bool), list(patients))

    assert math.isnan(found.silhouette)
    assert math.isnan(found.neighbour_accuracy)
    assert (found.neighbours, found.reason) == (0, reason)


@pytest.mark.slow
def test_the_plane_shows_planted_clusters() -> None:
    features = planted(6)
    kept = features.copy()

    plane = embed(features, seed=1, neighbours=10)

    assert plane.shape == (40, 2)
    centres = [plane[label == LABELS].mean(axis=0) for label in (False, True)]
    nearer = np.linalg.norm(plane - centres[1], axis=1) < np.linalg.norm(plane - centres[0], axis=1)
    assert (nearer == LABELS).all()
    assert (features == kept).all()


@pytest.mark.slow
def test_a_seed_gives_one_plane_and_leaves_chance_to_others() -> None:
    before = np.random.get_state(legacy=False)["state"]["key"]  # noqa: NPY002

    first, second, other = (embed(planted(1), seed) for seed in (1, 1, 2))

    assert (first == second).all()
    assert (first != other).any()
    assert (np.random.get_state(legacy=False)["state"]["key"] == before).all()  # noqa: NPY002


@pytest.mark.slow
def test_the_plane_does_not_see_the_length_of_features() -> None:
    lengths = 2.0 ** np.random.default_rng(5).integers(-3, 4, (40, 1))  # powers of 2, so that no digit is lost

    assert (embed(planted(1) * lengths, seed=1) == embed(planted(1), seed=1)).all()


@pytest.mark.slow
def test_one_slice_more_than_neighbours_makes_a_plane() -> None:
    assert embed(planted(1)[:16], seed=0).shape == (16, 2)


def test_too_few_slices_for_a_plane_are_refused() -> None:
    with pytest.raises(ValueError, match="15 neighbours need at least 16 slices, got 15"):
        embed(planted(1)[:15], seed=0)


@pytest.mark.slow
def test_no_warning_leaks() -> None:
    """In a fresh process, where nothing has been imported and warned before."""
    script = (
        "import numpy as np\nfrom lgeqa.evaluation.embedding import embed\n"
        "embed(np.random.default_rng(0).normal(size=(20, 4)), 0)"
    )
    done = subprocess.run([sys.executable, "-W", "always", "-c", script], capture_output=True, text=True, check=True)

    assert done.stderr == ""
