"""Colours of the overlays on a scan, from the style sheet that the report and the pages use."""

import re
from functools import cache
from typing import Literal

from lgeqa.frontend.shared_files import shared_text

Overlay = Literal["heat-for", "heat-against", "atrium", "aorta", "pools"]


def overlay_colour(overlay: Overlay) -> str:
    """Return the colour of an overlay as `#rrggbb`."""
    return _overlay_colours()[overlay]


@cache
def _overlay_colours() -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", shared_text("colours.css")))
