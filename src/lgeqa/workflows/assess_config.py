"""Settings of `lgeqa assess` in a TOML file. An option on the command line wins over the file."""

from pathlib import Path

from lgeqa.config import Settings
from lgeqa.operating_point import OperatingPoint
from lgeqa.outcomes import Provider
from lgeqa.threads import TIMEOUT_S


class AssessConfig(Settings):
    """Settings of `lgeqa assess`, by the names of its options.

    Attributes:
        bundle: Folder of a trained model, relative to the folder of the TOML file. None for the model in the package.
        threshold: Slice probability of quality from which a slice counts as diagnostic. None for the model's own.
        masks: Whether atrium masks are written.
        dicom: Whether results are also written as DICOM objects of each scan's study.
        deidentify: Whether results are de-identified.
        secrets: Folder of the key and the names of de-identified results, relative to the folder of the TOML file. None
            for one beside the output folder.
        given_masks: Whether the atrium comes from the mask beside each scan.
        provider: What runs the networks: `cpu`, `cuda` or `openvino`.
        force: Whether a scan gets a verdict even if the gate refuses it.
        jobs: Number of scans to work on at once. None for one per core, as far as memory goes.
        memory: Gigabytes of memory that all processes together may need. None for those of the machine.
        timeout: Seconds that one scan may take.
        operating_point: Limits of the scan's probability for the decision, as `lgeqa operating-point` writes them. None
            for the bundle's.
    """

    bundle: Path | None = None
    threshold: float | None = None
    masks: bool = False
    dicom: bool = False
    deidentify: bool = False
    secrets: Path | None = None
    given_masks: bool = False
    provider: Provider = "cpu"
    force: bool = False
    jobs: int | None = None
    memory: float | None = None
    timeout: float = TIMEOUT_S
    operating_point: OperatingPoint | None = None
