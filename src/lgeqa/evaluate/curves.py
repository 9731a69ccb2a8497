"""What a run logged while it was trained."""

import csv
import re
from pathlib import Path

from lgeqa.errors import UsageError

#: Epoch to name of a figure to its value, epochs rising.
Metrics = dict[int, dict[str, float]]


def read_metrics(run: Path) -> Metrics:
    """Join the logs of a run, which has one for each time that it was taken up.

    A log that begins at some epoch stands for all from there on: what an earlier log says of that epoch and later ones
    belongs to work that was lost and done again.

    Args:
        run: folder with `logs/version_*/metrics.csv`, as Lightning's CSV logger writes them.

    Raises:
        UsageError: nothing was logged there.
    """
    joined: Metrics = {}
    for path in sorted(run.glob("logs/version_*/metrics.csv"), key=_version):
        found = _read(path)
        joined = {epoch: row for epoch, row in joined.items() if epoch < min(found, default=epoch + 1)} | found
    if not joined:
        raise UsageError(f"{run}: holds no logs/version_*/metrics.csv with rows; nothing was trained there.")
    return joined


def _version(path: Path) -> int:
    return int(re.sub(r"\D", "", path.parent.name))


def _read(path: Path) -> Metrics:
    """One log; an epoch has a row for training and one for validation, each with gaps for the other."""
    table: Metrics = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            told = {name: float(value) for name, value in row.items() if value and name not in {"epoch", "step"}}
            table.setdefault(int(row["epoch"]), {}).update(told)
    return dict(sorted(table.items()))
