"""The form of docstrings, beyond what ruff checks: entries that stand alone, and summaries of one sentence."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "lgeqa"
SECTIONS = ("Args:", "Attributes:", "Raises:")


def docstrings() -> Iterator[tuple[str, str]]:
    """Yield the place and the text of each docstring of the package."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and (
                text := ast.get_docstring(node)
            ):
                yield f"{path.relative_to(SOURCE)}: {node.name}", text


def entries(text: str) -> Iterator[tuple[str, str]]:
    """Yield the names and descriptions below the headings of `SECTIONS`."""
    for section in re.split(r"\n(?=\w+:\n)", text):
        heading, _, body = section.partition("\n")
        if heading in SECTIONS:
            for entry in re.split(r"\n    (?=\S)", f"\n{body.rstrip()}")[1:]:
                name, _, description = entry.partition(": ")
                yield name, " ".join(description.split())


def test_entries_are_of_one_name_and_are_complete() -> None:
    wrong = [
        f"{place}: {name}: {description}"
        for place, text in docstrings()
        for name, description in entries(text)
        if not re.fullmatch(r"\**[\w.*]+", name)
        or not re.match(r"[A-Z0-9`(.-]", description)
        or description[-1] not in ".:"
    ]
    assert wrong == []


def test_summaries_are_one_sentence() -> None:
    wrong = [place for place, text in docstrings() if ";" in text.partition("\n\n")[0]]
    assert wrong == []


def test_entries_are_read_by_section() -> None:
    text = "Do.\n\nArgs:\n    a: One\n        and two.\n    b, c: as above\n\nReturns:\n    It.\n\nRaises:\n    E: No."
    assert list(entries(text)) == [("a", "One and two."), ("b, c", "as above"), ("E", "No.")]
