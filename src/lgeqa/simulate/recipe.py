"""The recipe of a simulated scan: everything that makes it, so that the very same scan can be made again."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from lgeqa.config import Settings
from lgeqa.simulate.composite import CompositeRecipe, draw_composite
from lgeqa.simulate.faults import Faults, draw_faults
from lgeqa.simulate.phantom import PhantomRecipe, draw_phantom
from lgeqa.simulate.readers import draw_reading
from lgeqa.simulate.scores import Scores, Together, draw_scores

FieldOfView = Literal["full", "cropped"]


class CohortSettings(Settings):
    """What a cohort is to be.

    Attributes:
        n: number of scans.
        seed: of everything; equal settings and sources give equal cohorts.
        field: `cropped` around the atrium, or `full`, the whole chest; a real scan is set into a phantom for it.
        scores: whether they go together as experts give them (`joint`), or each scale is drawn for itself.
        readers: how many simulated readers score each scan.
    """

    n: int = Field(default=50, ge=1)
    seed: int = Field(default=0, ge=0)
    field: FieldOfView = "cropped"
    scores: Together = "joint"
    readers: int = Field(default=2, ge=0)


class RealScan(Settings):
    """A real scan with its mask, by their paths below a folder that the recipe does not name.

    Attributes:
        scan_id: of the source; it stands for the patient.
        image, mask: paths relative to the folder, with forward slashes.
        image_sha256, mask_sha256: of their bytes.
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


class ScanRecipe(Settings):
    """One simulated scan in full.

    Attributes:
        scan_id: name of the scan and of its folder.
        patient: whose heart it is: the source scan, or the scan itself for a phantom.
        scores: before reader noise; the faults follow them.
        readings: what each simulated reader gave.
        faults: the draw.
        source: what the faults are put on.
        versions: with which the scan is the same bit for bit; with others it can differ in rounding.
    """

    scan_id: str = Field(pattern=r"^[^/\\]+$")
    patient: str
    scores: Scores
    readings: dict[str, Scores]
    faults: Faults
    source: Annotated[FromPhantom | FromScan, Field(discriminator="kind")]
    versions: dict[str, str]


def draw_cohort(settings: CohortSettings, scans: Sequence[RealScan] = ()) -> list[ScanRecipe]:
    """Draw the recipes of a cohort: of phantoms, or of real scans in turn where some are given.

    Each scan has a random stream of its own, so its recipe depends on the seed and its number alone.
    """
    streams = np.random.SeedSequence(settings.seed).spawn(settings.n)
    return [_draw(np.random.default_rng(stream), number, settings, scans) for number, stream in enumerate(streams)]


def installed_versions() -> dict[str, str]:
    """Versions of what a scan's numbers come from."""
    return {name: version(name) for name in ("lgeqa", "numpy", "scipy")}


def _draw(rng: np.random.Generator, number: int, settings: CohortSettings, scans: Sequence[RealScan]) -> ScanRecipe:
    [scores] = draw_scores(rng, 1, settings.scores)
    faults = draw_faults(rng, scores)
    readings = {f"reader-{place + 1}": draw_reading(rng, scores) for place in range(settings.readers)}
    source: FromPhantom | FromScan
    if scans:
        scan = scans[number % len(scans)]
        scan_id, patient = f"{scan.scan_id}-sim-{number // len(scans):03d}", scan.scan_id
        source = FromScan(scan=scan, thorax=_draw_thorax(rng) if settings.field == "full" else None)
    else:
        scan_id = patient = f"phantom-{number:04d}"
        source = FromPhantom(phantom=draw_phantom(rng, settings.field))
    return ScanRecipe(
        scan_id=scan_id,
        patient=patient,
        scores=scores,
        readings=readings,
        faults=faults,
        source=source,
        versions=installed_versions(),
    )


def _draw_thorax(rng: np.random.Generator) -> Thorax:
    return Thorax(phantom=draw_phantom(rng, "full"), placing=draw_composite(rng))
