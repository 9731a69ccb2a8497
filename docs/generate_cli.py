"""Writes `docs/reference/cli.md` from the command line itself: `python docs/generate_cli.py`."""

from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from typing import Any

from typer.main import get_command

from lgeqa.cli import app

PAGE = Path(__file__).parent / "reference" / "cli.md"

_HEAD = """# Command line

Made from the programme by `python docs/generate_cli.py`; a test compares the two.
"""


def page() -> str:
    """The reference page, in Markdown."""
    return "\n".join(
        [_HEAD, *(part for command, path in _commands(get_command(app)) for part in _section(command, path))]
    )


def _commands(command: Any, path: str = "lgeqa") -> Iterator[tuple[Any, str]]:
    """A command and all those below it, each with the words that call it."""
    yield command, path
    for name, child in sorted(getattr(command, "commands", {}).items()):
        yield from _commands(child, f"{path} {name}")


def _section(command: Any, path: str) -> Iterator[str]:
    yield f"## {path}\n"
    yield f"{cleandoc(command.help or '')}\n"
    arguments = [_value(parameter) + "..." * (parameter.nargs < 0) for parameter in _arguments(command)]
    verb = "COMMAND" if hasattr(command, "commands") else ""
    yield f"```\n{' '.join(filter(None, [path, *arguments, '[OPTIONS]', verb]))}\n```\n"
    rows = [_row(parameter) for parameter in command.params]
    if rows:
        yield "| Give | for |\n|---|---|"
        yield from rows
        yield ""


def _arguments(command: Any) -> list[Any]:
    return [parameter for parameter in command.params if parameter.param_type_name == "argument"]


def _row(parameter: Any) -> str:
    is_argument = parameter.param_type_name == "argument"
    names = (
        "" if is_argument else ", ".join(sorted((*parameter.opts, *parameter.secondary_opts), key=len, reverse=True))
    )
    notes = [parameter.help or ""]
    if parameter.required:
        notes.append("Required.")
    if parameter.default not in (None, False, ()) and not callable(parameter.default):
        notes.append(f"Default: `{parameter.default}`.")
    return f"| `{' '.join(filter(None, [names, _value(parameter)]))}` | {' '.join(filter(None, notes))} |"


def _value(parameter: Any) -> str:
    """What stands for the parameter's value; empty for a flag."""
    if getattr(parameter, "is_flag", False):
        return ""
    return str(parameter.metavar or parameter.name.upper())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
