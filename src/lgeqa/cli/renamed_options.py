"""Former spellings of options, which work until version 0.2 and say what to write instead."""

from typing import Any, Final

import typer
from typer.core import TyperCommand

#: Current spelling of each former one.
_RENAMED: Final = {"--output": "--out"}


class RenamedOptionsCommand(TyperCommand):
    """A command that takes former spellings of its options, and says so on standard error."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words of the command line, with the current spelling in place of a former one."""
        return super().parse_args(ctx, [_current(word) for word in args])


def _current(word: str) -> str:
    """Return a word of the command line with the current spelling of its option."""
    name, equals, value = word.partition("=")
    if name not in _RENAMED:
        return word
    new = _RENAMED[name]
    typer.echo(f"lgeqa: {name} is now called {new}. The old name works until version 0.2.", err=True)
    return f"{new}{equals}{value}"
