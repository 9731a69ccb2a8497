"""The recipe of a simulated scan: everything that makes it, so that the very same scan can be made again."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, Final, Literal

import numpy as np
from pydantic import Field, field_validator

from lgeqa.config import Settings
from lgeqa.errors import UsageError
from lgeqa.simulate.acquisition import Acquisition, draw_acquisition
from lgeqa.simulate.artefacts import BY_NAME, MECHANISMS, Artefact, draw_artefacts
from lgeqa.simulate.composite import CompositeRecipe, draw_composite
from lgeqa.simulate.distractors import Distractor, draw_distractors
from lgeqa.simulate.phantom import PhantomRecipe, draw_phantom

FieldOfView = Literal["full", "cropped"]
#: Phantoms of a cohort, unless another number is asked for.
USUAL_PHANTOMS: Final = 50
#: Voxels of phantoms by field of view; those of cropped ones are as the public scans are stored.
_SPACING_MM: Final = {"cropped": (2.5, 0.625, 0.625), "full": (2.5, 1.25, 1.25)}


class CohortSettings(Settings):
    """What a cohort is to be.

    Attributes:
        n: Number of scans. None for one of each real scan, or for 50 phantoms.
        seed: Random seed of everything. Equal settings and sources give equal cohorts.
        field: `cropped` around the atrium, or `full`, the whole chest. A real scan is set into a phantom for it.
        artefacts: `drawn` for each scan, or `none`, which leaves scans as they were acquired.
        without: Names of the mechanisms of artefacts that are never drawn.
        distractors: Whether each scan also gets changes that leave its quality alone.
        readers: Number of simulated readers who score each scan.
    """

    n: int | None = Field(default=None, ge=1)
    seed: int = Field(default=0, ge=0)
    field: FieldOfView = "cropped"
    artefacts: Literal["drawn", "none"] = "drawn"
    without: tuple[str, ...] = ()
    distractors: bool = False
    readers: int = Field(default=2, ge=0)

    @field_validator("without")
    @classmethod
    def _are_mechanisms(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in names if name not in BY_NAME]:
            raise ValueError(f"{', '.join(unknown)} is not a mechanism. There are {', '.join(BY_NAME)}")
        if set(names) == set(BY_NAME):
            raise ValueError("no mechanism is left to draw. Leave fewer out, or draw no artefacts")
        return names


class RealScan(Settings):
    """A real scan with its mask, by their paths below a folder that the recipe does not name.

    Attributes:
        scan_id: Name of the source, which stands for the patient.
        image, mask: Paths relative to the folder, with forward slashes.
        image_sha256, mask_sha256: SHA-256 of their bytes.
    """

    scan_id: str
    image: str
    mask: str
    image_sha256: str
    mask_sha256: str


class Thorax(Settings):
    """The phantom around a real scan, for the full field, and how the scan is set into it."""

    phantom: PhantomRecipe
    placing: CompositeRecipe


class FromScan(Settings):
    """A scan made from a real one."""

    kind: Literal["scan"] = "scan"
    scan: RealScan
    thorax: Thorax | None = None


class FromPhantom(Settings):
    """A scan made from nothing but numbers."""

    kind: Literal["phantom"] = "phantom"
    phantom: PhantomRecipe
    acquisition: Acquisition


class ScanRecipe(Settings):
    """One simulated scan in full. Its scores are not drawn: they are measured on the scan.

    Attributes:
        scan_id: Name of the scan and of its folder.
        patient: Name of the person: the source scan, or the scan itself for a phantom.
        source: What artefacts and distractors are put on.
        artefacts: What degrades the scan, in the order of application.
        distractors: What changes the scan after its scores were measured.
        readers: Number of simulated readers.
        reading_seed: Random seed of their disagreement with the measured scores.
        versions: Versions with which the scan is the same bit for bit. With others it can differ in rounding.
    """

    scan_id: str = Field(pattern=r"^[^/\\]+$")
    patient: str
    source: Annotated[FromPhantom | FromScan, Field(discriminator="kind")]
    artefacts: tuple[Artefact, ...] = ()
    distractors: tuple[Distractor, ...] = ()
    readers: int = Field(ge=0)
    reading_seed: int = Field(ge=0)
    versions: dict[str, str]


def draw_cohort(settings: CohortSettings, scans: Sequence[RealScan] = ()) -> list[ScanRecipe]:
    """Draw the recipes of a cohort: of phantoms, or of real scans in turn where some are given.

    Each scan has a random stream of its own, so its recipe depends on the seed and its number alone.

    Raises:
        UsageError: more scans are asked for than there are, and nothing would tell the copies of one apart.
    """
    n = settings.n or len(scans) or USUAL_PHANTOMS
    untouched = settings.artefacts == "none" and settings.field == "cropped" and not settings.distractors
    if scans and untouched and n > len(scans):
        raise UsageError(
            f"{n} scans were asked for, and copies without artefacts of {len(scans)} real scans would repeat "
            f"themselves. Ask for {len(scans)} or fewer, or draw artefacts or distractors."
        )
    streams = np.random.SeedSequence(settings.seed).spawn(n)
    return [_draw(np.random.default_rng(stream), number, settings, scans) for number, stream in enumerate(streams)]


def installed_versions() -> dict[str, str]:
    """Return the versions of what a scan's numbers come from."""
    return {name: version(name) for name in ("lgeqa", "numpy", "scipy")}


def _draw(rng: np.random.Generator, number: int, settings: CohortSettings, scans: Sequence[RealScan]) -> ScanRecipe:
    """Draw the recipe of one scan."""
    mechanisms = [mechanism for mechanism in MECHANISMS if mechanism.name not in settings.without]
    artefacts = draw_artefacts(rng, mechanisms) if settings.artefacts == "drawn" else ()
    distractors = draw_distractors(rng) if settings.distractors else ()
    reading_seed = int(rng.integers(2**32))
    source: FromPhantom | FromScan
    if scans:
        scan = scans[number % len(scans)]
        scan_id, patient = f"{scan.scan_id}-sim-{number // len(scans):03d}", scan.scan_id
        source = FromScan(scan=scan, thorax=_draw_thorax(rng) if settings.field == "full" else None)
    else:
        scan_id = patient = f"phantom-{number:04d}"
        phantom = draw_phantom(rng, settings.field, spacing_mm=_SPACING_MM[settings.field])
        source = FromPhantom(phantom=phantom, acquisition=draw_acquisition(rng))
    return ScanRecipe(
        scan_id=scan_id,
        patient=patient,
        source=source,
        artefacts=artefacts,
        distractors=distractors,
        readers=settings.readers,
        reading_seed=reading_seed,
        versions=installed_versions(),
    )


def _draw_thorax(rng: np.random.Generator) -> Thorax:
    """Draw the thorax for a real scan."""
    return Thorax(phantom=draw_phantom(rng, "full"), placing=draw_composite(rng))
