"""Arrangement of the images of a DICOM series as one regular stack: selection, order and grid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lgeqa.errors import NotAssessableError, ReadError
from lgeqa.io.dicom_header import STACK_KEYWORDS, Frame
from lgeqa.io.formatting import numbers
from lgeqa.io.geometry import SAME_DIRECTION, SAME_SPACING_MM, check_grid, check_spacing
from lgeqa.io.limits import Limits
from lgeqa.records import Grid

#: Images closer than this along the normal are at the same position.
SAME_POSITION_MM = 0.05
#: Deviations of an image from its place in an even stack that are refused and that cause a warning, as shares of a gap.
PLACE_TOLERANCE, PLACE_WARNING = 0.1, 0.025
#: Largest relative deviation of a gap from a multiple of the usual gap that is reported as missing slices.
GAP_TOLERANCE = 0.1
#: Differences between the directions of images that are refused and that cause a warning.
DIRECTION_TOLERANCE, DIRECTION_WARNING = 0.01, 1e-3
#: Largest overlap of the slices of one acquisition as a share of their thickness, unless they are interpolated.
MAX_OVERLAP = 0.3
#: Largest shift of an image from the line along the normal through the first image.
MAX_SHIFT_MM = 1.0
#: Largest number of values of an element that a message shows.
_MOST_SHOWN = 6

_Positions = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Arranged:
    """Images in order along their normal.

    Attributes:
        frames: Images that form the stack.
        grid: Grid of the stack.
        warnings: Warnings for readers of the result.
    """

    frames: Sequence[Frame]
    grid: Grid
    warnings: Sequence[str]


def arrange(frames: Sequence[Frame], where: str, limits: Limits) -> Arranged:
    """Arrange the images of a series, without copies, along the normal of their planes.

    If there are magnitude, phase, real and imaginary images at the same positions, the magnitude images are used. Small
    differences in position and direction, which result from rounding and anonymisation, are evened out with a warning.

    Args:
        frames: Headers of the images.
        where: Name of the series in messages.
        limits: Limits on the stack.

    Raises:
        ReadError: The images do not form one regular stack.
        NotAssessableError: There are too few images, or none of them is a magnitude image.
    """
    images, warnings = _of_one_component(frames, where)
    if len(images) < limits.min_slices:
        raise NotAssessableError(
            f"{where}: the DICOM series has {len(images)} of the at least {limits.min_slices} images that are needed. "
            "Give the folder of the whole series."
        )
    if len({frame.series for frame in images}) > 1:
        warnings.append("Each DICOM file has a SeriesInstanceUID of its own; they were taken as one series.")
    _refuse_mixture(images, where)
    first, warned = _with_common_directions(images, where)
    warnings += warned
    normal = _normal(first)
    ordered = sorted(images, key=lambda frame: float(normal @ frame.position_mm))
    _refuse_several(ordered, normal, where, limits)
    grid, warned = _grid(ordered, first, normal, where, limits)
    return Arranged(ordered, grid, [*warnings, *warned])


def _of_one_component(frames: Sequence[Frame], where: str) -> tuple[list[Frame], list[str]]:
    """Return the magnitude images, or the images that do not state their component, and warnings."""
    kinds = {frame.component for frame in frames}
    wanted = next((component for component in ("magnitude", "", "real") if component in kinds), None)
    if wanted is None:
        raise NotAssessableError(
            f"{where}: its images are {' and '.join(sorted(kinds))} images by their header. Give the magnitude images."
        )
    images = [frame for frame in frames if frame.component == wanted]
    others = [frame for frame in frames if frame.component != wanted]
    if not others:
        warning = (
            "The images are real images of a complex signal (PSIR) by their header; lgeqa learnt from magnitude images."
        )
        return images, [warning] if wanted == "real" else []
    kind = " and ".join(sorted({frame.component or "other" for frame in others}))
    places = {_place(frame) for frame in images}
    extra = sum(_place(frame) not in places for frame in others)
    if extra:
        raise ReadError(
            f"{where}: {extra} of its {len(frames)} images are {kind} images by their header, in places of which there "
            f"is no {wanted or 'other'} image. Export the magnitude images of all slices."
        )
    return images, [f"{len(others)} {kind} images were left out of the DICOM series."]


def _place(frame: Frame) -> tuple[int, ...]:
    return tuple(round(value / SAME_POSITION_MM) for value in frame.position_mm)


def _refuse_mixture(frames: Sequence[Frame], where: str) -> None:
    first = frames[0]
    for other in frames[1:]:
        for name, ours, theirs, tolerance in (
            ("size", first.size, other.size, 0.0),
            ("PixelSpacing", first.spacing_mm, other.spacing_mm, SAME_SPACING_MM),
            ("ImageOrientationPatient", first.orientation, other.orientation, DIRECTION_TOLERANCE),
        ):
            if np.abs(np.subtract(ours, theirs)).max() > tolerance:
                raise ReadError(
                    f"{where}: the images of the series differ in {name}: {numbers(ours)} and {numbers(theirs)}. "
                    "Give one stack alone."
                )


def _with_common_directions(frames: Sequence[Frame], where: str) -> tuple[Frame, list[str]]:
    """Return the first image with the median direction of all, made orthogonal, and warnings."""
    first = frames[0]
    normal = np.cross(first.orientation[:3], first.orientation[3:])
    if not abs(float(np.linalg.norm(normal)) - 1) <= SAME_DIRECTION:
        raise ReadError(
            f"{where}: ImageOrientationPatient {numbers(first.orientation)} is not a pair of unit vectors at right "
            "angles. Export the original images."
        )
    directions = np.array([frame.orientation for frame in frames])
    spread = float(np.abs(directions - directions[0]).max())
    if spread == 0:
        return first, []
    middle = np.median(directions, axis=0)
    row = middle[:3] / np.linalg.norm(middle[:3])
    column = middle[3:] - row * (middle[3:] @ row)
    column /= np.linalg.norm(column)
    common = replace(first, orientation=(*map(float, row), *map(float, column)))
    if spread <= DIRECTION_WARNING:
        return common, []
    return common, [f"The directions of the images differ by up to {spread:.4f}; their median was taken."]


def _normal(frame: Frame) -> _Positions:
    normal: _Positions = np.cross(frame.orientation[:3], frame.orientation[3:])
    return normal / np.linalg.norm(normal)


def _refuse_several(frames: Sequence[Frame], normal: _Positions, where: str, limits: Limits) -> None:
    """Refuse several stacks in one series, whether at the same positions or interleaved."""
    heights = np.array([frame.position_mm for frame in frames]) @ normal
    n_positions = 1 + int((np.diff(heights) > SAME_POSITION_MM).sum())
    repeats = n_positions < len(frames)
    overlapping = float(np.median(np.diff(heights))) < (1 - MAX_OVERLAP) * (frames[0].thickness_mm or np.inf)
    if not repeats and not overlapping:
        return
    for keyword, words in STACK_KEYWORDS.items():
        parts: dict[float | str, list[float]] = {}
        for frame, height in zip(frames, heights, strict=True):
            parts.setdefault(frame.stack.get(keyword, np.nan), []).append(float(height))
        if len(parts) > 1 and all(len(part) >= limits.min_slices for part in parts.values()) and _interleaved(parts):
            raise ReadError(
                f"{where}: the series holds {len(parts)} {words} ({keyword} {_counts(parts)}). "
                "Export the one to be judged alone."
            )
    if repeats:
        raise ReadError(
            f"{where}: the series has {len(frames)} images at {n_positions} positions, so it holds several time "
            "points, echoes or reconstructions. Export the one to be judged alone."
        )


def _counts(parts: Mapping[float | str, Sequence[float]]) -> str:
    """Return how many images have each value. Text is left out, since a header may hold any text."""
    counts = [(value, f"{len(part)} images") for value, part in parts.items()]
    labelled = sorted((value, f"{value:g}: {count}") for value, count in counts if not isinstance(value, str))
    texts = [count for value, count in counts if isinstance(value, str)]
    return ", ".join([label for _, label in labelled[:_MOST_SHOWN]] + texts[:_MOST_SHOWN])


def _interleaved(parts: Mapping[float | str, Sequence[float]]) -> bool:
    """Return whether stacks cover the same region rather than one above the other."""
    lowest, highest = max(min(part) for part in parts.values()), min(max(part) for part in parts.values())
    return highest - lowest > 0.5 * min(max(part) - min(part) for part in parts.values())


def _grid(
    frames: Sequence[Frame], first: Frame, normal: _Positions, where: str, limits: Limits
) -> tuple[Grid, list[str]]:
    """Return the grid of a stack sorted along its normal, and warnings, after checking that its gaps are even."""
    positions = np.array([frame.position_mm for frame in frames])
    heights = positions @ normal
    off = _refuse_gaps(heights, where)
    sideways = positions - positions[0] - np.outer(heights - heights[0], normal)
    shift = float(np.linalg.norm(sideways, axis=1).max())
    if not shift <= MAX_SHIFT_MM:
        raise ReadError(f"{where}: its images are shifted sideways by up to {shift:.1f} mm. Give one straight stack.")
    rows, columns = first.size
    between_rows, between_columns = first.spacing_mm
    check_spacing(first.spacing_mm, where, limits)
    gap = float(heights[-1] - heights[0]) / (len(frames) - 1)
    grid = Grid(
        size=(columns, rows, len(frames)),
        spacing_mm=(between_columns, between_rows, gap),
        origin_mm=(float(positions[0, 0]), float(positions[0, 1]), float(positions[0, 2])),
        direction=_direction(first, normal),
    )
    check_grid(grid, where, limits)
    warning = f"The images lie up to {off * gap:.2f} mm off an even spacing of {gap:.2f} mm; they were taken as even."
    return grid, [warning] if off > PLACE_WARNING else []


def _direction(frame: Frame, normal: _Positions) -> tuple[float, ...]:
    columns = np.stack([frame.orientation[:3], frame.orientation[3:], normal], axis=1)
    return tuple(float(value) for value in columns.ravel())


def _refuse_gaps(heights: _Positions, where: str) -> float:
    """Refuse gaps, and return the largest deviation of an image from its place as a share of the usual gap."""
    gaps = np.diff(heights)
    usual = float(np.median(gaps))
    worst = int(np.abs(gaps - usual).argmax())
    ratio = float(gaps[worst]) / usual
    even = np.polynomial.Polynomial.fit(np.arange(len(heights)), heights, 1)(np.arange(len(heights)))
    off = float(np.abs(heights - even).max()) / usual
    if off <= PLACE_TOLERANCE:
        return off
    place = f"a gap of {gaps[worst]:.2f} mm among gaps of {usual:.2f} mm"
    if ratio > 1.5 and abs(ratio - round(ratio)) <= GAP_TOLERANCE * ratio:
        raise ReadError(f"{where}: {round(ratio) - 1} or more slices are missing ({place}). Copy the series again.")
    raise ReadError(f"{where}: its slices are unevenly spaced ({place}). Give one regular stack.")
