"""What is shown of a scan: its atrium slices as pictures, with outlines of the blood pools and the maps over them.

Every picture shows the square that the quality network saw, patient's right on the left and anterior above.
"""

import io
from base64 import b64encode

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import BaseModel, ConfigDict

from lgeqa.pipeline import Assessment
from lgeqa.prepare.quality import QualityField, QualityPreparation, quality_field, quality_weights
from lgeqa.prepare.resample import resample
from lgeqa.records import BoolArray, FloatArray
from lgeqa.report.outline import outlines

#: Rows and columns of a picture, and of the thumbnail.
PIXELS = 256
THUMBNAIL_PIXELS = 96
#: Grey levels of the scan, as percentiles over all pictures, that become black and white.
_WINDOW = (1.0, 99.5)
#: Of JPEG: at 85 the noise of a scan, which tells of its quality, is kept.
_JPEG_QUALITY = 85

#: Of the logits of a map.
_MAP_DECIMALS = 3

Grey = npt.NDArray[np.uint8]
Outline = tuple[tuple[float, ...], ...]
Maps = tuple[tuple[tuple[float, ...], ...], ...]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SlicePicture(_Record):
    """One slice that holds the left atrium.

    Attributes:
        index: Index along the slice axis of the file's own order, as in the result.
        position_mm: LPS z of the slice's centre.
        jpeg: The picture, 8 bits grey, in Base64.
        outline: Outline of the atrium: closed polygons, each x, y, x, y, ... in pixels of the picture; (0, 0) is the
            outer corner of its first pixel.
        aorta: Outline of the descending aorta, likewise; empty where none was found.
        pools: Outline of the other blood pools, likewise; empty where none were found.
        maps: (scale, row, column) where the logit of each scale came from, in the order of `attributes.NAMES`, over
            the whole picture: above 0 speaks for diagnostic, below 0 against. None if the bundle gives no maps.
    """

    index: int
    position_mm: float
    jpeg: str
    outline: Outline
    aorta: Outline
    pools: Outline
    maps: Maps | None


class ScanPictures(_Record):
    """What the report and the web application show of a scan.

    Attributes:
        pixels: rows and columns of each picture.
        pixel_mm: side of a pixel.
        window: grey levels of the scan that are black and white in every picture.
        thumbnail: the slice with the most atrium, small, as JPEG in Base64.
        slices: Each slice that holds the atrium, from inferior to superior, as in the result.
    """

    pixels: int
    pixel_mm: float
    window: tuple[float, float]
    thumbnail: str
    slices: tuple[SlicePicture, ...]


def draw_pictures(assessment: Assessment, preparation: QualityPreparation) -> ScanPictures:
    """Draw the slices of a scan that hold the atrium.

    Args:
        assessment: Any assessment of a scan with at least one slice that holds the atrium.
        preparation: Preparation of the slices for the quality network; it sets the square that is shown.
    """
    scan, atrium, heart = assessment.scan, assessment.atrium, assessment.heart
    aorta, pools = (heart.aorta, heart.pools) if heart else (np.zeros_like(atrium),) * 2
    held = np.flatnonzero(atrium.any(axis=(1, 2)))
    finer = preparation.model_copy(update={"pixels": PIXELS})
    rows, columns = quality_weights(atrium, scan.spacing_mm, finer)
    on_scan = np.outer(rows.any(axis=1), columns.any(axis=1))
    window, pictures = _to_grey(resample(scan.voxels[held], rows, columns), on_scan)
    field = quality_field(atrium, scan.spacing_mm, finer)
    pixel_mm = scan.spacing_mm[1:]
    maps = [None] * len(held) if assessment.maps is None else [_rounded(one) for one in assessment.maps]
    return ScanPictures(
        pixels=PIXELS,
        pixel_mm=field.pixel_mm,
        window=window,
        thumbnail=_jpeg(pictures[int(np.argmax(atrium[held].sum(axis=(1, 2))))], THUMBNAIL_PIXELS),
        slices=tuple(
            SlicePicture(
                index=scan.file_slices[z],
                position_mm=scan.slice_positions_mm[z],
                jpeg=_jpeg(picture),
                outline=_outline(atrium[z], pixel_mm, field),
                aorta=_outline(aorta[z], pixel_mm, field),
                pools=_outline(pools[z], pixel_mm, field),
                maps=found,
            )
            for z, picture, found in zip(held, pictures, maps, strict=True)
        ),
    )


def _to_grey(slices: FloatArray, on_scan: BoolArray) -> tuple[tuple[float, float], Grey]:
    """The window of a scan, and its slices (slice, row, column) within it, black off the scan."""
    black, white = (float(level) for level in np.percentile(slices[:, on_scan], _WINDOW))
    shown = np.clip((slices - black) / max(white - black, 1e-6), 0, 1) * on_scan
    return (black, white), np.rint(shown * 255).astype(np.uint8)


def _outline(mask: BoolArray, pixel_mm: tuple[float, float], field: QualityField) -> Outline:
    """The polygons of a slice of the scan, in pixels of the picture."""
    corner_mm = np.array([field.rows_mm[0], field.columns_mm[0]]) - field.pixel_mm / 2
    places_mm = ((np.array(polygon) - 0.5) * pixel_mm - corner_mm for polygon in outlines(mask))
    return tuple(tuple(np.round(points[:, ::-1] / field.pixel_mm, 1).ravel().tolist()) for points in places_mm)


def _jpeg(picture: Grey, pixels: int = PIXELS) -> str:
    written = io.BytesIO()
    image = Image.fromarray(picture).resize((pixels, pixels), Image.Resampling.BOX)
    image.save(written, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    return b64encode(written.getvalue()).decode("ascii")


def _rounded(maps: FloatArray) -> Maps:
    """The maps (scale, row, column) of a slice as plain numbers."""
    return tuple(tuple(tuple(round(float(cell), _MAP_DECIMALS) for cell in row) for row in one) for one in maps)
