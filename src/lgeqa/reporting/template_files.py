"""Templates of the pages, and what a page needs to allow its own style and script."""

import hashlib
from base64 import b64encode
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

#: Folder of the templates, their scripts and styles.
TEMPLATES: Final = Path(str(resources.files("lgeqa.reporting"))) / "templates"


def environment() -> Environment:
    """Return the environment of the templates, in which text from outside is escaped."""
    return Environment(
        loader=PackageLoader("lgeqa.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def template_text(name: str) -> str:
    """Return the text of a script or style of the templates."""
    return (TEMPLATES / name).read_text(encoding="utf-8")


def hash_of(text: str) -> str:
    """Return the hash by which a page's content security policy allows its own style or script."""
    return "sha256-" + b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


@cache
def templates_hash() -> str:
    """Return a hash of all templates, scripts and styles of this package."""
    files = sorted(path for path in TEMPLATES.iterdir() if path.is_file())
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
