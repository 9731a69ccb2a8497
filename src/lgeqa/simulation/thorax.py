"""Painting of everything around the heart on a canvas: body wall, lungs, spine, liver, aorta, airways.

Points are (z, y, x) in mm (superior, posterior, left) from the centre of the left atrium.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lgeqa.simulation.anatomy import Anatomy
from lgeqa.simulation.shapes import Canvas, Frame, Shape, meet, union
from lgeqa.simulation.tissue import Tissue

Array = npt.NDArray[np.float64]


class Thorax:
    """The thorax of one person, in world coordinates."""

    def __init__(self, anatomy: Anatomy) -> None:
        self.anatomy = a = anatomy
        behind = a.spine_behind + 0.6 * (a.atrium_radii[1] - 20)
        self.spine = Frame.at((0.0, behind, a.spine_left), (a.body_roll_deg, 0.0, 0.0))
        self.middle = Frame(self.spine.points((0.0, 72.0 - a.body_half_depth, a.body_left)), self.spine.axes)
        depth, width = a.body_half_depth - a.muscle_thickness, a.body_half_width - a.muscle_thickness
        self.cage_radii = (depth - 0.7 * a.fat_thickness, width - a.fat_thickness - a.lung_inset)

    def by_spine(self, points: npt.ArrayLike) -> Array:
        """Convert points relative to the centre of the vertebral bodies to world coordinates."""
        return self.spine.points(points)

    def body(self, canvas: Canvas) -> Shape:
        """Return the body without the arms, with an ellipsoid for each breast."""
        a = self.anatomy
        outline = canvas.column(self.middle, (a.body_half_depth, a.body_half_width), a.body_squareness)
        z = canvas.axes[0].astype(np.float32)[:, None, None]
        trunk = Shape(outline.window, outline.distance - np.float32(a.shoulder_taper * a.body_half_width) * z)
        front = a.body_half_depth * (1 - 0.45**a.body_squareness) ** (1 / a.body_squareness)
        fronts = self.middle.points([(-15, 12 - front, side * 0.45 * a.body_half_width) for side in (-1, 1)])
        size = max(a.breast, 0.0)
        radii = (32 + size, 8 + size, 26 + size)
        return union([trunk, *(canvas.ellipsoid(Frame(at, self.middle.axes), radii) for at in fronts)], 12.0)

    def cage(self, canvas: Canvas) -> Shape:
        """Return the inside of the rib cage, which widens downward."""
        outline = canvas.column(self.middle, self.cage_radii, 2.2)
        z = canvas.axes[0].astype(np.float32)[:, None, None]
        return Shape(outline.window, outline.distance + np.float32(0.12) * z)

    def cage_point(self, angle_deg: float, z: float, out_mm: float) -> Array:
        """Return a point at a distance outside the rib cage, where 0 degrees is posterior and 90 left."""
        turn = np.deg2rad(angle_deg)
        depth, width = (r + out_mm - 0.12 * z for r in self.cage_radii)
        norm = (abs(np.cos(turn)) ** 2.2 + abs(np.sin(turn)) ** 2.2) ** (1 / 2.2)
        return self.middle.points((z, depth * np.cos(turn) / norm, width * np.sin(turn) / norm))


def paint_body_wall(canvas: Canvas, thorax: Thorax, rng: np.random.Generator) -> None:
    """Paint skin, fat, muscle, arms, ribs and sternum, with lung inside."""
    a = thorax.anatomy
    body, cage = thorax.body(canvas), thorax.cage(canvas)
    _paint_arms(canvas, thorax)
    canvas.paint(body, Tissue.CONNECTIVE)
    canvas.paint(body.grown(-1.8), Tissue.FAT)
    canvas.paint(cage.grown(a.muscle_thickness), Tissue.MUSCLE)
    seam = Shape(cage.window, np.abs(cage.distance - np.float32(0.62 * a.muscle_thickness)) - np.float32(0.9))
    canvas.paint(seam, Tissue.FAT)
    canvas.paint(cage, Tissue.LUNG)
    _paint_ribs(canvas, thorax, rng)


def _paint_arms(canvas: Canvas, thorax: Thorax) -> None:
    a = thorax.anatomy
    for side in (-1, 1):
        away = side * (a.body_half_width + a.arm_gap + a.arm_radius)
        arm = Frame(thorax.middle.points((0.0, 12.0, away)), thorax.middle.axes)
        outline = canvas.column(arm, (1.1 * a.arm_radius, a.arm_radius))
        fat = 0.5 * a.fat_thickness + 1
        for inset, tissue in ((0.0, Tissue.CONNECTIVE), (1.8, Tissue.FAT), (1.8 + fat, Tissue.MUSCLE)):
            canvas.paint(outline.grown(-inset), tissue)
        canvas.paint(canvas.column(arm, (11.0, 11.0)), Tissue.BONE)


def _paint_ribs(canvas: Canvas, thorax: Thorax, rng: np.random.Generator) -> None:
    a = thorax.anatomy
    angles = np.array([16, 35, 60, 85, 110, 135, 158])
    for side in (-1, 1):
        for top in np.arange(-110.0, 190.0, 27.0) + rng.uniform(-3, 3) + 4 * side:
            heights = top - a.rib_drop * (angles / 158) ** 1.2
            course = np.array([thorax.cage_point(side * t, z, 4.5) for t, z in zip(angles, heights, strict=True)])
            course[0] = thorax.by_spine((top - thorax.spine.origin[0] + 4, 6.0, side * (a.vertebra_radius + 14)))
            for grow, tissue in ((1.0, Tissue.CONNECTIVE), (0.0, Tissue.BONE)):
                canvas.paint(canvas.tube(course, [4.5, 4.5, 5.5, 5.5, 5.5, 5.0, 4.5], 14.0).grown(grow), tissue)
    front = Frame(thorax.cage_point(180, 0, 7), thorax.middle.axes)
    canvas.paint(canvas.column(front, (7.0, 19.0)), Tissue.CONNECTIVE)
    canvas.paint(canvas.column(front, (5.8, 17.5)), Tissue.BONE)


def paint_spine(canvas: Canvas, thorax: Thorax) -> None:
    """Paint back muscles, vertebrae with discs and processes, and the spinal canal with its cord."""
    a = thorax.anatomy
    r, height = a.vertebra_radius, a.vertebra_height
    at = thorax.by_spine
    for side in (-1, 1):
        muscle = canvas.column(Frame(at((0, r + 20, side * 24.0)), thorax.spine.axes), (17.0, 22.0))
        canvas.paint(muscle.grown(2.0), Tissue.FAT)
        canvas.paint(muscle, Tissue.MUSCLE)
    canvas.paint(canvas.column(thorax.spine, (r + 5, r + 8)), Tissue.FAT)
    levels = [(k + a.disc_phase) * height for k in range(-6, 6)]
    canal = Frame(at((0, r + 7, 0)), thorax.spine.axes)
    for z in levels:
        spinous = at([(z, r + 16, 0), (z - 12, r + 30, 0), (z - 22, r + 40, 0)])
        canvas.paint(canvas.tube(spinous, [5.0, 3.0, 4.0]), Tissue.BONE)
        for side in (-1, 1):
            process = at([(z, r + 4, 8 * side), (z + 2, r + 12, 30 * side)])
            canvas.paint(canvas.tube(process, [6.0, 4.0]), Tissue.BONE)
    canvas.paint(canvas.column(canal, (11.5, 12.5)), Tissue.BONE)
    body = canvas.column(thorax.spine, (r * 0.88, r * 1.08))
    canvas.paint(body.grown(1.3), Tissue.CONNECTIVE)
    canvas.paint(body, Tissue.BONE)
    _paint_discs(canvas, body, [z + height / 2 for z in levels])
    canvas.paint(canvas.column(canal, (7.5, 8.5)), Tissue.CSF)
    canvas.paint(canvas.column(canal, (3.2, 4.2)), Tissue.MUSCLE)


def _paint_discs(canvas: Canvas, body: Shape, levels: list[float]) -> None:
    z = canvas.axes[0]
    nearest = np.abs(z[:, None] - np.array(levels)).min(1).astype(np.float32)
    disc = Shape(body.window, np.maximum(body.distance, (nearest - np.float32(2.2))[:, None, None]))
    canvas.paint(disc, Tissue.MUSCLE)


def paint_abdomen(canvas: Canvas, thorax: Thorax, rng: np.random.Generator) -> None:
    """Paint the organs below the diaphragm: liver with its veins on the right, stomach and spleen on the left."""
    a = thorax.anatomy
    depth, width = thorax.cage_radii
    inside = thorax.cage(canvas).grown(-1.5)
    middle = thorax.middle.origin
    top = a.liver_top - 0.6 * (a.atrium_radii[0] - 26)
    liver = _dome(canvas, middle + np.array([0, 0, -0.5 * width]), top, (1.02 * depth, 0.76 * width))
    left = _dome(canvas, middle + np.array([0, 0, 0.5 * width]), a.stomach_top, (1.02 * depth, 0.7 * width))
    for dome in (left, liver):
        canvas.paint(meet(dome.grown(2.5), inside), Tissue.MUSCLE)
    canvas.paint(meet(left, inside), Tissue.FAT)
    canvas.paint(meet(liver, inside), Tissue.LIVER)
    spleen = Frame.at((a.stomach_top - 45, middle[1] + 0.42 * depth, middle[2] + 0.68 * width), (0, 0, 20))
    canvas.paint(meet(canvas.ellipsoid(spleen, (42.0, 36.0, 22.0)), inside), Tissue.SPLEEN)
    stomach = canvas.ellipsoid(
        Frame.at((a.stomach_top - 40, middle[1] - 0.05 * depth, middle[2] + 0.4 * width), (15, 0, 0)),
        (36.0, 38.0, 34.0),
    )
    canvas.paint(meet(stomach, inside), Tissue.GUT)
    canvas.paint(meet(stomach.grown(-4.5), inside), Tissue.AIR)
    _paint_liver_veins(canvas, top - 30, rng)


def _dome(canvas: Canvas, centre: Array, top: float, radii: tuple[float, float]) -> Shape:
    return canvas.ellipsoid(Frame.at((top - 75.0, float(centre[1]), float(centre[2]))), (75.0, *radii))


def _paint_liver_veins(canvas: Canvas, level: float, rng: np.random.Generator) -> None:
    cava = np.array([level, -6.0, -24.0])
    for angle in (15, 60, 105, 150):
        turn = np.deg2rad(angle + rng.uniform(-12, 12))
        out = np.array([0.0, np.cos(turn), -np.sin(turn)])
        down = np.array([-1.0, 0.0, 0.0])
        ends = [cava + 35 * s * out + 9 * s * down * (1 + s) for s in (0.0, 0.8, 1.6, 2.4)]
        canvas.paint(canvas.tube(ends, [5.0, 4.0, 3.0, 1.5]), Tissue.BLOOD, onto=(Tissue.LIVER,))


def paint_vessels_and_airways(canvas: Canvas, thorax: Thorax) -> None:
    """Paint the aortic arch and descending aorta, azygos vein, oesophagus, trachea and main bronchi."""
    a = thorax.anatomy
    r, left = a.descending_radius, a.descending_left
    gullet = a.oesophagus_radius
    back = thorax.spine.origin[1]
    course = [(95, -2, 0), (60, back - 24, a.oesophagus_left), (0, back - 23, a.oesophagus_left)]
    course += [(-30, back - 26, a.oesophagus_left + 4), (-60, back - 34, a.oesophagus_left + 14), (-100, back - 46, 36)]
    oesophagus = canvas.tube(course, [gullet, gullet, gullet, gullet, gullet, 1.4 * gullet])
    canvas.paint(oesophagus.grown(2.5), Tissue.FAT)
    canvas.paint(oesophagus, Tissue.GUT)
    canvas.paint(oesophagus.grown(1.2 - 0.7 * gullet), Tissue.MUSCLE)
    down = thorax.by_spine(
        [
            (a.arch_top - 25, -10, left + 5),
            (20, -9, left + 4),
            (-30, -10, left),
            (-70, -16, left - 8),
            (-130, -20, left - 18),
        ]
    )
    arch = [(a.arch_top - 8, -26.0, -10.0), (a.arch_top, -2.0, 4.0), (a.arch_top - 4, 22.0, 18.0)]
    aorta = canvas.tube([*arch, *down], r * np.array([1.25, 1.2, 1.12, 1.05, 1.0, 1.0, 0.95, 0.9]))
    canvas.paint(aorta.grown(4.0), Tissue.FAT)
    canvas.paint(aorta.grown(a.aortic_wall), Tissue.AORTIC_WALL)
    canvas.paint(aorta, Tissue.BLOOD)
    azygos = thorax.by_spine([(60, -22, -8), (0, -21, -4), (-60, -21, -3), (-120, -20, -2)])
    canvas.paint(canvas.tube(azygos, [3.5, 3.0, 2.5, 2.2]), Tissue.BLOOD)
    _paint_airways(canvas, a.carina + 0.6 * (a.atrium_radii[0] - 26), back)


def _paint_airways(canvas: Canvas, carina: float, back: float) -> None:
    y = back - 31
    tubes = [
        canvas.tube([(130, y - 12, 0), (carina + 6, y, -1)], [8.5, 8.5]),
        canvas.tube(
            [(carina + 6, y, -1), (carina - 6, y + 2, 16), (carina - 14, y + 4, 36), (carina - 22, y + 12, 56)],
            [7, 6, 5.5, 4],
        ),
        canvas.tube(
            [(carina + 6, y, -1), (carina - 6, y + 2, -18), (carina - 18, y + 4, -34), (carina - 34, y + 14, -48)],
            [7, 6.5, 6, 4],
        ),
    ]
    for tissue, grow in ((Tissue.FAT, 4.0), (Tissue.GUT, 1.3), (Tissue.AIR, 0.0)):
        for tube in tubes:
            canvas.paint(tube.grown(grow), tissue)


class _Twig(NamedTuple):
    start: Array
    heading: Array
    radius: float
    length: float


def paint_lung_vessels(canvas: Canvas, thorax: Thorax, rng: np.random.Generator) -> None:
    """Grow the vessels of both lungs from the hila outward."""
    length = min(thorax.cage_radii)
    for side in (-1, 1):
        for _ in range(thorax.anatomy.lung_vessels):
            start = np.array([rng.uniform(-30, 40), rng.uniform(-8, 28), side * rng.uniform(38, 55)])
            heading = _unit(np.array([rng.normal(0, 0.7), rng.normal(0.1, 0.8), side * rng.uniform(0.2, 1)]))
            _grow(canvas, rng, _Twig(start, heading, rng.uniform(2.2, 4.5), length))


def _grow(canvas: Canvas, rng: np.random.Generator, twig: _Twig) -> None:
    course, heading = [twig.start], twig.heading
    for _ in range(4):
        heading = _unit(heading + rng.normal(0, 0.18, 3))
        course.append(course[-1] + heading * twig.length / 4)
    radii = twig.radius * np.array([1, 0.85, 0.7, 0.5, 0.3])
    canvas.paint(canvas.tube(course, radii, 25.0), Tissue.BLOOD, onto=(Tissue.LUNG,))
    if twig.radius > 1.3:
        for k in (1, 2, 3):
            branch = _unit(heading + rng.normal(0, 0.6, 3))
            _grow(canvas, rng, _Twig(course[k], branch, 0.75 * radii[k], 0.55 * twig.length))


def _unit(vector: Array) -> Array:
    unit: Array = vector / np.linalg.norm(vector)
    return unit
