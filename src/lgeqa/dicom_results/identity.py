"""UIDs and series of the DICOM objects that lgeqa writes, and what each says about lgeqa."""

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Literal, Self
from uuid import UUID, uuid5

from highdicom import UID

from lgeqa.dicom_results.source_series import SourceSeries
from lgeqa.inference.pipeline import Assessment

Kind = Literal["sr", "seg", "heat_map", "pdf"]
#: What each object says about its use.
RESEARCH: Final = "RESEARCH, not for diagnostic use"
#: Number of each kind of object within the numbers of its series.
_NUMBERS: Final[dict[Kind, int]] = {"sr": 1, "seg": 2, "heat_map": 3, "pdf": 4}
#: Title of each kind of series.
_TITLES: Final[dict[Kind, str]] = {
    "sr": "lgeqa image quality",
    "seg": "lgeqa left atrium",
    "heat_map": "lgeqa heat map of quality",
    "pdf": "lgeqa one-page report",
}
#: Largest SeriesNumber of a source from which the numbers of series follow.
_HIGHEST_NUMBER: Final = 10**7
_NAMESPACE: Final = UUID("5e0d4a4c-6f7b-5d0c-9a34-2d1f0f3f5b51")


@dataclass(frozen=True)
class Identity:
    """Identity of the DICOM objects of one scan.

    The same images, bundle, settings and version of lgeqa give the same UIDs.

    Attributes:
        key: Text of everything that the objects depend on.
        source_number: SeriesNumber of the source.
        version: Version of lgeqa.
        bundle_sha256: SHA-256 of the bundle's manifest, the serial number of the device in the sense of DICOM.
    """

    key: str
    source_number: int
    version: str
    bundle_sha256: str

    @classmethod
    def of(cls, assessment: Assessment, series: SourceSeries) -> Self:
        """Return the identity of the objects of an assessment."""
        result = assessment.result
        bundle_sha256 = result.bundle.sha256 if result.bundle else ""
        facts = {
            "images": sorted(str(image.SOPInstanceUID) for image in series.images),
            "bundle": bundle_sha256,
            "lgeqa": result.versions["lgeqa"],
            "threshold": result.threshold,
            "operating_point": result.operating_point.model_dump() if result.operating_point else None,
            "forced": result.forced,
            "mask": sha256(assessment.atrium.tobytes()).hexdigest() if result.mask_source == "supplied" else "",
        }
        return cls(json.dumps(facts, sort_keys=True), series.number, result.versions["lgeqa"], bundle_sha256)

    def uid(self, *names: str) -> UID:
        """Return the UID of an object by its names."""
        return _derived(self.key, *names)

    @property
    def device_uid(self) -> UID:
        """Return the UID of lgeqa with this bundle, as a device that observes."""
        return _derived("device", self.version, self.bundle_sha256)

    def attributes(self, kind: Kind) -> dict[str, Any]:
        """Return the arguments of highdicom for series, equipment and instance that all objects share."""
        base = self.source_number * 100 if 0 < self.source_number < _HIGHEST_NUMBER else 0
        return {
            "series_instance_uid": self.uid(kind, "series"),
            "series_number": base + _NUMBERS[kind],
            "series_description": f"{_TITLES[kind]}; {RESEARCH}",
            "sop_instance_uid": self.uid(kind, "instance"),
            "instance_number": 1,
            "manufacturer": "lgeqa",
            "manufacturer_model_name": "lgeqa",
            "software_versions": self.version,
            "device_serial_number": self.bundle_sha256,
            "specific_character_set": "ISO_IR 192",
        }


def _derived(*facts: str) -> UID:
    """Return the UID that follows from some facts, by a UUID of version 5 as in PS3.5, annex B.2."""
    return UID(f"2.25.{uuid5(_NAMESPACE, json.dumps(facts)).int}")
