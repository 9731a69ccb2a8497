"""Scans whose headers and paths hold marked identifiers wherever DICOM allows any."""

from pathlib import Path
from typing import Any, Final

from pydicom import Dataset, config
from pydicom._dicom_dict import DicomDictionary
from pydicom.uid import UID

from tests.factories.dicom_series import toy_series
from tests.images import group, sitk
from tests.toy import toy_scan

#: Marked values by value representation.
_MARKS: Final[dict[str, Any]] = {
    **dict.fromkeys(("AE", "CS", "LO", "LT", "SH", "ST", "UC", "UT"), "ZZTOP"),
    "PN": "ZZTOP^ZZTOP",
    "UR": "http://zztop.example/",
    "UI": "1.2.3.770770",
    "AS": "077Y",
    "DA": "19770707",
    "TM": "070707.770770",
    "DT": "19770707070707.770770",
    "OB": b"ZZTOP!",
    "UN": b"ZZTOP!",
}
#: What no file of de-identified results holds, in lower case.
MARKS: Final = (b"zztop", b"770770", b"19770707", b"1977-07-07", b"077y")
#: Elements that say how the image is to be read, and who made the scanner, which is no identifier by PS3.15.
_UNMARKED: Final = {
    "SpecificCharacterSet",
    "SOPClassUID",
    "Modality",
    "PhotometricInterpretation",
    "Manufacturer",
    "ManufacturerModelName",
    "SoftwareVersions",
}
_LAST_GROUP: Final = 0x5000


def marked_scans(folder: Path) -> list[Path]:
    """Write scans with marked names and headers, two of them damaged and two unfit for some result."""
    home = folder / "ZZTOP^Zed"
    series = toy_series(home / "zztop 1", edit=_mark)
    for index, path in enumerate(series):
        path.rename(path.with_name(f"ZZTOP_{index}.dcm"))
    image = sitk.ReadImage(str(toy_scan(home / "zztop2.nrrd", 2)))
    for key in ("descrip", "intent_name", "aux_file", "patient"):
        image.SetMetaData(key, "ZZTOP")
    sitk.WriteImage(image, str(home / "ZZTOP3.nii.gz"))
    sitk.WriteImage(image, str(home / "zztop2.nrrd"))
    (home / "ZZTOP4.nrrd").write_text("NRRD0004\ntype: ZZTOP\nencoding: zztop\n\n", encoding="ascii")
    (home / "ZZTOP5.dcm").write_bytes(bytes(128) + b"DICM" + b"ZZTOP" * 9)
    toy_series(home / "zztop6", changes={"Modality": "ZZTOP"})
    toy_series(home / "zztop7", changes={"FrameOfReferenceUID": None, "PatientID": "ZZTOP"})
    return sorted(path for path in home.rglob("*") if path.is_file())


def _mark(image: Dataset, index: int) -> None:
    """Mark every element of the DICOM dictionary that can hold text, a UID, a date or bytes."""
    with config.disable_value_validation():
        for tag, (vr, _, _, _, keyword) in DicomDictionary.items():
            if not 0x0008 <= tag >> 16 < _LAST_GROUP or not tag & 0xFFFF or keyword in _UNMARKED:
                continue
            if vr in _MARKS:
                image.add_new(tag, vr, _MARKS[vr])
            elif vr == "SQ" and "FunctionalGroups" not in keyword:
                image.add_new(tag, vr, [group(PatientName="ZZTOP", InstitutionAddress="ZZTOP", StudyDate="19770707")])
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = UID(f"1.2.3.770770.{index}")
        image.private_block(0x0099, "ZZTOP", create=True).add_new(0x01, "LO", "ZZTOP")


def is_marked(content: bytes) -> list[bytes]:
    """Return the marks that some bytes hold."""
    return [mark for mark in MARKS if mark in content.lower()]
