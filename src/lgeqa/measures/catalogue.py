"""The catalogue of image quality measures: name, unit, direction and explanation of each."""

from dataclasses import dataclass
from typing import Final, Literal

Direction = Literal["higher", "lower", "neither"]


@dataclass(frozen=True)
class Measure:
    """One image quality measure.

    Attributes:
        name: Identifier in records, tables and code, and name of the function that computes the measure.
        title: Display name.
        unit: Display unit, empty for a pure number.
        better: Direction of better values, `neither` for a descriptive value.
        meaning: Explanation of the measure for a technologist.
        if_poor: Appearance or cause of a poor value, empty where `better` is `neither`.
        decimals: Number of decimal places shown.
        by_slice: Whether the measure is also computed for each slice.
    """

    name: str
    title: str
    unit: str
    better: Direction
    meaning: str
    if_poor: str = ""
    decimals: int = 2
    by_slice: bool = False


MEASURES: Final[tuple[Measure, ...]] = (
    Measure(
        "wall_cnr",
        "Contrast of the atrial wall",
        "",
        "higher",
        "How far the atrial wall stands out from the blood, along half of it or more, in units of the blood's spread.",
        "The wall hardly stands out from the blood: little enhancement, an inversion time that does not fit, or noise.",
        by_slice=True,
    ),
    Measure(
        "asnr",
        "Signal-to-noise ratio of blood",
        "",
        "higher",
        "Signal of the blood pool over its spread (apparent signal-to-noise ratio).",
        "The image is grainy: thin slices, a coil too far away, few heartbeats, or little contrast agent.",
        decimals=1,
        by_slice=True,
    ),
    Measure(
        "edge_width_mm",
        "Width of the edges",
        "mm",
        "lower",
        "How many millimetres the signal takes to fall from 90 % to 10 % across the border of the atrium.",
        "The border is blurred: breathing, a drifting navigator, an irregular heartbeat, or a coarse matrix.",
        by_slice=True,
    ),
    Measure(
        "nulling_ratio",
        "Signal left in the myocardium",
        "",
        "lower",
        "Signal of muscle, or else of dark tissue beside the blood pools, over that of blood; 0 is as dark as lung.",
        "Muscle is not nulled: the inversion time does not fit.",
    ),
    Measure(
        "dark_line_percent",
        "Dark line around the blood",
        "% of blood",
        "lower",
        "How much darker the border of the atrium is than the tissue beyond it.",
        "Muscle is bright behind a dark line: the inversion time is too short.",
        decimals=1,
    ),
    Measure(
        "aortic_wall_contrast",
        "Contrast of the aortic wall",
        "",
        "higher",
        "How far the wall of the descending aorta stands out from the blood in it, in units of the blood's spread.",
        "The aortic wall does not enhance: contrast agent, delay or inversion time.",
        by_slice=True,
    ),
    Measure(
        "septal_contrast",
        "Signal of septa and valves",
        "",
        "higher",
        "Signal of the bright part of thin tissue between the atrium and another blood pool, over that of blood.",
        "Septa and valves do not enhance: contrast agent, delay or inversion time.",
    ),
    Measure(
        "noise_percent",
        "Noise",
        "% of blood",
        "lower",
        "Fine-grained variation inside the atrial blood pool, as a share of its signal. Shading does not count.",
        "The image is grainy: thin slices, a coil too far away, few heartbeats, or little contrast agent.",
        decimals=1,
        by_slice=True,
    ),
    Measure(
        "shading_percent",
        "Shading",
        "% of blood",
        "lower",
        "How much the smoothed signal of the blood pool varies from place to place.",
        "The signal is uneven: coil position, inflow of blood, or no correction of the coils' profile.",
        decimals=1,
    ),
    Measure(
        "ghosting_percent",
        "Ghosting",
        "% of signal",
        "lower",
        "How strong the strongest copy of the image in its own dark background is.",
        "Copies of moving tissue lie over the image: breathing, a missing saturation band, or arrhythmia.",
        decimals=1,
        by_slice=True,
    ),
    Measure(
        "clipping_percent",
        "Clipped voxels",
        "%",
        "lower",
        "Share of voxels at the highest grey level of the scan.",
        "Bright tissue was cut off when the scan was stored: export it with its full range of grey levels.",
        decimals=3,
        by_slice=True,
    ),
    Measure(
        "margin_below_mm",
        "Stack below the atrium",
        "mm",
        "higher",
        "How far the stack of slices reaches below the lowest slice with the atrium.",
        "The stack ends at the atrium: its lower part may be missing.",
        decimals=1,
    ),
    Measure(
        "margin_above_mm",
        "Stack above the atrium",
        "mm",
        "higher",
        "How far the stack of slices reaches above the highest slice with the atrium.",
        "The stack ends at the atrium: its upper part may be missing.",
        decimals=1,
    ),
    Measure(
        "empty_slices",
        "Empty slices",
        "",
        "lower",
        "How many slices hold a single grey level, or no signal.",
        "Slices were lost: send or export the scan again.",
        decimals=0,
    ),
    Measure(
        "repeated_slices",
        "Repeated slices",
        "",
        "lower",
        "How many slices are a copy of the slice below.",
        "Slices were lost and filled up with copies: send or export the scan again.",
        decimals=0,
    ),
    Measure(
        "image_intensity_ratio",
        "Image intensity ratio of the wall",
        "",
        "neither",
        "Mean signal of the atrial wall over that of the blood pool. It depends on the patient's fibrosis, too.",
        by_slice=True,
    ),
    Measure(
        "wall_above_iir_0_97_percent",
        "Wall above ratio 0.97",
        "%",
        "neither",
        "Share of the atrial wall with more than 0.97 times the signal of blood (a published threshold of fibrosis).",
        decimals=1,
    ),
    Measure(
        "wall_above_iir_1_20_percent",
        "Wall above ratio 1.20",
        "%",
        "neither",
        "Share of the atrial wall with more than 1.20 times the signal of blood (a published threshold of fibrosis).",
        decimals=1,
    ),
    Measure(
        "wall_above_iir_1_61_percent",
        "Wall above ratio 1.61",
        "%",
        "neither",
        "Share of the atrial wall with more than 1.61 times the signal of blood (a published threshold of dense scar).",
        decimals=1,
    ),
    Measure(
        "wall_above_3_3_sd_percent",
        "Wall above blood + 3.3 SD",
        "%",
        "neither",
        "Share of the atrial wall brighter than blood by 3.3 of its standard deviations (a published threshold).",
        decimals=1,
    ),
    Measure(
        "blood_signal",
        "Blood signal",
        "grey levels",
        "neither",
        "Signal of the atrial blood pool above that of air. It depends on the scanner's scaling.",
        decimals=1,
        by_slice=True,
    ),
    Measure(
        "atrium_volume_ml",
        "Volume of the atrium",
        "ml",
        "neither",
        "Volume of the atrial blood pool as it was found.",
        decimals=0,
    ),
    Measure(
        "atrium_height_mm",
        "Height of the atrium",
        "mm",
        "neither",
        "From the lowest to the highest slice with the atrium.",
        decimals=0,
    ),
    Measure(
        "pixel_mm",
        "Pixel size",
        "mm",
        "neither",
        "In-plane pixel size as stored, the larger of the two; the acquired one may be coarser.",
    ),
    Measure(
        "slice_mm",
        "Slice spacing",
        "mm",
        "neither",
        "From one slice to the next as stored; the acquired thickness may be larger.",
    ),
)
#: Measures by name.
BY_NAME: Final = {measure.name: measure for measure in MEASURES}
