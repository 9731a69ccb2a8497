"""Which file names are volumes."""

from pathlib import Path

#: Suffixes of volumes in one file, in lower case.
VOLUME_SUFFIXES = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd")


def volume_suffix(path: Path) -> str:
    """The suffix in lower case if the name is that of a volume, else an empty string."""
    name = path.name.lower()
    return next((suffix for suffix in VOLUME_SUFFIXES if name.endswith(suffix)), "")


def stem(path: Path) -> str:
    """The file's name without the suffix of a volume."""
    return path.name[: len(path.name) - len(volume_suffix(path))]
