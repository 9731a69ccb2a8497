"""Settings of the acquisition in the header of a DICOM file."""

from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset

from lgeqa.io import discover, read_scan
from lgeqa.io.acquisition import read_acquisition
from lgeqa.records import Acquisition
from tests.images import volume, write_dicom_series


def acquisition(folder: Path, **elements: Any) -> Acquisition | None:
    def edit(dataset: Dataset, _index: int) -> None:
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)

    return read_acquisition(write_dicom_series(folder, volume(), edit=edit)[0])


def test_settings_reach_the_scan(tmp_path: Path) -> None:
    elements: dict[str, Any] = {"InversionTime": "280", "HeartRate": "71", "MagneticFieldStrength": "1.5"}
    elements |= {"Manufacturer": "Maker", "ManufacturerModelName": "Scanner 3", "SoftwareVersions": ["VA1", "VA2"]}
    expected = Acquisition(
        inversion_time_ms=280,
        heart_rate_bpm=71,
        field_strength_t=1.5,
        minutes_since_contrast=22.5,
        scanner="Maker Scanner 3",
        software="VA1",
    )
    times = {"ContrastBolusStartTime": "100000", "AcquisitionTime": "102230.00"}
    assert acquisition(tmp_path / "series", **elements, **times) == expected
    [source] = discover([tmp_path / "series"])
    assert read_scan(source).acquisition == expected


def test_series_without_settings_has_none(tmp_path: Path) -> None:
    assert acquisition(tmp_path) is None


@pytest.mark.parametrize(
    ("injected", "scanned", "minutes"),
    [
        ("235000", "001000", 20.0),
        ("1000", "1030", 30.0),
        ("100000", "095000", None),
        ("100000", "140000", None),
        ("", "101000", None),
    ],
)
def test_minutes_since_contrast(injected: str, scanned: str, minutes: float | None, tmp_path: Path) -> None:
    found = acquisition(tmp_path, HeartRate="60", ContrastBolusStartTime=injected, AcquisitionTime=scanned)
    assert found is not None
    assert found.minutes_since_contrast == minutes


@pytest.mark.parametrize("value", ["0", "-3", "99999"])
def test_implausible_values_count_as_missing(value: str, tmp_path: Path) -> None:
    assert acquisition(tmp_path, InversionTime=value) is None
