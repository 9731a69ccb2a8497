"""Settings of the acquisition from the JSON file beside a NIfTI file, as BIDS and dcm2niix write it."""

import json
from pathlib import Path
from typing import Any, Final

from lgeqa.errors import ReadError
from lgeqa.io.formatting import short_line
from lgeqa.io.limits import MAX_HEADER_BYTES
from lgeqa.io.suffixes import stem, volume_suffix
from lgeqa.io.untrusted_files import open_regular
from lgeqa.records import Acquisition

_NIFTI: Final = (".nii", ".nii.gz")
#: Largest plausible inversion time in seconds, and field strength in tesla.
_LONGEST_S, _STRONGEST_T = 5.0, 20.0
_SCANNER: Final = ("Manufacturer", "ManufacturersModelName")


def json_sidecar(volume: Path) -> Path | None:
    """Return the JSON file that belongs to a volume, or None if there is none."""
    path = volume.with_name(f"{stem(volume)}.json")
    return path if volume_suffix(volume) in _NIFTI and path.is_file() else None


def read_json_sidecar(volume: Path) -> Acquisition | None:
    """Return the settings that the JSON file beside a volume gives, or None if it gives none or cannot be read.

    A value that is not a number, or not plausible, counts as missing.
    """
    path = json_sidecar(volume)
    content = _content(path) if path else {}
    inversion_s = _plausible(content.get("InversionTime"), _LONGEST_S)
    acquisition = Acquisition(
        inversion_time_ms=round(1000 * inversion_s, 3) if inversion_s else None,
        field_strength_t=_plausible(content.get("MagneticFieldStrength"), _STRONGEST_T),
        scanner=" ".join(filter(None, (_text(content.get(key)) for key in _SCANNER))),
        software=_text(content.get("SoftwareVersions")),
    )
    return None if acquisition == Acquisition() else acquisition


def _content(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file, empty if there is none or if it is longer than a header may be."""
    try:
        with open_regular(path) as file:
            content = json.loads(file.read(MAX_HEADER_BYTES))
    except (OSError, ReadError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _plausible(value: object, largest: float) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 < value <= largest else None  # type: ignore[arg-type,operator]


def _text(value: object) -> str:
    return short_line(value) if isinstance(value, str) else ""
