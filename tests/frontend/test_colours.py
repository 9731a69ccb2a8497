"""The colours of overlays have one source."""

import re
from pathlib import Path
from typing import get_args

import pytest

from lgeqa.frontend.colours import Overlay, overlay_colour
from lgeqa.frontend.shared_files import shared_text

SOURCE = Path(__file__).parents[2] / "src/lgeqa"
OVERLAYS: tuple[Overlay, ...] = get_args(Overlay)


def test_the_style_sheet_has_the_colours_that_scripts_and_figures_read() -> None:
    assert re.findall(r"--([\w-]+):", shared_text("colours.css")) == list(OVERLAYS)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_other_file_repeats_a_colour(overlay: Overlay) -> None:
    colour = overlay_colour(overlay)
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    written = re.compile(rf"{colour}|\b{red},? {green},? {blue}\b", re.IGNORECASE)
    files = [path for kind in ("css", "html", "js", "py") for path in SOURCE.rglob(f"*.{kind}")]

    assert [path.name for path in files if "vendor" not in path.parts and written.search(path.read_text("utf-8"))] == [
        "colours.css"
    ]
