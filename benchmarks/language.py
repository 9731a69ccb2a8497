"""Count how far the language of the code follows the rules that public packages follow.

    python benchmarks/language.py [SOURCE]

The page goes to standard output: docstrings of functions that start with a verb in the imperative (by ruff's D401),
properties among them, which do not; semicolons in summaries; local names that say nothing; and subjects of commits that
start with a word other than a verb's -ed, -s or -ing form.
"""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

EMPTY_NAMES = {"one", "found", "told", "held", "given", "kept", "own"}
#: Subjects that are looked at.
COMMITS = 50


def main() -> None:
    """Print the table of counts."""
    source = Path(sys.argv[1] if len(sys.argv) > 1 else "src/lgeqa")
    functions = list(_functions(source))
    documented = [function for function in functions if ast.get_docstring(function)]
    plain = [function for function in documented if not _is_property(function)]
    summaries = [(ast.get_docstring(function) or "").partition("\n\n")[0] for function in documented]
    names = [name for function in functions for name in _locals(function)]
    subjects = subprocess.run(
        ["git", "log", f"-{COMMITS}", "--format=%s"], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    rows = {
        "Docstrings of functions that start with a verb": (len(plain) - _not_imperative(source)) / len(documented),
        "Summaries with a semicolon": sum(";" in summary for summary in summaries) / len(summaries),
        "Local names " + "/".join(sorted(EMPTY_NAMES)): sum(name in EMPTY_NAMES for name in names) / len(names),
        f"Subjects of the last {len(subjects)} commits that start like an imperative": sum(
            map(_is_imperative, subjects)
        )
        / len(subjects),
    }
    print("| What | Share |\n|---|---|")
    for title, share in rows.items():
        print(f"| {title} | {100 * share:.1f} % |")


def _functions(source: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for path in sorted(source.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


def _is_property(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("property" in ast.dump(decorator) for decorator in function.decorator_list)


def _locals(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _not_imperative(source: Path) -> int:
    """Return the number of docstrings that ruff finds not to be in the imperative."""
    options = ["--isolated", "--select", "D401", "--output-format", "json", "--exit-zero"]
    command = [sys.executable, "-m", "ruff", "check", *options, str(source)]
    return len(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def _is_imperative(subject: str) -> bool:
    return not re.match(r"(\w+(ed|ing)|[A-Za-z]+[^s]s|The|A|An|No|All|What|One)\b", subject)


if __name__ == "__main__":
    main()
