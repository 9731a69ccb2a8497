"""Paint the heart and the roots of its vessels on a canvas, with the left atrium in detail.

Points are (z, y, x) mm from the centre of the left atrium of a common heart: superior, posterior, left.
"""

import numpy as np
import numpy.typing as npt

from lgeqa.records import BoolArray
from lgeqa.simulate.anatomy import Anatomy
from lgeqa.simulate.shapes import Canvas, Frame, Shape, meet, random_field, union, without
from lgeqa.simulate.tissue import Tissue

Array = npt.NDArray[np.float64]

#: Course of each pulmonary vein in half sizes of the atrium, from inside it to the hilum, and of the appendage.
_VEINS = {
    "left superior": ((0.45, 0.1, 0.6), (0.85, 0.4, 1.15), (1.15, 0.75, 1.65), (1.5, 0.8, 2.2)),
    "left inferior": ((-0.05, 0.4, 0.7), (-0.15, 1.0, 1.2), (-0.25, 1.55, 1.65), (-0.4, 1.9, 2.2)),
    "right superior": ((0.4, -0.15, -0.6), (0.65, -0.25, -1.15), (0.85, -0.05, -1.65), (1.2, 0.2, -2.2)),
    "right inferior": ((-0.2, 0.4, -0.6), (-0.35, 0.95, -1.05), (-0.5, 1.5, -1.5), (-0.7, 1.9, -2.0)),
}
_APPENDAGE = ((0.3, -0.3, 0.75), (0.6, -0.75, 1.15), (0.85, -1.3, 1.2), (0.95, -1.75, 0.95))
_MITRAL = np.array([-14.0, -21.0, 26.0])
_LV_AXIS = np.array([-0.40, -0.62, 0.67]) / np.linalg.norm([-0.40, -0.62, 0.67])


class Heart:
    """The heart of one person, in the world's coordinates."""

    def __init__(self, anatomy: Anatomy) -> None:
        self.anatomy = anatomy
        turn = (anatomy.heart_roll_deg, anatomy.heart_pitch_deg, anatomy.heart_tilt_deg)
        self.frame = Frame.at((0.0, 0.0, 0.0), turn)
        size = (anatomy.atrium_half_height / 26, anatomy.atrium_half_depth / 20, anatomy.atrium_half_width / 35)
        self.mitral = self.points(_MITRAL * (0.5 + 0.5 * np.array(size)))
        self.axis: Array = self.frame.axes @ _LV_AXIS
        side = np.cross(self.axis, self.frame.axes @ np.array([0.25, -0.7, -0.67]))
        side /= np.linalg.norm(side)
        self.ventricle_axes: Array = np.stack([side, np.cross(side, self.axis), self.axis], axis=1)

    def points(self, points: npt.ArrayLike) -> Array:
        """Points of the common heart as points of this one."""
        return self.frame.points(self.anatomy.heart_scale * np.asarray(points, np.float64))

    def _along(self, mm: float, toward_right: float = 0.0) -> Frame:
        return Frame(self.mitral + mm * self.axis + toward_right * self.ventricle_axes[:, 1], self.ventricle_axes)

    def left_ventricle(self, canvas: Canvas, wall_mm: float) -> Shape:
        """The left ventricle from the mitral plane to the apex; `wall_mm` of zero gives its cavity."""
        a = self.anatomy
        long, wide = a.left_ventricle_length + wall_mm, a.left_ventricle_radius + wall_mm
        body = canvas.ellipsoid(self._along(0.36 * a.left_ventricle_length), (wide, wide, long))
        return without(body, canvas.half_space(body, self.mitral, self.axis))

    def right_ventricle(self, canvas: Canvas) -> Shape:
        """The right ventricle with its outflow tract."""
        a = self.anatomy
        s = a.heart_scale * a.right_ventricle_scale
        away = a.left_ventricle_radius + a.myocardium + 8 * s
        body = canvas.ellipsoid(self._along(0.42 * a.left_ventricle_length, away), (30 * s, 21 * s, 46 * s))
        outflow = canvas.tube(self.points([(-14, -66, 2), (2, -70, 12), (22, -60, 22)]), np.array([15, 14, 12]) * s)
        return union([body, outflow], 10.0)

    def right_atrium(self, canvas: Canvas) -> Shape:
        """The right atrium with its appendage and the ends of both venae cavae."""
        a = self.anatomy
        s = a.heart_scale * a.right_atrium_scale
        body = canvas.ellipsoid(Frame.at(tuple(self.points((-8, -38, -44))), (-20, 0, 0)), (30 * s, 25 * s, 24 * s))
        appendage = canvas.tube(self.points([(4, -44, -44), (14, -56, -32), (18, -60, -16)]), np.array([14, 11, 7]) * s)
        upper = canvas.tube(
            self.points([(95, -26, -28), (60, -18, -32), (36, -14, -37), (10, -24, -42)]),
            a.cava_radius * np.array([1, 1, 1.05, 1.2]),
        )
        lower = canvas.tube(
            self.points([(-110, -4, -24), (-60, -6, -20), (-40, -14, -28), (-20, -30, -38)]),
            a.cava_radius * np.array([1.3, 1.3, 1.4, 1.5]),
        )
        return union([body, appendage, upper, lower], 6.0)

    def aorta(self, canvas: Canvas) -> Shape:
        """Outflow tract, root and ascending aorta up to the arch."""
        a = self.anatomy
        course = self.points([(-18, -38, 30), (-4, -33, 18), (6, -34, 9), (22, -40, -6), (42, -42, -14)])
        top = (a.arch_top - 8, -26.0, -10.0)
        return canvas.tube([*course, top], a.ascending_radius * np.array([0.7, 0.85, 1.12, 1.0, 1.0, 0.95]))

    def pulmonary_arteries(self, canvas: Canvas) -> Shape:
        """Trunk, right artery behind the ascending aorta and left artery over the left bronchus."""
        r = self.anatomy.pulmonary_radius
        right = [(16, -62, 22), (30, -48, 28), (38, -26, 16), (38, -2, -10), (36, 6, -36), (30, 14, -58)]
        left = [(30, -48, 28), (42, -24, 32), (50, 2, 42), (42, 18, 52), (26, 22, 60)]
        return union(
            [
                canvas.tube(self.points(right), r * np.array([1.1, 1.15, 1.1, 0.95, 0.9, 0.6])),
                canvas.tube(self.points(left), r * np.array([1.1, 1.05, 0.95, 0.8, 0.5])),
            ],
            6.0,
        )

    def _atrial(self, points: npt.ArrayLike) -> Array:
        a = self.anatomy
        turn = Frame.at((0.0, 0.0, 0.0), (a.atrium_turn_deg, 0.0, 0.0))
        return turn.points(np.asarray(points) * (a.atrium_half_height, a.atrium_half_depth, a.atrium_half_width))

    def vein(self, canvas: Canvas, name: str, end: int) -> Shape:
        """One pulmonary vein, of its four points as many as `end`."""
        a = self.anatomy
        course = np.array(_VEINS[name])[:end]
        course[1:] = course[:1] + (course[1:] - course[:1]) * a.vein_length
        points = self._atrial(course)
        points[1:, 0] += a.vein_lift * (1 if "left" in name else -0.6)
        return canvas.tube(points, a.vein_radius * np.array([1.5, 1.1, 0.95, 0.6])[:end])

    def atrium(self, canvas: Canvas) -> Shape:
        """The left atrium: body, roof, vestibule, appendage, four proximal veins, cut at the mitral plane."""
        a = self.anatomy
        turned = Frame.at((0.0, 0.0, 0.0), (a.atrium_turn_deg, 0.0, 0.0))
        body = canvas.ellipsoid(turned, (a.atrium_half_height, a.atrium_half_depth, a.atrium_half_width))
        roof = canvas.tube(
            self._atrial([(0.35 + 0.4 * a.atrium_roof, 0, -0.5), (0.35 - 0.2 * a.atrium_roof, 0.05, 0.55)]),
            0.72 * a.atrium_half_depth * np.ones(2),
        )
        vestibule = canvas.tube(
            [self._atrial((0, 0, 0.2)), self.mitral + 6 * self.axis], [0.85 * a.atrium_half_depth, 16.0]
        )
        parts = [body, roof, vestibule, self.appendage(canvas), *(self.vein(canvas, name, 3) for name in _VEINS)]
        whole = union(parts, 6.0)
        return meet(whole, canvas.half_space(whole, self.mitral, self.axis))

    def appendage(self, canvas: Canvas) -> Shape:
        """The left-atrial appendage, a curved sac between pulmonary trunk and left superior vein."""
        a = self.anatomy
        course = np.array(_APPENDAGE)
        course[2:, 0] += a.appendage_turn * np.array([0.4, 0.8])
        course = course[:1] + (course - course[:1]) * a.appendage_length
        return canvas.tube(self._atrial(course), a.appendage_radius * np.array([0.9, 1.0, 1.1, 0.6]))


def paint_mediastinum(canvas: Canvas, heart: Heart) -> None:
    """Lay the fat that the heart and its vessels lie in."""
    fat = heart.anatomy.epicardial_fat
    parts = (heart.left_ventricle(canvas, heart.anatomy.myocardium), heart.right_ventricle(canvas))
    for shape in (*parts, heart.right_atrium(canvas), heart.atrium(canvas), heart.aorta(canvas)):
        canvas.paint(shape.grown(fat + 2.0), Tissue.CONNECTIVE)
    for shape in (*parts, heart.right_atrium(canvas), heart.atrium(canvas), heart.aorta(canvas)):
        canvas.paint(shape.grown(fat + 0.8), Tissue.FAT)


def paint_heart(canvas: Canvas, heart: Heart, rng: np.random.Generator) -> BoolArray:
    """Paint the chambers, vessel roots and valves; return the mask of the left-atrial blood pool."""
    a = heart.anatomy
    for shape in (heart.right_atrium(canvas), heart.right_ventricle(canvas)):
        canvas.paint(shape.grown(2.5), Tissue.MYOCARDIUM)
    arteries = heart.pulmonary_arteries(canvas)
    canvas.paint(arteries.grown(1.2), Tissue.AORTIC_WALL)
    for shape in (heart.right_atrium(canvas), heart.right_ventricle(canvas), arteries):
        canvas.paint(shape, Tissue.BLOOD)
    canvas.paint(_tricuspid(canvas, heart), Tissue.BLOOD)
    aorta = heart.aorta(canvas)
    canvas.paint(heart.left_ventricle(canvas, a.myocardium), Tissue.MYOCARDIUM)
    canvas.paint(aorta.grown(a.aortic_wall), Tissue.AORTIC_WALL)
    atrium = heart.atrium(canvas)
    for name in ("left superior", "left inferior", "right superior", "right inferior"):
        vein = heart.vein(canvas, name, 4)
        canvas.paint(vein.grown(1.0), Tissue.WALL)
        canvas.paint(vein, Tissue.BLOOD)
    _paint_wall(canvas, heart, atrium, rng)
    for shape in (atrium, heart.left_ventricle(canvas, 0.0), aorta):
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
    """The atrial wall, its most scarred share as fibrosis: patches, denser on the posterior wall."""
    a = heart.anatomy
    shell = meet(atrium.grown(a.wall), canvas.half_space(atrium, heart.mitral, heart.axis))
    canvas.paint(shell, Tissue.WALL)
    z, y, x = (axis[cut] for axis, cut in zip(canvas.axes, atrium.window, strict=True))
    patches = random_field(rng, (z, y, x), a.fibrosis_size) + 0.02 * y[None, :, None].astype(np.float32)
    wall = (np.abs(shell.distance + a.wall / 2) < a.wall) & (shell.distance < 0)
    if wall.any():
        scarred = patches > np.quantile(patches[wall], 1 - a.fibrosis_share)
        shell.distance[~scarred] = np.float32(1e3)
        canvas.paint(shell, Tissue.FIBROSIS)


def _paint_papillary_muscles(canvas: Canvas, heart: Heart) -> None:
    reach = 0.55 * heart.anatomy.left_ventricle_radius
    for away in (-0.8, 0.9):
        side = heart._along(0).axes[:, 0] * away * reach
        ends = [heart.mitral + side + f * heart.anatomy.left_ventricle_length * heart.axis for f in (0.5, 1.05)]
        canvas.paint(canvas.tube(ends, [3.5, 6.0]), Tissue.MYOCARDIUM)


def _paint_valves(canvas: Canvas, heart: Heart) -> None:
    """Thin leaflets: a disc with a hole at the mitral plane, and one without at the aortic root."""
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
