"""Pictures of a scan: its atrium slices, with outlines of the blood pools and attribution maps over them.

Every picture shows the square that the quality network saw, patient's right on the left and anterior above.
"""

import io
from base64 import b64encode
from typing import Self

import numpy as np
import numpy.typing as npt
from contourpy import contour_generator
from PIL import Image

from lgeqa.config import Frozen
from lgeqa.inference.pipeline import Assessment
from lgeqa.preprocessing.padding import image_area, image_window
from lgeqa.preprocessing.quality_input import (
    QualityField,
    QualityPreparation,
    quality_field,
    quality_weights,
    seen_window,
)
from lgeqa.preprocessing.resampling import resample
from lgeqa.records import BoolArray, FloatArray

Polygon = list[tuple[float, float]]

#: Rows and columns of a picture, and of the thumbnail.
PIXELS = 256
THUMBNAIL_PIXELS = 96
#: Percentiles over all pictures that the automatic window reaches from and to, and where the wide window ends.
_WINDOW = (1.0, 99.5)
_BRIGHTEST = 99.95
#: Part of the automatic window below its first percentile, so that the noise of air is not clipped to black.
_BELOW = 0.05
#: Quality of JPEG. At 90 the noise of a scan, which is part of its quality, is kept in each window.
_JPEG_QUALITY = 90
#: Decimals of the logits of a map.
_MAP_DECIMALS = 3

#: Start and end of a script that passes the pictures of a scan on to the page that loads it.
_SCRIPT = ("lgeqaPictures(", ");\n")

Grey = npt.NDArray[np.uint8]
Outline = tuple[tuple[float, ...], ...]
Window = tuple[float, float]
Maps = tuple[tuple[tuple[float, ...], ...], ...]


class SlicePicture(Frozen):
    """One slice that holds the left atrium.

    Attributes:
        index: Index along the slice axis of the file's own order, as in the result.
        position_mm: LPS z of the slice's centre.
        jpeg: Picture, 8 bits grey, as JPEG in Base64.
        outline: Outline of the atrium: closed polygons, each x, y, x, y, ... in pixels of the picture. (0, 0) is the
            outer corner of its first pixel.
        aorta: Outline of the descending aorta, in the same form. Empty if none was found.
        pools: Outline of the other blood pools, in the same form. Empty if none were found.
        maps: Attribution maps of the logits, (scale, row, column), in the order of `scales.SCALE_NAMES`, over the whole
            picture. Values above 0 speak for diagnostic, below 0 against. None if the bundle gives no maps.
    """

    index: int
    position_mm: float
    jpeg: str
    outline: Outline
    aorta: Outline
    pools: Outline
    maps: Maps | None


class PictureWindows(Frozen):
    """Grey levels of the scan that are drawn black and white, by the name of the window.

    Attributes:
        automatic: From 5 % of the window below the 1st percentile to the 99.5th percentile of all pictures.
        wide: From the darkest level of all pictures to the 99.95th percentile.
        blood: From the black of `automatic`, with the level of the atrial blood pool in the middle.
    """

    automatic: Window
    wide: Window
    blood: Window


class ScanPictures(Frozen):
    """Pictures of a scan that the report and the web application show.

    Attributes:
        pixels: Rows and columns of each picture.
        pixel_mm: Side of a pixel in millimetres.
        windows: Windows to choose from. The pictures themselves, without the thumbnail, have the wide one.
        prepared: Part of the pictures that the quality network saw: left, top, right and bottom, in pixels. The rest is
            off the scan, padding, or beyond the margin around the atrium.
        thumbnail: Small picture of the slice with the most atrium, as JPEG in Base64.
        slices: Picture of each slice that holds the atrium, from inferior to superior, as in the result.
    """

    pixels: int
    pixel_mm: float
    windows: PictureWindows
    prepared: tuple[float, float, float, float]
    thumbnail: str
    slices: tuple[SlicePicture, ...]

    @classmethod
    def from_script(cls, script: bytes) -> Self:
        """Return the pictures that a script of `to_script` holds.

        Raises:
            ValidationError: The script holds something else.
        """
        start, end = (part.encode() for part in _SCRIPT)
        return cls.model_validate_json(script.removeprefix(start).removesuffix(end))

    def to_script(self) -> str:
        """Return the pictures as a script, the only form in which a page that was opened as a file can load data."""
        start, end = _SCRIPT
        return f"{start}{self.model_dump_json()}{end}"


def draw_pictures(assessment: Assessment, preparation: QualityPreparation) -> ScanPictures:
    """Draw the slices of a scan that hold the atrium.

    Args:
        assessment: Assessment of a scan with at least one slice that holds the atrium.
        preparation: Preparation of the slices for the quality network, which sets the square that is shown.
    """
    scan, atrium, heart = assessment.scan, assessment.atrium, assessment.heart
    aorta, pools = (heart.aorta, heart.pools) if heart else (np.zeros_like(atrium),) * 2
    atrium_slices = np.flatnonzero(atrium.any(axis=(1, 2)))
    finer = preparation.model_copy(update={"pixels": PIXELS})
    rows, columns = quality_weights(atrium, scan.spacing_mm, finer)
    on_scan = np.outer(rows.any(axis=1), columns.any(axis=1))
    levels = resample(scan.voxels[atrium_slices], rows, columns)
    windows = _windows(levels[:, on_scan], float(np.median(scan.voxels[atrium])))
    largest = int(np.argmax(atrium[atrium_slices].sum(axis=(1, 2))))
    field = quality_field(atrium, scan.spacing_mm, finer)
    pixel_mm = scan.spacing_mm[1:]
    maps = (
        [None] * len(atrium_slices)
        if assessment.maps is None
        else [_rounded(slice_maps) for slice_maps in assessment.maps]
    )
    return ScanPictures(
        pixels=PIXELS,
        pixel_mm=field.pixel_mm,
        windows=windows,
        prepared=_prepared(assessment, preparation, field),
        thumbnail=_jpeg(_to_grey(levels[largest], windows.automatic) * on_scan, THUMBNAIL_PIXELS),
        slices=tuple(
            SlicePicture(
                index=scan.file_slices[z],
                position_mm=scan.slice_positions_mm[z],
                jpeg=_jpeg(_to_grey(picture, windows.wide) * on_scan),
                outline=_outline(atrium[z], pixel_mm, field),
                aorta=_outline(aorta[z], pixel_mm, field),
                pools=_outline(pools[z], pixel_mm, field),
                maps=slice_maps,
            )
            for z, picture, slice_maps in zip(atrium_slices, levels, maps, strict=True)
        ),
    )


def _windows(levels: FloatArray, blood: float) -> PictureWindows:
    """Return the windows of a scan from the grey levels of its pictures and the level of the blood pool."""
    first, white, brightest = (float(level) for level in np.percentile(levels, (*_WINDOW, _BRIGHTEST)))
    black = first - _BELOW * (white - first)
    return PictureWindows(
        automatic=(black, white),
        wide=(float(levels.min()), brightest),
        blood=(black, black + 2 * max(blood - black, 0)),
    )


def _to_grey(levels: FloatArray, window: Window) -> Grey:
    """Return grey levels of a scan within a window as 8 bits."""
    black, white = window
    grey: Grey = np.rint(np.clip((levels - black) / max(white - black, 1e-6), 0, 1) * 255).astype(np.uint8)
    return grey


def _prepared(
    assessment: Assessment, preparation: QualityPreparation, field: QualityField
) -> tuple[float, float, float, float]:
    """Return the part of the pictures that the quality network saw: left, top, right and bottom, in pixels."""
    scan = assessment.scan
    shown = zip(
        image_window(image_area(scan.voxels)), seen_window(assessment.atrium, scan.spacing_mm, preparation), strict=True
    )
    ends = []
    for (image, seen), mm, points in zip(shown, scan.spacing_mm[1:], (field.rows_mm, field.columns_mm), strict=True):
        edges_mm = (np.array([max(image.start, seen.start), min(image.stop, seen.stop)]) - 0.5) * mm
        places = np.clip((edges_mm - points[0]) / field.pixel_mm + 0.5, 0, PIXELS)
        ends.append([round(float(place), 1) for place in places])
    (top, bottom), (left, right) = ends
    return left, top, right, bottom


def _outline(mask: BoolArray, pixel_mm: tuple[float, float], field: QualityField) -> Outline:
    """Return the polygons of a slice of the scan, in pixels of the picture."""
    corner_mm = np.array([field.rows_mm[0], field.columns_mm[0]]) - field.pixel_mm / 2
    places_mm = ((np.array(polygon) - 0.5) * pixel_mm - corner_mm for polygon in outlines(mask))
    return tuple(tuple(np.round(points[:, ::-1] / field.pixel_mm, 1).ravel().tolist()) for points in places_mm)


def _jpeg(picture: Grey, pixels: int = PIXELS) -> str:
    written = io.BytesIO()
    image = Image.fromarray(picture).resize((pixels, pixels), Image.Resampling.BOX)
    image.save(written, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    return b64encode(written.getvalue()).decode("ascii")


def _rounded(maps: FloatArray) -> Maps:
    """Return the maps (scale, row, column) of a slice as plain numbers."""
    return tuple(
        tuple(tuple(round(float(cell), _MAP_DECIMALS) for cell in row) for row in scale_map) for scale_map in maps
    )


def outlines(mask: BoolArray) -> list[Polygon]:
    """Return the lines between a mask and its surroundings, by marching squares at one half.

    Args:
        mask: Mask, bool (row, column).

    Returns:
        Closed polygons of (row, column) points in pixels, where pixel (0, 0) extends from 0 to 1 in both. Each point
        is the middle of a side of a pixel, and points on a straight line are left out. Pixels that touch only at a
        corner are separate. A hole is a separate polygon.
    """
    middles = np.pad(mask, 1).astype(np.float64)  # the first pixel, with its middle at 0.5, gets index 1
    lines = contour_generator(z=middles).lines(0.5)  # closed, so that the last point is the first
    points = ((np.asarray(line)[:-1, ::-1] - 0.5).tolist() for line in lines)
    return [_without_straight([(row, column) for row, column in polygon]) for polygon in points]


def _without_straight(points: Polygon) -> Polygon:
    """Return the points without those on a straight line between their neighbours."""
    around = zip([points[-1], *points[:-1]], points, [*points[1:], points[0]], strict=True)
    return [here for a, here, b in around if (here[0] - a[0]) * (b[1] - here[1]) != (here[1] - a[1]) * (b[0] - here[0])]
