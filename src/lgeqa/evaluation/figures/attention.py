"""Figure of where two or more models look: slices beside the HiResCAM maps of each model (the paper's Fig. 2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgba
from matplotlib.figure import Figure
from scipy.interpolate import PchipInterpolator

from lgeqa.frontend.colours import overlay_colour
from lgeqa.records import BoolArray, FloatArray

Numbers = npt.NDArray[np.floating]

_CAPTION = (
    "HiResCAM: green is evidence for diagnostic, purple against it, in logits; one colour scale for the whole figure."
    "\nThe line is the left atrium. A map has {rows} x {columns} cells, drawn smoothly; each sees most of the slice."
)
#: Opacity of the largest value of a map.
_OPACITY = 0.75


@dataclass(frozen=True)
class Example:
    """One row of the figure.

    Attributes:
        title: Name of the slice.
        pixels: Slice as input to the networks, (row, column). Blood is about 1.
        atrium: Mask of the blood pool, bool (row, column).
        label: Whether the slice is diagnostic.
        predictions: Prediction of each model, by its name.
        maps: Signed HiResCAM map of each model, by the same names, (map row, map column).
    """

    title: str
    pixels: FloatArray
    atrium: BoolArray
    label: bool
    predictions: Mapping[str, bool]
    maps: Mapping[str, Numbers]


def attention_figure(examples: Sequence[Example]) -> Figure:
    """Draw one row for each slice: the slice, then the map of each model over it.

    The colour scale is symmetric about 0 and the same for all maps, so that the same colour is the same evidence in
    every row and column. It extends to the largest absolute value of any map, which the colour bar shows.

    Args:
        examples: Examples of the same models in the same order, at least one.

    Raises:
        ValueError: The examples are of different models, or there are none.
    """
    models = _models(examples)
    figure = Figure(figsize=(2.1 * (1 + len(models)) + 0.8, 2.25 * len(examples) + 0.8), layout="constrained")
    grid = figure.subplots(len(examples), 1 + len(models), squeeze=False)
    reach = max(float(np.abs(example.maps[model]).max()) for example in examples for model in models) or 1.0
    for axes, example in zip(grid, examples, strict=True):
        _show_slice(axes[0], example)
        axes[0].set_ylabel(example.title, fontsize=8)
        axes[0].set_xlabel(f"true: {_class(example.label)}", fontsize=8)
        for axis, model in zip(axes[1:], models, strict=True):
            _show_slice(axis, example, darkest=-2)
            image = axis.imshow(
                spread_map(example.maps[model], example.pixels.shape), cmap=_colours(), vmin=-reach, vmax=reach
            )
            predicted = example.predictions[model]
            verdict = "right" if predicted == example.label else "wrong"
            axis.set_xlabel(f"predicted: {_class(predicted)}, {verdict}", fontsize=8)
    bar = figure.colorbar(image, ax=grid, shrink=min(1.0, 1.6 / len(examples)), aspect=25)
    bar.set_ticks([-reach, 0, reach], labels=[f"\N{MINUS SIGN}{reach:.2g}", "0", f"+{reach:.2g}"], fontsize=7)
    for axis, title in zip(grid[0], ("slice", *models), strict=True):
        axis.set_title(title, fontsize=10)
    rows, columns = examples[0].maps[models[0]].shape
    figure.supxlabel(_CAPTION.format(rows=rows, columns=columns), fontsize=7)
    return figure


def spread_map(found: Numbers, shape: tuple[int, ...]) -> Numbers:
    """Spread a map over its slice, smoothly and monotonically (PCHIP) between the centres of its cells.

    Each halving of the encoder keeps the position of the first sample, so cell i of n is centred on pixel i * side / n,
    not in the middle of the i-th of n parts of the side. The value of the last cell continues beyond its centre. The
    result stays within the range of the map, so no sign is invented.

    Args:
        found: Map to spread, (map row, map column).
        shape: Numbers of rows and columns of the slice.
    """
    for axis, side in enumerate(shape):
        n = found.shape[axis]
        # An extra cell on either side, equal to the outermost one, makes the map flat at its ends.
        wider = np.pad(found, [(1, 1) if axis == padded else (0, 0) for padded in range(2)], mode="edge")
        found = PchipInterpolator(np.arange(-1, n + 1), wider, axis=axis)(np.arange(side) * n / side)
    return found


def _models(examples: Sequence[Example]) -> tuple[str, ...]:
    named = {(tuple(example.maps), tuple(example.predictions)) for example in examples}
    if len(named) != 1 or len({*next(iter(named))}) != 1:
        raise ValueError(f"examples must have maps and predictions of the same models, got {sorted(named)}")
    return tuple(examples[0].maps)


def _show_slice(axis: Axes, example: Example, darkest: float = 0) -> None:
    """Draw the slice with the outline of its atrium, with the patient's right on the left and anterior at the top.

    The signal `darkest` is black. A value below 0 makes the background grey, so that the colours of a map are visible.
    """
    axis.imshow(example.pixels, cmap="gray", vmin=darkest, vmax=2, interpolation="bilinear")
    if example.atrium.any():
        axis.contour(example.atrium, [0.5], colors=overlay_colour("atrium"), linewidths=1)
    axis.set_xticks([])
    axis.set_yticks([])


def _class(diagnostic: bool) -> str:
    return "diagnostic" if diagnostic else "non-diagnostic"


def _colours() -> ListedColormap:
    """Return a colour map with the colours of the report, more transparent towards 0."""
    steps = np.linspace(-1, 1, 257)
    against, speaks_for = to_rgba(overlay_colour("heat-against")), to_rgba(overlay_colour("heat-for"))
    colours = np.where(steps[:, None] < 0, against, speaks_for)
    colours[:, 3] = _OPACITY * np.abs(steps)
    return ListedColormap(colours)
