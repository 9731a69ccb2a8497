"""What makes and checks the documentation site. `make site` builds it, with its notebooks run."""

import runpy
from pathlib import Path
from typing import Any

import pytest

from tests.docs.test_examples import ROOT

pytest.importorskip("mkdocs", reason="the extra dev is not installed")


@pytest.fixture(scope="module")
def hooks() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "docs/site_hooks.py"))


@pytest.mark.parametrize(
    ("page", "link", "on_site"),
    [
        ("index.md", "../SECURITY.md", "SECURITY.md"),
        ("explanation/threat-model.md", "../../SECURITY.md", "../SECURITY.md"),
        ("explanation/threat-model.md", "../how-to/serve.md", "../how-to/serve.md"),
        ("CONTRIBUTING.md", "docs/decisions/README.md", "decisions/README.md"),
        ("CONTRIBUTING.md", "LICENSE", "LICENSE"),
    ],
)
def test_links_fit_the_site(hooks: dict[str, Any], page: str, link: str, on_site: str) -> None:
    assert hooks["site_links"](f"See [a page]({link}#part).", page) == f"See [a page]({on_site}#part)."


def test_folder_in_navigation_is_newest_first(hooks: dict[str, Any], tmp_path: Path) -> None:
    for name in ("README.md", "0001-a.md", "0002-b.md"):
        (tmp_path / "decisions").mkdir(exist_ok=True)
        (tmp_path / "decisions" / name).touch()

    nav = hooks["_expanded"](["index.md", {"Decisions": "decisions/"}], tmp_path)

    pages = [f"decisions/{name}" for name in ("README.md", "0002-b.md", "0001-a.md")]
    assert nav == ["index.md", {"Decisions": pages}]


def test_notebook_shows_what_its_cells_print(hooks: dict[str, Any]) -> None:
    text = "# Title\n\n```bash\necho $((6 * 7))\n```\n\n```python\nprint('a' * 3)\n```\n"

    markdown, pictures, notebook = hooks["run_notebook"](text)

    assert "```bash\necho" in markdown
    assert "    42\n" in markdown
    assert "    aaa\n" in markdown
    assert pictures == {}
    assert '"cell_type": "code"' in notebook


def test_failing_cell_ends_the_build(hooks: dict[str, Any]) -> None:
    with pytest.raises(Exception, match="1 / 0"):
        hooks["run_notebook"]("```python\n1 / 0\n```\n")


def site(folder: Path, *, api: str = "", page: str = "", notebook: str = "<img src='a.png'>") -> Path:
    """Write the pages of a site that the check reads."""
    for name, text in (("reference/api", api), ("page", page), ("notebooks/a", notebook)):
        (folder / name).mkdir(parents=True)
        (folder / name / "index.html").write_text(text)
    return folder


@pytest.fixture(scope="module")
def names() -> str:
    return "".join(f'<h2 id="lgeqa.{name}">' for name in runpy.run_path(str(ROOT / "src/lgeqa/__init__.py"))["__all__"])


@pytest.fixture(scope="module")
def check() -> Any:
    return runpy.run_path(str(ROOT / "docs/check_site.py"))["problems"]


def test_whole_site_passes(check: Any, names: str, tmp_path: Path) -> None:
    followed = '<a href="https://arxiv.org">paper</a><script src="../a.js"></script>'

    assert list(check(site(tmp_path, api=names, page=followed))) == []


def test_undocumented_name_is_found(check: Any, tmp_path: Path) -> None:
    assert "reference/api: lgeqa.assess is public and not documented." in list(check(site(tmp_path)))


@pytest.mark.parametrize(
    "page",
    [
        '<script async src="https://example.org/a.js"></script>',
        '<img src="//example.org/a.png">',
        '<link rel="stylesheet" href="https://example.org/a.css">',
        "<style>@font-face { src: url(https://example.org/a.woff) }</style>",
    ],
)
def test_page_that_loads_from_elsewhere_is_found(check: Any, names: str, tmp_path: Path, page: str) -> None:
    [problem] = check(site(tmp_path, api=names, page=page))

    assert problem.startswith("page/index.html: loads something from elsewhere: ")


def test_notebook_without_a_picture_is_found(check: Any, names: str, tmp_path: Path) -> None:
    assert list(check(site(tmp_path, api=names, notebook=""))) == ["notebooks/a/index.html: shows no picture."]
