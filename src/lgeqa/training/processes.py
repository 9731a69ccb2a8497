"""Rank of this process among those that train together."""

from lightning.fabric.utilities.rank_zero import rank_zero_only


def rank() -> int:
    """Return the number of this process over all machines, or 0 if it trains alone.

    The number is known before the processes connect to each other.
    """
    return int(getattr(rank_zero_only, "rank", None) or 0)


def is_main() -> bool:
    """Return whether this process is the one that writes the run."""
    return rank() == 0
