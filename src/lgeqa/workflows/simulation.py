"""Simulation of a cohort, or of one scan again from its recipe."""

from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from lgeqa.atomic_io import claimed
from lgeqa.cluster import OnCluster
from lgeqa.simulation.cohort_writing import Written, make_folder, read_recipe, write_cohort, write_scan
from lgeqa.simulation.recipe import CohortSettings, draw_cohort, installed_versions
from lgeqa.simulation.synthesis import find_real_scans


def simulate_cohort(
    settings: CohortSettings,
    out: Path,
    real_scans: Path | None = None,
    jobs: int = 1,
    follow: Callable[[Iterable[Written], int], Iterable[Written]] = lambda scans, _total: scans,
    cluster: OnCluster | None = None,
) -> list[Written]:
    """Draw a cohort and write its scans, recipes and scores.

    Args:
        settings: Settings of the cohort.
        out: Folder of the cohort. An interrupted run is resumed.
        real_scans: Folder of real scans with masks to start from. None for phantoms.
        jobs: Number of processes.
        follow: Function that passes on the scans, whose number it also gets, for instance to show the progress.
        cluster: Cluster on which scans are made, by `jobs` workers if it is started here. None for this machine.

    Raises the errors of `draw_cohort`, `claimed`, `write_cohort` and `find_real_scans`.
    """
    with claimed(out):
        recipes = draw_cohort(settings, find_real_scans(real_scans) if real_scans else ())
        with closing(write_cohort(recipes, out, real_scans, min(jobs, len(recipes)), cluster)) as scans:
            return list(follow(scans, len(recipes)))


def simulate_again(recipe: Path, out: Path, real_scans: Path | None = None) -> tuple[Written, dict[str, str]]:
    """Make the scan of one recipe again.

    Returns:
        The scan, and the versions of the packages that made it first and are now others.

    Raises the errors of `make_folder`, `write_scan` and `read_recipe`.
    """
    known = read_recipe(recipe)
    installed = installed_versions()
    other = {name: version for name, version in known.versions.items() if version != installed.get(name)}
    make_folder(out)
    return write_scan(known, out, real_scans), other
