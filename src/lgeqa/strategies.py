"""Names of the strategies of stage 2, for what must not load their trainings."""

from importlib.metadata import EntryPoint, entry_points
from typing import Final, Literal

StrategyName = Literal["baseline", "multitask", "contrastive", "hybrid", "soft", "ordinal", "mil"]

#: What `lgeqa train --help` says about each strategy, in the paper's order, and then beyond the paper.
SUMMARIES: Final[dict[StrategyName, str]] = {
    "baseline": "Stage 2, baseline: the network that scores slices, on scored scans with masks.",
    "multitask": "Stage 2, multi-task: the same network finds the blood pool as well.",
    "contrastive": "Stage 2, supervised contrastive: the encoder learns first, then the heads on it.",
    "hybrid": "Stage 2, hybrid: as contrastive, and the encoder learns to find the blood pool as well.",
    "soft": "Stage 2, beyond the paper: as baseline, on the share of the readers who call a scan diagnostic.",
    "ordinal": "Stage 2, beyond the paper: as baseline, on the scores of 1 to 5, which it then estimates.",
    "mil": "Stage 2, beyond the paper: a scan is scored as a whole, with its slices weighted by attention.",
}

#: Strategies that the paper tests or names.
OF_THE_PAPER: Final[tuple[StrategyName, ...]] = ("baseline", "multitask", "contrastive", "hybrid")

#: Group of the entry points that add a strategy: a name, and an object of `lgeqa.training.quality.Strategy`.
STRATEGIES_GROUP: Final = "lgeqa.strategies"


def added_strategies() -> dict[str, EntryPoint]:
    """Return the entry points of strategies that installed packages add, by name, without the names used here."""
    return {entry.name: entry for entry in entry_points(group=STRATEGIES_GROUP) if entry.name not in SUMMARIES}


def summaries() -> dict[str, str]:
    """Return what `lgeqa train --help` says about each strategy, those of installed packages last."""
    added = {
        name: f"Stage 2, {name}: from the package {entry.dist.name if entry.dist else entry.module}."
        for name, entry in added_strategies().items()
    }
    return dict(SUMMARIES) | added
