"""A report as one HTML file with embedded pictures."""

import base64
import re
from html import escape
from importlib import resources
from pathlib import Path

from markdown_it import MarkdownIt

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
{body}</body>
</html>
"""


def html(markdown: str, folder: Path) -> str:
    """Return the HTML page of a report.

    Args:
        markdown: Text of the report, whose first line is the title. HTML in it is shown as text.
        folder: Folder of the pictures that the report names.
    """
    style = (resources.files("lgeqa.experiment") / "report.css").read_text(encoding="utf-8")
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    wide = body.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")
    complete = re.sub(r'src="([\w.-]+\.png)"', lambda match: f'src="{_embedded(folder / match[1])}"', wide)
    return _PAGE.format(title=escape(markdown.splitlines()[0].lstrip("# ")), style=style, body=complete)


def _embedded(picture: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode("ascii")
