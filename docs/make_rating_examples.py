"""Make the example slices of the rating page from a phantom: `python docs/make_rating_examples.py`."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from lgeqa.records import FloatArray
from lgeqa.simulation.acquisition import Acquisition, acquire
from lgeqa.simulation.artefacts import Artefact, apply_artefacts
from lgeqa.simulation.phantom import Phantom, build_phantom, draw_phantom

EXAMPLES = Path(__file__).parents[1] / "src/lgeqa/web/pages/static/examples"
#: Seed of the simulated person.
PERSON = 7
SPACING_MM = (2.5, 0.625, 0.625)
#: Height of the slice in the atrium. Here it shows myocardium, mitral and aortic valve, aorta and atrium at once.
HEIGHT = 0.24
#: Field from the centre of the atrium: anterior, posterior, to the patient's right and to the left.
FIELD_MM = (80.0, 52.0, 50.0, 82.0)
QUALITY = 80


#: A good scan: enhancing walls, nulled myocardium, little noise.
GOOD = Acquisition(wall_t1_ms=300, fibrosis_t1_ms=200, aortic_wall_t1_ms=200, valve_t1_ms=200, noise=0.04)
#: Changes for the scores 1 to 5, chosen by eye: settings of the acquisition, and millimetres of breathing.
NULLING = (0.72, 1.5, 1.2, 1.08, 1.0)
BREATHING_MM = (13.0, 8.0, 4.0, 1.5, 0.0)
WALL_T1_MS = (450, 340, 270, 235, 200)
NOISE = (0.4, 0.22, 0.12, 0.07, 0.04)


def main() -> None:
    """Write `<scale>-<score>.webp`, one slice with this score and a score of 5 on the other three scales."""
    EXAMPLES.mkdir(exist_ok=True)
    phantom = build_phantom(draw_phantom(np.random.default_rng(PERSON), "full", spacing_mm=SPACING_MM))
    for score, (nulling, breathing_mm, t1_ms, noise) in enumerate(
        zip(NULLING, BREATHING_MM, WALL_T1_MS, NOISE, strict=True), start=1
    ):
        walls = {"wall_t1_ms": max(t1_ms, 300), "aortic_wall_t1_ms": t1_ms, "valve_t1_ms": t1_ms}
        pictures = {
            "myocardium_nulling": picture(phantom, {"inversion_over_null": nulling}),
            "sharpness": picture(phantom, {}, breathing_mm),
            "enhancement": picture(phantom, walls),
            "quality": picture(phantom, {"noise": noise, "fibrosis_t1_ms": t1_ms}),
        }
        for name, image in pictures.items():
            image.save(EXAMPLES / f"{name}-{score}.webp", quality=QUALITY, method=6)


def picture(phantom: Phantom, changes: Mapping[str, float], breathing_mm: float = 0.0) -> Image.Image:
    """Return the slice of a good scan with some settings changed, with blood always equally bright."""
    voxels = acquire(phantom, GOOD.model_copy(update=changes))
    breathing = Artefact(mechanism="breathing", severity=breathing_mm, seed=1)
    voxels = apply_artefacts(voxels, phantom.atrium, phantom.spacing_mm, (breathing,))
    blood = np.median(voxels[phantom.atrium])
    return Image.fromarray(np.uint8(255 * np.clip(around_the_atrium(voxels, phantom) / (1.8 * blood), 0, 1)))


def around_the_atrium(voxels: FloatArray, phantom: Phantom) -> FloatArray:
    """Return the slice at `HEIGHT`, cropped to `FIELD_MM`."""
    _, row, column = np.argwhere(phantom.atrium).mean(axis=0)
    anterior, posterior, right, left = np.divide(FIELD_MM, SPACING_MM[1])
    rows, columns = (
        slice(round(row - anterior), round(row + posterior)),
        slice(round(column - right), round(column + left)),
    )
    atrium_slices = np.flatnonzero(phantom.atrium.any(axis=(1, 2)))
    cut: FloatArray = voxels[round(np.quantile(atrium_slices, HEIGHT)), rows, columns]
    return cut


if __name__ == "__main__":
    main()
