"""How close image quality measures are to the known values of geometric hearts: the table of docs/results.

python -m benchmarks.known_values
"""

from collections.abc import Iterator

import numpy as np

from lgeqa.measures import FUNCTIONS, Heart
from tests.factories.heart import SPACING_MM, GeometricHeart, atrium


def rows() -> Iterator[tuple[str, str, float, float]]:
    """Yield the measure, the setting, the known value and the measured value."""
    for noise in (3.0, 8.0, 15.0):
        heart = heart_of(GeometricHeart(noise=noise))
        level = heart.reference.blood - heart.reference.air
        yield "noise_percent", f"noise {noise:g}", 100 * noise / level, value(heart, "noise_percent")
        yield "asnr", f"noise {noise:g}", level / noise, value(heart, "asnr")
    for sigma in (0.8, 1.2, 1.8, 2.4):
        dark = GeometricHeart(blur_mm=sigma, muscle=5, wall=5, septum=5, aortic_wall=5, noise=2)
        yield "edge_width_mm", f"blur {sigma:g} mm", 2.5631 * sigma, value(heart_of(dark), "edge_width_mm")
    for wall in (130.0, 160.0, 220.0):
        thick = heart_of(GeometricHeart(wall=wall, wall_mm=4, noise=5))
        yield "wall_cnr", f"wall {wall:g}, 4 mm", (wall - 100) / 5, value(thick, "wall_cnr")
    for muscle in (10.0, 32.0, 45.0, 60.0):
        heart = heart_of(GeometricHeart(muscle=muscle, wall=muscle, septum=muscle, aortic_wall=muscle, noise=3))
        yield "nulling_ratio", f"muscle {muscle:g}", (muscle - 5) / 95, value(heart, "nulling_ratio")
    for muscle in (40.0, 60.0, 80.0):
        heart = heart_of(GeometricHeart(muscle=muscle, wall=10, wall_mm=4, noise=3))
        title = f"line 10, 4 mm, beside muscle {muscle:g}"
        yield "dark_line_percent", title, 100 * (muscle - 10) / 95, value(heart, "dark_line_percent")
    for rim in (140.0, 180.0):
        heart = heart_of(GeometricHeart(aortic_wall=rim, noise=8))
        yield "aortic_wall_contrast", f"wall {rim:g}, 2 mm", (rim - 100) / 8, value(heart, "aortic_wall_contrast")
    for septum in (60.0, 130.0, 150.0, 200.0):
        heart = heart_of(GeometricHeart(septum=septum, wall=septum, wall_mm=1))
        yield "septal_contrast", f"septum {septum:g}", (septum - 5) / 95, value(heart, "septal_contrast")
    for share in (0.1, 0.2):
        voxels = GeometricHeart(muscle=60, noise=2).voxels()
        for axis in (1, 2):
            copied = Heart(voxels + np.float32(share) * np.roll(voxels, 50, axis=axis), atrium(), SPACING_MM)
            title = f"copy {share:g} along axis {axis}"
            yield "ghosting_percent", title, 100 * share, value(copied, "ghosting_percent")


def heart_of(made: GeometricHeart) -> Heart:
    """Return the anatomy of a geometric heart."""
    return Heart(made.voxels(), atrium(), SPACING_MM)


def value(heart: Heart, name: str) -> float:
    """Return the value of a measure."""
    return FUNCTIONS[name](heart).value


def main() -> None:
    """Print the table."""
    print("| measure | set | known | measured | off by |\n|---|---|---|---|---|")
    for name, title, known, result in rows():
        print(f"| {name} | {title} | {known:.3g} | {result:.3g} | {100 * (result / known - 1):+.0f} % |")


if __name__ == "__main__":
    main()
