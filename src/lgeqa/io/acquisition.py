"""Settings of the acquisition from the header of a DICOM file.

No date, time or identifier leaves this module, except in a `SeriesHeader`, which a caller reads if its user allows it.
"""

import re
from hashlib import sha256
from pathlib import Path
from typing import Final

from pydicom import Dataset

from lgeqa.io.dicom_file import open_dicom, read_header
from lgeqa.io.dicom_frames import FRAME_ELEMENTS, frame_headers
from lgeqa.io.dicom_header import damage_told, numbers_in, quiet
from lgeqa.io.formatting import printable_path, short_line
from lgeqa.io.series_header import SeriesHeader
from lgeqa.records import Acquisition

#: Elements that are read, and the largest plausible value of each. 0 means that the scanner did not know. The last is
#: the time from heartbeat to heartbeat in ms, which enhanced files give instead of the heart rate.
_LARGEST: Final = {
    "InversionTime": 5000.0,
    "HeartRate": 300.0,
    "MagneticFieldStrength": 20.0,
    "RRIntervalTimeNominal": 5000.0,
}
_INJECTED, _SCANNED, _SCANNED_ON = "ContrastBolusStartTime", "AcquisitionTime", "AcquisitionDateTime"
#: Sequences of an enhanced file around the time of the injection.
_AGENT, _INJECTION = "ContrastBolusAgentSequence", "ContrastAdministrationProfileSequence"
_SCANNER: Final = ("Manufacturer", "ManufacturerModelName")
#: Longest plausible time from the injection to the scan, in minutes.
_LONGEST: Final = 180.0
_DAY: Final = 24 * 60.0
#: Elements of `SeriesHeader` with names or a time, by field.
_NAMES: Final = {
    "series": "SeriesDescription",
    "protocol": "ProtocolName",
    "sequence": "SequenceName",
    "site": "InstitutionName",
}
#: Number of characters of the digest of a patient's identifier.
_DIGEST_SIGNS: Final = 6
_TIME: Final = re.compile(r"(\d\d)(\d\d)(\d\d(?:\.\d{1,6})?)?")


def read_acquisition(path: Path) -> Acquisition | None:
    """Return the settings that the header of an image gives, or None if it gives none of them.

    For an enhanced file they are those of the first frame. A value that is not a number, or not plausible, counts
    as missing.

    Raises:
        ReadError: The file is damaged.
        OSError: The file cannot be opened.
    """
    where = printable_path(path)
    with quiet(), damage_told(path), open_dicom(path) as file:
        elements = [*_LARGEST, _INJECTED, _AGENT, _SCANNED, _SCANNED_ON, *_SCANNER, "SoftwareVersions"]
        dataset = next(frame_headers(read_header(file, [*elements, *FRAME_ELEMENTS], where), where))
        inversion, rate, field, beat_ms = (_plausible(dataset, keyword) for keyword in _LARGEST)
        acquisition = Acquisition(
            inversion_time_ms=inversion,
            heart_rate_bpm=rate or (round(60_000 / beat_ms, 1) if beat_ms else None),
            field_strength_t=field,
            minutes_since_contrast=_minutes_since_contrast(dataset),
            scanner=" ".join(filter(None, (_text(dataset, keyword) for keyword in _SCANNER))),
            software=_text(dataset, "SoftwareVersions"),
        )
    return None if acquisition == Acquisition() else acquisition


def read_series_header(path: Path) -> SeriesHeader:
    """Return how and where the series of an image was acquired. Only the caller knows whether its user allows that.

    The patient's identifier leaves as the start of its digest.

    Raises:
        ReadError: The file is damaged.
        OSError: The file cannot be opened.
    """
    acquisition = read_acquisition(path) or Acquisition()
    with quiet(), damage_told(path), open_dicom(path) as file:
        elements = [*_NAMES.values(), _SCANNED, _SCANNED_ON, "PatientID"]
        dataset = read_header(file, elements, printable_path(path))
        time, patient = _TIME.fullmatch(_scanned_at(dataset)), _text(dataset, "PatientID")
        return SeriesHeader(
            **{field: _text(dataset, keyword) for field, keyword in _NAMES.items()},
            inversion_time_ms=acquisition.inversion_time_ms,
            acquired_at=":".join(part[:2] for part in time.groups(default="00")) if time else "",
            field_strength_t=acquisition.field_strength_t,
            patient=sha256(patient.encode()).hexdigest()[:_DIGEST_SIGNS] if patient else "",
            scanner=acquisition.scanner,
        )


def _plausible(dataset: Dataset, keyword: str) -> float | None:
    value = next(iter(numbers_in(dataset, keyword) or ()), 0.0)
    return value if 0 < value <= _LARGEST[keyword] else None


def _text(dataset: Dataset, keyword: str) -> str:
    """Return the start of a text, or of the first of several, without control characters."""
    value = dataset.get(keyword) or ""
    first = value if isinstance(value, str) else next(iter(value), "")
    return short_line(str(first))


def _minutes_since_contrast(dataset: Dataset) -> float | None:
    injection = dataset
    for keyword in (_AGENT, _INJECTION):
        injection = next(iter(injection.get(keyword) or ()), injection)
    injected = _minutes(str(injection.get(_INJECTED) or ""))
    scanned = _minutes(_scanned_at(dataset))
    if injected is None or scanned is None:
        return None
    minutes = (scanned - injected) % _DAY  # a visit may pass midnight
    return minutes if minutes <= _LONGEST else None


def _scanned_at(dataset: Dataset) -> str:
    """Return the time of day of the acquisition, which enhanced files give behind its date and before an offset."""
    date_time = re.split("[-+]", _text(dataset, _SCANNED_ON))[0]
    return _text(dataset, _SCANNED) or date_time[len("YYYYMMDD") :]


def _minutes(time: str) -> float | None:
    """Return a DICOM time in minutes since midnight."""
    match = _TIME.fullmatch(time.strip())
    if match is None:
        return None
    hours, minutes, seconds = match.groups(default="0")
    return 60 * int(hours) + int(minutes) + float(seconds) / 60
