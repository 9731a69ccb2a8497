"""A shard of a run: every n-th of its scans, for one of n processes that know nothing of each other."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self, TypeVar

from lgeqa.errors import UsageError

Item = TypeVar("Item")


@dataclass(frozen=True)
class Shard:
    """A share of the scans of a run.

    Attributes:
        number: Number of the shard, from 1.
        count: Number of shards.
    """

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the shard of a text such as `2/8`.

        Raises:
            UsageError: The text names no shard.
        """
        matched = re.fullmatch(r"(\d+)/(\d+)", text)
        number, count = map(int, matched.groups()) if matched else (0, 0)
        if not 1 <= number <= count:
            raise UsageError(f"--shard {text}: is no shard. Give its number, from 1, and their count, such as 2/8.")
        return cls(number, count)

    def take(self, items: Sequence[Item]) -> Sequence[Item]:
        """Return the items of this shard."""
        return items[self.number - 1 :: self.count]

    def place(self, index: int) -> int:
        """Return the place among all items of an item of this shard, both from 0."""
        return index * self.count + self.number - 1


#: All scans of a run.
WHOLE: Final = Shard(1, 1)
