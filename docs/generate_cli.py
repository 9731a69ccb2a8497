"""Write `docs/reference/cli.md` from the command line itself: `python docs/generate_cli.py`."""

from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from typing import Any, get_args, get_type_hints

from typer.main import get_command

from lgeqa.cli import app

PAGE = Path(__file__).parent / "reference" / "cli.md"

_HEAD = """# Command line

Made from the programme by `python docs/generate_cli.py`; a test compares the two.
"""


def page() -> str:
    """Return the reference page in Markdown."""
    return "\n".join(
        [_HEAD, *(part for command, path in _commands(get_command(app)) for part in _section(command, path))]
    )


def _commands(command: Any, path: str = "lgeqa") -> Iterator[tuple[Any, str]]:
    """Yield a command and all its subcommands, each with the words that call it."""
    yield command, path
    for name, child in sorted(getattr(command, "commands", {}).items()):
        yield from _commands(child, f"{path} {name}")


def _section(command: Any, path: str) -> Iterator[str]:
    values = {parameter.name: _value(parameter) for parameter in command.params}
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    usage = [values[argument.name] + "..." * (argument.nargs < 0) for argument in arguments]
    verb = "COMMAND" if hasattr(command, "commands") else ""
    yield f"## {path}\n"
    yield f"{cleandoc(command.help or '')}\n"
    yield f"```\n{' '.join(filter(None, [path, *usage, '[OPTIONS]', verb]))}\n```\n"
    if command.params:
        hints = get_type_hints(command.callback) if command.callback else {}
        yield "| Argument or option | Meaning |\n|---|---|"
        for parameter in command.params:
            choices = _choices(hints.get(parameter.name))
            yield _row(parameter, values[parameter.name], choices, parameter in arguments)
        yield ""


def _row(parameter: Any, value: str, choices: list[str], is_argument: bool) -> str:
    names = [] if is_argument else sorted((*parameter.opts, *parameter.secondary_opts), key=len, reverse=True)
    notes = [(parameter.help or "").replace("<", "&lt;")]
    if choices:
        notes.append(f"One of {', '.join(f'`{choice}`' for choice in choices)}.")
    if parameter.required:
        notes.append("Required.")
    if isinstance(parameter.default, str | int | float | Path) and parameter.default is not False:
        notes.append(f"Default: `{parameter.default}`.")
    return f"| `{' '.join(filter(None, [', '.join(names), value]))}` | {' '.join(filter(None, notes))} |"


def _value(parameter: Any) -> str:
    """Return the placeholder of the parameter's value, empty for a flag."""
    if getattr(parameter, "is_flag", False):
        return ""
    return str(parameter.metavar or parameter.name.strip("_").upper())


def _choices(annotation: Any) -> list[str]:
    """Return the strings that a type names, also within a union, empty if it takes others."""
    return [choice for part in get_args(annotation) for choice in ([part] if isinstance(part, str) else _choices(part))]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
