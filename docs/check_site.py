"""Check the built site: `python docs/check_site.py SITE`.

It ends with 1 and a line for each problem. Every public name of `lgeqa` has a place on the page of the Python
interface, no page loads anything from elsewhere, and each notebook shows a picture.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import lgeqa

#: Attributes by which a page loads something, less the links that a person follows.
_LOADED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"?(?:https?:)?//[^\s\">]+|url\(\"?(?:https?:)?//[^)]+"
)
_STYLES = re.compile(r"<link\b[^>]*\brel=\"?(?:stylesheet|preconnect|icon)\b[^>]*\bhref=\"?(?:https?:)?//[^\s\">]+")


def problems(site: Path) -> Iterator[str]:
    """Yield what is wrong with a built site, one sentence each."""
    api = (site / "reference/api/index.html").read_text(encoding="utf-8")
    for name in lgeqa.__all__:
        if f'id="lgeqa.{name}"' not in api:
            yield f"reference/api: lgeqa.{name} is public and not documented."
    for page in sorted([*site.rglob("*.html"), *site.rglob("*.css")]):
        text = page.read_text(encoding="utf-8")
        for loaded in (*_LOADED.findall(text), *_STYLES.findall(text)):
            yield f"{page.relative_to(site)}: loads something from elsewhere: {loaded}"
    for page in sorted((site / "notebooks").glob("*/index.html")):
        if "<img" not in page.read_text(encoding="utf-8"):
            yield f"{page.relative_to(site)}: shows no picture."


if __name__ == "__main__":
    lines = list(problems(Path(sys.argv[1])))
    print("\n".join(lines) or "The site is whole.")
    sys.exit(bool(lines))
