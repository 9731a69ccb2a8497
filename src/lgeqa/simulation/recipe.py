"""The recipe of a simulated scan: all parameters from which the same scan can be made again."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, Final, Literal

import numpy as np
from pydantic import Field, field_validator

from lgeqa.config import Settings
from lgeqa.errors import UsageError
from lgeqa.simulation.acquisition import Acquisition, draw_acquisition
from lgeqa.simulation.artefacts import BY_NAME, MECHANISMS, Artefact, draw_artefacts
from lgeqa.simulation.composite import CompositeRecipe, draw_composite
from lgeqa.simulation.distractors import Distractor, draw_distractors
from lgeqa.simulation.phantom import PhantomRecipe, draw_phantom

FieldOfView = Literal["full", "cropped"]
#: Default number of phantoms of a cohort.
USUAL_PHANTOMS: Final = 50
#: Voxel spacing of phantoms by field of view. For cropped phantoms it is the spacing of the public scans as stored.
_SPACING_MM: Final = {"cropped": (2.5, 0.625, 0.625), "full": (2.5, 1.25, 1.25)}


class CohortSettings(Settings):
    """Settings of a cohort.

    Attributes:
        n: Number of scans. None for one of each real scan, or for 50 phantoms.
        seed: Random seed of the cohort. Equal settings and sources give equal cohorts.
        field: Field of view: `cropped` around the atrium, or `full` for the whole chest, where a real scan is set into
            a phantom.
        artefacts: Choice of artefacts: `drawn` for each scan, or `none` for scans as they were acquired.
        without: Names of artefact mechanisms that are never drawn.
        distractors: Whether each scan also gets changes that leave its quality alone.
        readers: Number of simulated readers of each scan.
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
    """A real scan and its mask, by paths relative to a folder that the recipe does not name.

    Attributes:
        scan_id: Name of the source scan, which also identifies the patient.
        image: Relative path of the image, with forward slashes.
        mask: Relative path of the mask, with forward slashes.
        image_sha256: SHA-256 of the image file.
        mask_sha256: SHA-256 of the mask file.
        voxels_sha256: Hash of the size and voxels of the image, by which a bundle says what it was trained on. Empty if
            the image cannot be read, and in recipes of earlier versions.
    """

    scan_id: str
    image: str
    mask: str
    image_sha256: str
    mask_sha256: str
    voxels_sha256: str = ""


class Thorax(Settings):
    """The phantom around a real scan in the full field of view.

    Attributes:
        phantom: Recipe of the phantom.
        placing: Parameters of setting the scan into the phantom.
    """

    phantom: PhantomRecipe
    placing: CompositeRecipe


class FromScan(Settings):
    """A scan made from a real scan.

    Attributes:
        kind: Kind of source, always `scan`.
        scan: Real scan.
        thorax: Phantom around the scan, None for the scan as it is cropped.
    """

    kind: Literal["scan"] = "scan"
    scan: RealScan
    thorax: Thorax | None = None


class FromPhantom(Settings):
    """A scan made only from parameters.

    Attributes:
        kind: Kind of source, always `phantom`.
        phantom: Recipe of the phantom.
        acquisition: Acquisition parameters.
    """

    kind: Literal["phantom"] = "phantom"
    phantom: PhantomRecipe
    acquisition: Acquisition


class ScanRecipe(Settings):
    """All parameters of one simulated scan.

    Its scores are not drawn but measured on the scan.

    Attributes:
        scan_id: Name of the scan and of its folder.
        patient: Name of the person, which is the source scan, or the scan itself for a phantom.
        source: Phantom or real scan before artefacts and distractors.
        artefacts: Artefacts of the scan, in the order of application.
        distractors: Changes to the scan after its scores are measured.
        readers: Number of simulated readers.
        reading_seed: Random seed of the readers' disagreement with the measured scores.
        versions: Package versions that reproduce the scan bit by bit. Other versions can differ in rounding.
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
    """Draw the recipes of a cohort of phantoms, or of real scans in turn if `scans` is not empty.

    Each scan has its own random stream, so its recipe depends only on the seed and its number.

    Args:
        settings: Settings of the cohort.
        scans: Real scans to simulate from.

    Raises:
        UsageError: More scans are requested than there are real ones, and copies of a scan would be identical.
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
    """Return the versions of the packages that determine the voxels of a scan."""
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
