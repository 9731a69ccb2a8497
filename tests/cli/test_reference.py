import runpy
from pathlib import Path

from typer.main import get_command

from lgeqa.cli import app

DOCS = Path(__file__).parents[2] / "docs"


def test_the_committed_page_is_that_of_the_programme() -> None:
    page = runpy.run_path(str(DOCS / "generate_cli.py"))["page"]()
    assert page == (DOCS / "reference" / "cli.md").read_text(encoding="utf-8"), "run: python docs/generate_cli.py"


def test_every_parameter_has_a_word_of_help() -> None:
    def check(command: object, path: str) -> None:
        assert getattr(command, "help", None), path
        for parameter in getattr(command, "params", ()):
            assert parameter.help, f"{path} {parameter.name}"
        for name, child in getattr(command, "commands", {}).items():
            check(child, f"{path} {name}")

    check(get_command(app), "lgeqa")
