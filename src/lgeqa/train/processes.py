"""Which of the processes that train together this is."""

from lightning.fabric.utilities.rank_zero import rank_zero_only


def rank() -> int:
    """Number of this process, over all machines; 0 where it trains alone. Known before the processes have met."""
    return int(getattr(rank_zero_only, "rank", None) or 0)


def is_main() -> bool:
    """Whether this is the process that writes the run."""
    return rank() == 0
