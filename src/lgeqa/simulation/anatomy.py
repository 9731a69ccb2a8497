"""The parameters of one person's anatomy, each with its lowest, most common and highest value."""

from typing import Any, Self

import numpy as np
from pydantic import Field

from lgeqa.config import Settings


def _from(low: float, common: float, high: float) -> Any:
    return Field(default=common, ge=low, le=high)


class Anatomy(Settings):
    """The anatomy of one person, in millimetres and degrees.

    `Anatomy()` is the most common one. The origin is the centre of the left atrium, and axes are (z, y, x) =
    (superior, posterior, left). The atrium's size, volume and number of slices are fitted to masks of the 2018 atrial
    challenge. All else is fitted by eye to its scans and, outside their field of view, to general proportions.
    `*_left` is a distance to the left and `*_top` a height. `squareness`, `taper`, `scale`, `share`, `length` of
    appendage and veins, `roof`, `turn`, `opening`, `phase` and `unevenness` are ratios unless a unit is in the name.
    """

    # The body.
    body_half_depth: float = _from(108, 122, 145)
    body_half_width: float = _from(145, 168, 205)
    body_squareness: float = _from(2.1, 2.4, 2.9)
    body_left: float = _from(-12, 4, 16)
    body_roll_deg: float = _from(-6, 0, 6)
    fat_thickness: float = _from(4, 13, 34)
    breast: float = _from(-25, 0, 30)
    muscle_thickness: float = _from(12, 17, 24)
    lung_inset: float = _from(0, 6, 22)
    arm_gap: float = _from(2, 12, 60)
    arm_radius: float = _from(34, 44, 60)
    shoulder_taper: float = _from(-0.0008, 0.0002, 0.001)
    rib_drop: float = _from(50, 75, 100)
    spine_behind: float = _from(44, 49, 60)
    spine_left: float = _from(-16, -6, 3)
    vertebra_radius: float = _from(14, 16.5, 20)
    vertebra_height: float = _from(20, 24, 28)
    disc_phase: float = _from(0, 0.5, 1)
    liver_top: float = _from(-50, -28, -6)
    stomach_top: float = _from(-62, -42, -22)
    carina: float = _from(34, 44, 58)
    oesophagus_left: float = _from(-8, 4, 14)
    oesophagus_radius: float = _from(4, 5.5, 8)

    # The great vessels.
    descending_radius: float = _from(9.5, 12.5, 17)
    descending_left: float = _from(16, 25, 33)
    ascending_radius: float = _from(13, 16.5, 22)
    pulmonary_radius: float = _from(9.5, 12, 15)
    cava_radius: float = _from(7, 9.5, 12)
    arch_top: float = _from(62, 76, 92)
    aortic_wall: float = _from(1.0, 1.5, 2.2)

    # The heart.
    heart_scale: float = _from(0.9, 1.02, 1.18)
    heart_roll_deg: float = _from(-14, 0, 14)
    heart_pitch_deg: float = _from(-10, 0, 10)
    heart_tilt_deg: float = _from(-8, 0, 8)
    left_ventricle_radius: float = _from(20, 24, 32)
    left_ventricle_length: float = _from(52, 62, 76)
    myocardium: float = _from(7, 9, 14)
    right_ventricle_scale: float = _from(0.85, 1, 1.25)
    right_atrium_scale: float = _from(0.85, 1, 1.3)
    epicardial_fat: float = _from(2, 5, 10)

    # The left atrium.
    atrium_scale: float = _from(0.82, 1, 1.34)
    atrium_half_height: float = _from(22, 28, 36)
    atrium_half_depth: float = _from(16, 20, 28)
    atrium_half_width: float = _from(29, 35, 44)
    atrium_roof: float = _from(-0.3, 0.1, 0.5)
    atrium_turn_deg: float = _from(-14, 4, 18)
    appendage_length: float = _from(0.6, 1, 1.35)
    appendage_radius: float = _from(7, 9, 12)
    appendage_turn: float = _from(-0.5, 0.1, 0.8)
    vein_radius: float = _from(5.5, 7, 9.5)
    vein_length: float = _from(0.6, 0.85, 1.2)
    vein_lift: float = _from(-8, 0, 8)
    wall: float = _from(1.4, 2.0, 2.8)
    fibrosis_share: float = _from(0.02, 0.15, 0.45)
    fibrosis_size: float = _from(7, 11, 16)
    valve_thickness: float = _from(1.4, 2.0, 3.0)
    valve_opening: float = _from(0.35, 0.6, 0.8)

    # The texture of things.
    warp: float = _from(1.0, 1.8, 2.8)
    warp_size: float = _from(28, 36, 48)
    lung_vessels: int = Field(default=16, ge=11, le=22)
    unevenness: float = _from(0.02, 0.05, 0.1)

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Self:
        """Draw a person, each value from the triangular distribution of its lowest, most common and highest value."""
        values: dict[str, float] = {}
        for name, field in cls.model_fields.items():
            low, high = (next(getattr(m, k) for m in field.metadata if hasattr(m, k)) for k in ("ge", "le"))
            drawn = float(rng.triangular(low, field.default, high))
            values[name] = round(drawn) if field.annotation is int else round(drawn, 4)
        return cls.of(values, "a drawn anatomy")

    @property
    def atrium_radii(self) -> tuple[float, float, float]:
        """Half the height, depth and width of the atrium's body, in mm."""
        scale = self.atrium_scale
        return scale * self.atrium_half_height, scale * self.atrium_half_depth, scale * self.atrium_half_width
