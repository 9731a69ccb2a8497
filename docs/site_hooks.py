"""Hooks of the documentation site: pages of the repository's root, notebooks, and folders in the navigation.

MkDocs loads this file (`hooks` in `mkdocs.yml`). A page stays what a plain Git host shows: links of the root's pages
and links to them are rewritten for the site only. A notebook is a page of `docs/notebooks` whose Python and Bash blocks
are its cells. It is run from its first cell to its last in a temporary folder, and the site shows what each cell
printed and drew. A cell that fails ends the build.
"""

import hashlib
import os
import re
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jupytext
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from nbclient import NotebookClient
from nbconvert import MarkdownExporter
from nbformat import NotebookNode

ROOT = Path(__file__).parents[1]
#: Files outside of `docs` that the site has as well, by their paths from the repository's root.
ROOT_FILES = (
    "CHANGELOG.md",
    "CITATION.cff",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "Containerfile",
    "LICENSE",
    "SECURITY.md",
    "integrations/monai_deploy/app.py",
    "integrations/monai_label/main.py",
    "integrations/slicer/LgeQa/LgeQa.py",
    "integrations/xnat/command.json",
)
#: Folder of the notebooks below `docs`.
NOTEBOOKS = "notebooks/"
_TIMEOUT_S = 300


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Replace each folder in the navigation by its pages, and show the menu of versions where mike builds the site."""
    config.nav = _expanded(config.nav, Path(config.docs_dir))
    if "MIKE_DOCS_VERSION" in os.environ:
        config.extra["version"] = {"provider": "mike"}
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files of the root, and the pictures and the Jupyter form of each notebook."""
    for name in ROOT_FILES:
        files.append(File.generated(config, name, content=(ROOT / name).read_text(encoding="utf-8")))
    for file in [file for file in files.documentation_pages() if file.src_uri.startswith(NOTEBOOKS)]:
        _, outputs, notebook = run_notebook(file.content_string)
        for name, content in outputs.items():
            files.append(File.generated(config, f"{NOTEBOOKS}{name}", content=content))
        files.append(File.generated(config, file.src_uri.replace(".md", ".ipynb"), content=notebook))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Show a notebook with its outputs, and rewrite the links between `docs` and the root."""
    if page.file.src_uri.startswith(NOTEBOOKS):
        name = page.file.src_uri.removeprefix(NOTEBOOKS).replace(".md", ".ipynb")
        markdown = run_notebook(markdown)[0] + f"\n[This page as a Jupyter notebook]({name})\n"
    return site_links(markdown, page.file.src_uri)


def site_links(markdown: str, page: str) -> str:
    """Return a page with links that fit the site, where the files of the root are in `docs` itself."""
    if page in ROOT_FILES:
        return markdown.replace("](docs/", "](")
    names = "|".join(map(re.escape, ROOT_FILES))
    above = "../" * page.count("/")
    return re.sub(rf"\]\({re.escape(above)}\.\./({names})", rf"]({above}\1", markdown)


@cache
def run_notebook(text: str) -> tuple[str, dict[str, bytes], str]:
    """Run a notebook that is written as Markdown.

    Args:
        text: Markdown whose Python and Bash blocks are the cells.

    Returns:
        Markdown with the outputs, the pictures by file name, and the notebook with its outputs in Jupyter's format.
    """
    notebook: NotebookNode = jupytext.reads(text, fmt="md")
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        client = NotebookClient(notebook, timeout=_TIMEOUT_S, coalesce_streams=True, resources=resources)
        client.km = client.create_kernel_manager()
        client.km.transport, client.km.ip = "ipc", f"{folder}/kernel"  # no ports, so no other user can read along
        client.execute(env=os.environ | {"PATH": path})
    key = hashlib.sha256(text.encode()).hexdigest()[:8]
    exporter: Any = MarkdownExporter  # comes without types
    markdown, made = exporter().from_notebook_node(notebook, {"unique_key": key})
    markdown = markdown.replace("```bash\n%%bash\n", "```bash\n").replace("![png](", "![Picture that the cell drew](")
    return markdown, made["outputs"], jupytext.writes(notebook, fmt="ipynb")


def _expanded(nav: Any, docs: Path) -> Any:
    """Return a part of the navigation, each path that ends in a slash as README.md and its pages, newest first."""
    if isinstance(nav, list):
        return [_expanded(entry, docs) for entry in nav]
    if isinstance(nav, dict):
        return {title: _expanded(entry, docs) for title, entry in nav.items()}
    if not nav.endswith("/"):
        return nav
    pages = sorted((page.name for page in (docs / nav).glob("*.md") if page.name != "README.md"), reverse=True)
    return [f"{nav}{name}" for name in ("README.md", *pages)]
