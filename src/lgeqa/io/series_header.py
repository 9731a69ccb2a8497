"""Values of a DICOM header that describe the acquisition, and what names say about a series."""

import re
from collections.abc import Iterable
from typing import Final, Literal

from lgeqa.config import Frozen

#: Words in the names of late-enhancement series, and in those of others, which decide where both occur.
_LGE_WORDS: Final = re.compile(
    r"(?<![a-z])(lge|dhe|mde|psir|psmde|viab\w*|(late|delayed|delay)\W*(gad|gd|enh|hyper)\w*)", re.IGNORECASE
)
_OTHER_WORDS: Final = re.compile(
    r"(?<![a-z])(scout|localis|localiz|survey|cine|look\W?locker|tiscout|molli|t[12]\W?map|stir|haste|perf|mra(?![a-z])"
    r"|angio|flow|phase\W?contrast|pre\W?contrast|calib|navi(?![a-z]))",
    re.IGNORECASE,
)

#: Whether a series is late gadolinium enhancement: by its names and its looks, by one of them, or by neither.
SeriesKind = Literal["LGE", "LGE by name only", "LGE by looks only", "not LGE", "unclear"]


class SeriesHeader(Frozen):
    """Values of a DICOM header that describe how and where a series was acquired. Empty or None if not given.

    Attributes:
        series: Series description.
        protocol: Name of the protocol.
        sequence: Name of the sequence.
        inversion_time_ms: Inversion time in milliseconds.
        acquired_at: Time of day of the acquisition, as `14:05:09`.
        field_strength_t: Strength of the magnetic field in tesla.
        patient: Start of a digest of the patient's identifier, by which the scans of a patient are grouped.
        site: Name of the institution.
        scanner: Manufacturer and model of the scanner.
    """

    series: str = ""
    protocol: str = ""
    sequence: str = ""
    inversion_time_ms: float | None = None
    acquired_at: str = ""
    field_strength_t: float | None = None
    patient: str = ""
    site: str = ""
    scanner: str = ""


def series_kind(names: Iterable[str], accepted: bool | None) -> SeriesKind:
    """Return whether a series is late gadolinium enhancement.

    Args:
        names: Descriptions, protocols and file names. A word of another series, such as `TI scout`, decides.
        accepted: Whether the gate lets it pass, since it looks like a left-atrial LGE scan. None if that is unknown.
    """
    text = " ".join(names).replace("_", " ")
    is_other = bool(_OTHER_WORDS.search(text))
    if not is_other and _LGE_WORDS.search(text):
        return "LGE" if accepted else "LGE by name only"
    if accepted:
        return "LGE by looks only"
    return "unclear" if accepted is None and not is_other else "not LGE"
