"""Codes for what lgeqa finds: those of public schemes where there are some, else those of its own scheme."""

from typing import Final

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.sr import CodedConcept
from pydicom.sr.codedict import codes

from lgeqa.measures.catalogue import BY_NAME

#: Designator of the private scheme. Its code values are the names in records, such as `edge_width_mm`.
SCHEME: Final = "99LGEQA"
SCHEME_ITEM: Final = CodingSchemeIdentificationItem(
    SCHEME, name="Names in the records of lgeqa", responsible_organization="The lgeqa authors"
)
#: Verdicts by CID 7036, Image Quality Assessment.
VERDICTS: Final = {
    "diagnostic": codes.cid7036.DiagnosticQuality,
    "non-diagnostic": codes.cid7036.NonDiagnosticQuality,
}
#: Measures with a concept in a public scheme.
_PUBLIC: Final = {
    "asnr": codes.DCM.SignalToNoise,
    "atrium_volume_ml": codes.SCT.Volume,
}
_PERCENT: Final = CodedConcept("%", "UCUM", "percent")
#: UCUM unit of a pure number.
NUMBER: Final = CodedConcept("1", "UCUM", "no units")
_UNITS: Final = {
    "": NUMBER,
    "grey levels": CodedConcept("{grey level}", "UCUM", "grey levels"),
    "mm": CodedConcept("mm", "UCUM", "millimeter"),
    "ml": CodedConcept("mL", "UCUM", "milliliter"),
    "%": _PERCENT,
    "% of blood": _PERCENT,
    "% of signal": _PERCENT,
}


def own_code(name: str, meaning: str) -> CodedConcept:
    """Return the code of a name in the records of lgeqa."""
    return CodedConcept(name, SCHEME, meaning)


def measure_code(name: str) -> CodedConcept:
    """Return the code of an image quality measure."""
    public = _PUBLIC.get(name)
    return CodedConcept.from_code(public) if public else own_code(name, BY_NAME[name].title)


def measure_unit(name: str) -> CodedConcept:
    """Return the UCUM unit of an image quality measure."""
    return _UNITS[BY_NAME[name].unit]
