"""Heat map of quality as a parametric map on a grid of its own."""

from typing import Final

import numpy as np
from highdicom import (
    CoordinateSystemNames,
    PixelMeasuresSequence,
    PlaneOrientationSequence,
    PlanePositionSequence,
    VOILUTFunctionValues,
    VOILUTTransformation,
)
from highdicom.pm import ParametricMap, RealWorldValueMapping

from lgeqa.dicom_results.codes import NUMBER, own_code
from lgeqa.dicom_results.identity import RESEARCH, Identity
from lgeqa.dicom_results.source_series import SourceSeries
from lgeqa.inference.pipeline import Assessment
from lgeqa.io.geometry import axial_grid, axial_order
from lgeqa.preprocessing.quality_input import QualityPreparation, quality_field
from lgeqa.records import FloatArray
from lgeqa.scales import SCALE_NAMES

_QUALITY: Final = SCALE_NAMES.index("quality")
_PATIENT: Final = CoordinateSystemNames.PATIENT


def make_heat_map(
    assessment: Assessment,
    maps: FloatArray,
    series: SourceSeries,
    identity: Identity,
    preparation: QualityPreparation,
) -> ParametricMap:
    """Return the attribution map of quality, a frame for each slice that holds the atrium.

    A pixel is a cell of the map, centred where `inference.attribution` says, so nothing is resampled.

    Args:
        assessment: Assessment of a scan with a verdict.
        maps: Attribution maps, (slice, 4, map row, map column) in logits.
        series: Images of the scan.
        identity: Identity of the objects of the scan.
        preparation: Preparation of the slices for the quality network.
    """
    heat = np.ascontiguousarray(maps[:, _QUALITY], dtype=np.float32)
    scan = assessment.scan
    field = quality_field(assessment.atrium, scan.spacing_mm, preparation)
    grid = axial_grid(scan.grid, axial_order(scan.grid))
    directions = np.reshape(grid.direction, (3, 3))
    first = np.array(grid.origin_mm) + directions @ (field.columns_mm[0], field.rows_mm[0], 0)
    places = [
        PlanePositionSequence(_PATIENT, first + directions[:, 2] * z * scan.spacing_mm[0])
        for z in np.flatnonzero(assessment.atrium.any(axis=(1, 2)))
    ]
    cells_mm = [
        len(side) / n * field.pixel_mm
        for side, n in zip((field.rows_mm, field.columns_mm), heat.shape[1:], strict=True)
    ]
    strongest = float(np.abs(heat).max()) or 1.0
    heat_map = ParametricMap(
        list(series.images),
        heat,
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[_mapping(strongest)],
        voi_lut_transformations=[_window(strongest)],
        pixel_measures=PixelMeasuresSequence(cells_mm, series.thickness_mm, scan.spacing_mm[0]),
        plane_orientation=PlaneOrientationSequence(_PATIENT, directions[:, :2].T.ravel().tolist()),
        plane_positions=places,
        content_label="HEAT_MAP",
        content_description=RESEARCH,
        **identity.attributes("heat_map"),
    )
    heat_map.BodyPartExamined = "HEART"  # else Laterality would be needed
    return heat_map


def _window(strongest: float) -> VOILUTTransformation:
    # Only with this function may a window be narrower than 1.
    return VOILUTTransformation(0.0, 2 * strongest, voi_lut_function=VOILUTFunctionValues.LINEAR_EXACT)


def _mapping(strongest: float) -> RealWorldValueMapping:
    return RealWorldValueMapping(
        "QUALITY",
        "Share of the logit of quality; above 0 speaks for diagnostic",
        NUMBER,
        (-strongest, strongest),
        slope=1.0,
        intercept=0.0,
        quantity_definition=own_code("heat_map_quality", "Attribution to quality, in logits"),
    )
