"""Names of the strategies of stage 2, for what must not load their trainings."""

from typing import Final, Literal

StrategyName = Literal["baseline", "multitask", "contrastive", "hybrid"]

#: What `lgeqa train --help` says about each strategy, in the paper's order.
SUMMARIES: Final[dict[StrategyName, str]] = {
    "baseline": "Stage 2, baseline: the network that scores slices, on scored scans with masks.",
    "multitask": "Stage 2, multi-task: the same network finds the blood pool as well.",
    "contrastive": "Stage 2, supervised contrastive: the encoder learns first, then the heads on it.",
    "hybrid": "Stage 2, hybrid: as contrastive, and the encoder learns to find the blood pool as well.",
}
