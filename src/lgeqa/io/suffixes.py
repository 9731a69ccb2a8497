"""File names of volumes."""

from pathlib import Path

#: Suffixes of volumes, in lower case.
VOLUME_SUFFIXES = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd")


def volume_suffix(path: Path) -> str:
    """Return the volume suffix of a file name in lower case, or an empty string if it has none."""
    name = path.name.lower()
    return next((suffix for suffix in VOLUME_SUFFIXES if name.endswith(suffix)), "")


def stem(path: Path) -> str:
    """Return the file name without its volume suffix."""
    return path.name[: len(path.name) - len(volume_suffix(path))]
