"""Reading of the figures that a run logged during training."""

import csv
import re
from pathlib import Path

from lgeqa.errors import UsageError

#: Value of each figure by epoch and name, with the epochs in ascending order.
Metrics = dict[int, dict[str, float]]


def read_metrics(run: Path) -> Metrics:
    """Join the logs of a run, which has one log for each time that it was started or resumed.

    A log replaces the earlier logs from its first epoch on, since their figures of these epochs belong to work that was
    lost and repeated.

    Args:
        run: Folder with `logs/version_*/metrics.csv`, as Lightning's CSV logger writes them.

    Raises:
        UsageError: The folder holds no logged figures.
    """
    joined: Metrics = {}
    for path in sorted(run.glob("logs/version_*/metrics.csv"), key=_version):
        log = _read(path)
        joined = {epoch: row for epoch, row in joined.items() if epoch < min(log, default=epoch + 1)} | log
    if not joined:
        raise UsageError(f"{run}: holds no logs/version_*/metrics.csv with rows; nothing was trained there.")
    return joined


def _version(path: Path) -> int:
    return int(re.sub(r"\D", "", path.parent.name))


def _read(path: Path) -> Metrics:
    """Read one log, in which training and validation of an epoch have separate rows with empty cells for the other."""
    table: Metrics = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            figures = {name: float(value) for name, value in row.items() if value and name not in {"epoch", "step"}}
            table.setdefault(int(row["epoch"]), {}).update(figures)
    return dict(sorted(table.items()))
