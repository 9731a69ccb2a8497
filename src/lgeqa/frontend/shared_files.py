"""Scripts and styles that the report and the web application share."""

from importlib import resources
from pathlib import Path
from typing import Final

#: Folder of the shared scripts and styles.
SHARED: Final = Path(str(resources.files("lgeqa.frontend"))) / "shared"


def shared_text(name: str) -> str:
    """Return the text of a shared script or style."""
    return (SHARED / name).read_text(encoding="utf-8")
