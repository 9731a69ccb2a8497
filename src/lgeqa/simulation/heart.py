"""Painting of the heart and the roots of its vessels on a canvas, with the left atrium in detail.

Points are (z, y, x) in mm (superior, posterior, left) from the centre of the left atrium of a common heart.
"""

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from lgeqa.records import BoolArray
from lgeqa.simulation.anatomy import Anatomy
from lgeqa.simulation.shapes import Canvas, Frame, Shape, meet, random_field, union, without
from lgeqa.simulation.tissue import Tissue

Array = npt.NDArray[np.float64]

#: Courses of the pulmonary veins, from inside the atrium to the hilum, and of the appendage, in half atrium sizes.
_VEINS = {
    "left superior": ((0.45, 0.1, 0.55), (0.85, 0.35, 1.0), (1.25, 0.6, 1.4), (1.7, 0.7, 2.1)),
    "left inferior": ((-0.05, 0.4, 0.65), (-0.1, 0.9, 1.1), (-0.25, 1.35, 1.5), (-0.5, 1.7, 2.2)),
    "right superior": ((0.4, -0.1, -0.55), (0.55, -0.15, -1.05), (0.7, 0.0, -1.5), (1.0, 0.3, -2.2)),
    "right inferior": ((-0.2, 0.4, -0.55), (-0.35, 0.85, -0.95), (-0.5, 1.3, -1.35), (-0.8, 1.8, -2.0)),
}
_APPENDAGE = ((0.3, -0.2, 0.7), (0.65, -0.5, 1.15), (0.95, -0.95, 1.25), (1.05, -1.4, 1.05))
_MITRAL = np.array([-14.0, -21.0, 26.0])
_LV_AXIS = np.array([-0.45, -0.50, 0.74]) / np.linalg.norm([-0.45, -0.50, 0.74])


class Heart:
    """The heart of one person, in world coordinates."""

    def __init__(self, anatomy: Anatomy) -> None:
        self.anatomy = anatomy
        turn = (anatomy.heart_roll_deg, anatomy.heart_pitch_deg, anatomy.heart_tilt_deg)
        self.frame = Frame.at((0.0, 0.0, 0.0), turn)
        size = np.array(anatomy.atrium_radii) / (26, 20, 35)
        self.mitral = self.points(_MITRAL * (0.5 + 0.5 * size))
        self.axis: Array = self.frame.axes @ _LV_AXIS
        side = np.cross(self.axis, self.frame.axes @ np.array([0.25, -0.7, -0.67]))
        side /= np.linalg.norm(side)
        self.ventricle_axes: Array = np.stack([side, np.cross(side, self.axis), self.axis], axis=1)

    def points(self, points: npt.ArrayLike) -> Array:
        """Convert points of the common heart to points of this heart."""
        return self.frame.points(self.anatomy.heart_scale * np.asarray(points, np.float64))

    def _along(self, mm: float, toward_right: float = 0.0) -> Frame:
        return Frame(self.mitral + mm * self.axis + toward_right * self.ventricle_axes[:, 1], self.ventricle_axes)

    def left_ventricle(self, canvas: Canvas, wall_mm: float) -> Shape:
        """Return the left ventricle from the mitral plane to the apex, or its cavity if `wall_mm` is zero."""
        a = self.anatomy
        long, wide = a.left_ventricle_length + wall_mm, a.left_ventricle_radius + wall_mm
        body = canvas.ellipsoid(self._along(0.36 * a.left_ventricle_length), (wide, wide, long))
        return without(body, canvas.half_space(body, self.mitral, self.axis))

    def right_ventricle(self, canvas: Canvas) -> Shape:
        """Return the right ventricle with its outflow tract."""
        a = self.anatomy
        s = a.heart_scale * a.right_ventricle_scale
        away = a.left_ventricle_radius + a.myocardium + 2 * s
        body = canvas.ellipsoid(self._along(0.42 * a.left_ventricle_length, away), (32 * s, 19 * s, 46 * s))
        outflow = canvas.tube(self.points([(-14, -66, 2), (2, -70, 12), (22, -60, 22)]), np.array([15, 14, 12]) * s)
        return union([body, outflow], 10.0)

    def right_atrium(self, canvas: Canvas) -> Shape:
        """Return the right atrium with its appendage."""
        a = self.anatomy
        s = a.heart_scale * a.right_atrium_scale
        body = canvas.ellipsoid(Frame.at(tuple(self.points((-8, -38, -44))), (-20, 0, 0)), (30 * s, 25 * s, 24 * s))
        appendage = canvas.tube(self.points([(4, -44, -44), (14, -56, -32), (18, -60, -16)]), np.array([14, 11, 7]) * s)
        return union([body, appendage], 8.0)

    def systemic_veins(self, canvas: Canvas) -> list[Shape]:
        """Return the superior and inferior vena cava and the coronary sinus, up to the right atrium."""
        r = self.anatomy.cava_radius
        upper = self.points([(95, -26, -28), (60, -18, -32), (36, -14, -37), (10, -24, -42)])
        lower = self.points([(-110, -4, -24), (-60, -6, -20), (-40, -14, -28), (-20, -30, -38)])
        sinus = self.points([(-8, -4, 50), (-20, 0, 38), (-29, -6, 14), (-28, -22, -18)])
        return [
            canvas.tube(upper, r * np.array([1, 1, 1.05, 1.2])),
            canvas.tube(lower, r * np.array([1.3, 1.3, 1.4, 1.5])),
            canvas.tube(sinus, [2.5, 4.0, 5.0, 5.0]),
        ]

    def aorta(self, canvas: Canvas) -> Shape:
        """Return the outflow tract, root and ascending aorta up to the arch."""
        a = self.anatomy
        course = self.points([(-18, -38, 30), (-4, -33, 18), (6, -34, 9), (22, -40, -6), (42, -42, -14)])
        top = (a.arch_top - 8, -26.0, -10.0)
        return canvas.tube([*course, top], a.ascending_radius * np.array([0.7, 0.85, 1.12, 1.0, 1.0, 0.95]))

    def pulmonary_arteries(self, canvas: Canvas) -> Shape:
        """Return the trunk, the right artery behind the ascending aorta and the left artery over the left bronchus."""
        r = self.anatomy.pulmonary_radius
        up = np.array([0.8 * (self.anatomy.atrium_radii[0] - 26), 0.0, 0.0])
        right = np.array([(16, -62, 22), (30, -48, 28), (38, -26, 16), (38, -2, -10), (36, 6, -36), (30, 14, -58)])
        left = np.array([(30, -48, 28), (42, -24, 32), (50, 2, 42), (42, 18, 52), (26, 22, 60)])
        return union(
            [
                canvas.tube(self.points(right + up), r * np.array([1.1, 1.15, 1.1, 0.95, 0.9, 0.6])),
                canvas.tube(self.points(left + up), r * np.array([1.1, 1.05, 0.95, 0.8, 0.5])),
            ],
            6.0,
        )

    def _atrial(self, points: npt.ArrayLike) -> Array:
        a = self.anatomy
        turn = Frame.at((0.0, 0.0, 0.0), (a.atrium_turn_deg, 0.0, 0.0))
        return turn.points(np.asarray(points) * a.atrium_radii)

    def vein(self, canvas: Canvas, name: str, end: int) -> Shape:
        """Return one pulmonary vein through the first `end` of its four points."""
        a = self.anatomy
        course = np.array(_VEINS[name])[:end]
        course[1:] = course[:1] + (course[1:] - course[:1]) * a.vein_length
        points = self._atrial(course)
        points[1:, 0] += a.vein_lift * (1 if "left" in name else -0.6)
        return canvas.tube(points, a.vein_radius * np.array([1.5, 1.1, 0.95, 0.5])[:end])

    def atrium(self, canvas: Canvas) -> Shape:
        """Return the left atrium: body, roof, appendage, four proximal veins, vestibule up to the mitral plane.

        The great arteries and their walls are cut out of it.
        """
        a = self.anatomy
        turned = Frame.at((0.0, 0.0, 0.0), (a.atrium_turn_deg, 0.0, 0.0))
        body = canvas.ellipsoid(turned, a.atrium_radii)
        rise = 0.2 * a.atrium_roof
        ends = self._atrial([(0.35 + 2 * rise, 0, -0.5), (0.35 - rise, 0.05, 0.55)])
        roof = canvas.tube(ends, 0.72 * a.atrium_radii[1] * np.ones(2))
        vestibule = canvas.tube(
            [self._atrial((0, 0, 0.2)), self.mitral + 6 * self.axis], [0.85 * a.atrium_radii[1], 15.0]
        )
        vestibule = meet(vestibule, canvas.half_space(vestibule, self.mitral, self.axis))
        veins = [self.vein(canvas, name, 3) for name in _VEINS]
        whole = union([body, roof, vestibule, self.appendage(canvas), *veins], 6.0)
        for neighbour in (self.aorta(canvas), self.pulmonary_arteries(canvas)):
            whole = without(whole, neighbour.grown(a.aortic_wall + 0.5 * a.wall))
        return whole

    def appendage(self, canvas: Canvas) -> Shape:
        """Return the left-atrial appendage, a curved sac between pulmonary trunk and left superior vein."""
        a = self.anatomy
        course = np.array(_APPENDAGE)
        course[2:, 0] += a.appendage_turn * np.array([0.4, 0.8])
        course = course[:1] + (course - course[:1]) * a.appendage_length
        return canvas.tube(self._atrial(course), a.appendage_radius * np.array([0.9, 1.0, 1.1, 0.6]))


def paint_mediastinum(canvas: Canvas, heart: Heart, room: Shape, rng: np.random.Generator) -> None:
    """Paint the fat around the heart and its vessels with its thin sac, within the thoracic cavity (`room`)."""
    a = heart.anatomy
    between = [
        canvas.ellipsoid(Frame(heart.points((-8, -40, 8)), heart.frame.axes), (58.0, 46.0, 56.0)),
        canvas.tube(heart.points([(0, -22, -4), (110, -28, -4)]), [40.0, 36.0]),
    ]
    shapes = [heart.left_ventricle(canvas, a.myocardium), heart.right_ventricle(canvas), heart.right_atrium(canvas)]
    shapes += [heart.atrium(canvas), heart.aorta(canvas), *heart.systemic_veins(canvas)]
    whole = union([*between, *(shape.grown(a.epicardial_fat) for shape in shapes)], 8.0)
    axes = [axis[cut] for axis, cut in zip(canvas.axes, whole.window, strict=True)]
    uneven = Shape(whole.window, whole.distance + 2 * random_field(rng, axes, 18.0))
    sac = Shape(whole.window, uneven.distance - 0.5 * random_field(rng, axes, 22.0) - np.float32(0.5))
    canvas.paint(meet(sac, room), Tissue.CONNECTIVE)
    canvas.paint(meet(uneven, room), Tissue.FAT)


def paint_heart(canvas: Canvas, heart: Heart, room: Shape, rng: np.random.Generator) -> BoolArray:
    """Paint the chambers, vessel roots and valves, and return the mask of the left-atrial blood pool."""
    a = heart.anatomy
    right = [meet(shape, room.grown(-4.0)) for shape in (heart.right_atrium(canvas), heart.right_ventricle(canvas))]
    arteries = heart.pulmonary_arteries(canvas)
    aorta = heart.aorta(canvas)
    veins = heart.systemic_veins(canvas)
    pulmonary = [heart.vein(canvas, name, 4) for name in _VEINS]
    for shape in veins:
        canvas.paint(shape.grown(0.8), Tissue.CONNECTIVE)
    for shape in pulmonary:
        canvas.paint(shape.grown(1.0), Tissue.WALL)
    for shape in right:
        canvas.paint(shape.grown(1.8), Tissue.MYOCARDIUM)
    canvas.paint(arteries.grown(1.2), Tissue.AORTIC_WALL)
    for shape in (*right, *veins, arteries, _tricuspid(canvas, heart)):
        canvas.paint(shape, Tissue.BLOOD)
    canvas.paint(meet(heart.left_ventricle(canvas, a.myocardium), room), Tissue.MYOCARDIUM)
    canvas.paint(aorta.grown(a.aortic_wall), Tissue.AORTIC_WALL)
    atrium = heart.atrium(canvas)
    _paint_wall(canvas, heart, atrium, rng)
    cavity = meet(heart.left_ventricle(canvas, 0.0), room.grown(-a.myocardium))
    for shape in (*pulmonary, atrium, cavity, aorta):
        canvas.paint(shape, Tissue.BLOOD)
    _paint_papillary_muscles(canvas, heart)
    _paint_valves(canvas, heart)
    mask = np.zeros(canvas.labels.shape, np.bool_)
    mask[atrium.window] = (atrium.distance < 0) & (canvas.labels[atrium.window] == Tissue.BLOOD)
    return mask


def _tricuspid(canvas: Canvas, heart: Heart) -> Shape:
    into = heart._along(0.25 * heart.anatomy.left_ventricle_length, heart.anatomy.left_ventricle_radius + 18).origin
    return canvas.tube([heart.points((-14, -42, -36)), into], [15.0, 13.0])


def _paint_wall(canvas: Canvas, heart: Heart, atrium: Shape, rng: np.random.Generator) -> None:
    """Paint the atrial wall with patches of fibrosis, denser on the posterior wall, on about `fibrosis_share` of it."""
    a = heart.anatomy
    shell = atrium.grown(a.wall)
    canvas.paint(shell, Tissue.WALL)
    z, y, x = (axis[cut] for axis, cut in zip(canvas.axes, atrium.window, strict=True))
    density = random_field(rng, (z, y, x), a.fibrosis_size) + (y / 40).clip(-1, 1).astype(np.float32)[:, None]
    edge = (np.float32(NormalDist().inv_cdf(1 - a.fibrosis_share)) - density) * np.float32(0.5 * a.fibrosis_size)
    canvas.paint(Shape(shell.window, np.maximum(shell.distance, edge)), Tissue.FIBROSIS)


def _paint_papillary_muscles(canvas: Canvas, heart: Heart) -> None:
    reach = 0.55 * heart.anatomy.left_ventricle_radius
    for away in (-0.8, 0.9):
        side = heart._along(0).axes[:, 0] * away * reach
        ends = [heart.mitral + side + f * heart.anatomy.left_ventricle_length * heart.axis for f in (0.5, 1.05)]
        canvas.paint(canvas.tube(ends, [3.5, 6.0]), Tissue.MYOCARDIUM)


def _paint_valves(canvas: Canvas, heart: Heart) -> None:
    """Paint thin leaflets: a disc with a hole at the mitral plane, and a disc without one at the aortic root."""
    a = heart.anatomy
    mitral = Frame(heart.mitral, heart.ventricle_axes)
    disc = canvas.ellipsoid(mitral, (19.0, 19.0, a.valve_thickness))
    hole = canvas.ellipsoid(mitral, (17.0 * a.valve_opening, 17.0 * a.valve_opening, 30.0))
    canvas.paint(without(disc, hole), Tissue.VALVE, onto=(Tissue.BLOOD, Tissue.WALL, Tissue.MYOCARDIUM))
    root = heart.points([(-4, -33, 18), (6, -34, 9)])
    up = (root[1] - root[0]) / np.linalg.norm(root[1] - root[0])
    side = np.cross(up, heart.axis)
    side /= np.linalg.norm(side)
    cusps = Frame(root.mean(0), np.stack([side, np.cross(side, up), up], axis=1))
    radius = a.ascending_radius
    canvas.paint(canvas.ellipsoid(cusps, (radius, radius, 0.6 * a.valve_thickness)), Tissue.VALVE, onto=(Tissue.BLOOD,))
