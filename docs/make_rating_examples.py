"""Makes the example slices of the rating page from a phantom: `python docs/make_rating_examples.py`."""

from pathlib import Path

import numpy as np
from PIL import Image

from lgeqa.attributes import HIGHEST_SCORE, LOWEST_SCORE, NAMES
from lgeqa.records import FloatArray
from lgeqa.simulate.faults import apply_faults_to_phantom, draw_faults
from lgeqa.simulate.phantom import Phantom, build_phantom, draw_phantom
from lgeqa.simulate.scores import Scores

EXAMPLES = Path(__file__).parents[1] / "src/lgeqa/serve/pages/static/examples"
#: Of the simulated person and of the faults.
PERSON, FAULTS = 7, 1
SPACING_MM = (2.5, 0.625, 0.625)
#: How far up the atrium the slice lies: here it shows myocardium, mitral and aortic valve, aorta and atrium at once.
HEIGHT = 0.24
#: What is shown, from the centre of the atrium: anterior, posterior; to the patient's right, to the left.
FIELD_MM = (80.0, 52.0, 50.0, 82.0)
QUALITY = 80


def main() -> None:
    """Write `<scale>-<score>.webp`: one slice with this score, the other three scores being 5."""
    EXAMPLES.mkdir(exist_ok=True)
    phantom = build_phantom(draw_phantom(np.random.default_rng(PERSON), "full", spacing_mm=SPACING_MM))
    for name in NAMES:
        for score in range(LOWEST_SCORE, HIGHEST_SCORE + 1):
            shown = picture(phantom, Scores(**dict.fromkeys(NAMES, HIGHEST_SCORE) | {name: score}))
            shown.save(EXAMPLES / f"{name}-{score}.webp", quality=QUALITY, method=6)


def picture(phantom: Phantom, scores: Scores) -> Image.Image:
    """The slice with these scores, the same chance every time, blood always of one brightness."""
    voxels = apply_faults_to_phantom(phantom, draw_faults(np.random.default_rng(FAULTS), scores))
    blood = np.median(voxels[phantom.atrium])
    return Image.fromarray(np.uint8(255 * np.clip(around_the_atrium(voxels, phantom) / (1.8 * blood), 0, 1)))


def around_the_atrium(voxels: FloatArray, phantom: Phantom) -> FloatArray:
    """The slice at `HEIGHT`, cut to `FIELD_MM`."""
    _, row, column = np.argwhere(phantom.atrium).mean(axis=0)
    anterior, posterior, right, left = np.divide(FIELD_MM, SPACING_MM[1])
    rows, columns = (
        slice(round(row - anterior), round(row + posterior)),
        slice(round(column - right), round(column + left)),
    )
    held = np.flatnonzero(phantom.atrium.any(axis=(1, 2)))
    cut: FloatArray = voxels[round(np.quantile(held, HEIGHT)), rows, columns]
    return cut


if __name__ == "__main__":
    main()
