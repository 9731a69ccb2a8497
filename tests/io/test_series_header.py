from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset

from lgeqa.errors import ReadError
from lgeqa.io.acquisition import read_series_header
from lgeqa.io.series_header import SeriesHeader, SeriesKind, series_kind
from tests.images import write_dicom_series

VOXELS = np.zeros((2, 4, 4), np.int16)


def written(folder: Path, **values: object) -> Path:
    """Return an image whose header has these values."""

    def edit(dataset: Dataset, _: int) -> None:
        for keyword, value in values.items():
            setattr(dataset, keyword, value)

    return write_dicom_series(folder, VOXELS, edit=edit)[0]


def test_header_describes_the_acquisition(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        SeriesDescription="LGE  3D\tnav",
        ProtocolName="LA fibrosis",
        SequenceName="tfl3d1",
        InversionTime="280",
        AcquisitionTime="140509.2500",
        MagneticFieldStrength="1.5",
        InstitutionName="General Hospital",
        Manufacturer="Maker",
        ManufacturerModelName="Model",
        PatientID="12345",
        PatientName="Doe^Jane",
    )

    header = read_series_header(path)

    assert header.model_dump(exclude={"patient"}) == {
        "series": "LGE 3D nav",
        "protocol": "LA fibrosis",
        "sequence": "tfl3d1",
        "inversion_time_ms": 280.0,
        "acquired_at": "14:05:09",
        "field_strength_t": 1.5,
        "site": "General Hospital",
        "scanner": "Maker Model",
    }
    assert len(header.patient) == 6
    assert not {"12345", "Doe"} & set(header.model_dump_json().split('"'))


def test_missing_and_odd_values_are_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, AcquisitionTime="", SeriesDescription="x" * 64, InversionTime=None, PatientID="")

    header = read_series_header(path)

    assert header == SeriesHeader(series="x" * 64, scanner=header.scanner)


def test_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.dcm"
    path.write_bytes(bytes(128) + b"DICM" + b"\xff" * 40)

    with pytest.raises(ReadError):
        read_series_header(path)


@pytest.mark.parametrize(
    ("names", "accepted", "kind"),
    [
        (("s7_LGE_3D",), True, "LGE"),
        (("Late Gad. enhancement",), True, "LGE"),
        (("scan", "", "PSIR nav"), True, "LGE"),
        (("DELAYED_ENH",), False, "LGE by name only"),
        (("s3-1f0a9c",), True, "LGE by looks only"),
        (("LGE TI scout",), True, "LGE by looks only"),
        (("LGE TI scout",), False, "not LGE"),
        (("cine_4ch",), None, "not LGE"),
        (("bulge",), False, "not LGE"),
        (("s3-1f0a9c",), None, "unclear"),
        ((), None, "unclear"),
    ],
)
def test_series_is_known_by_names_and_looks(names: tuple[str, ...], accepted: bool | None, kind: SeriesKind) -> None:
    assert series_kind(names, accepted) == kind


def test_unprintable_characters_become_spaces(tmp_path: Path) -> None:
    header = read_series_header(written(tmp_path, SeriesDescription="LGE\x07nav"))

    assert header.series == "LGE nav"
