"""Figure of the encoders' feature spaces side by side (the paper's Fig. 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from lgeqa.evaluation.embedding import Separation
from lgeqa.records import BoolArray

#: Label with its name, colour and marker.
_CLASSES = ((False, "non-diagnostic", "#d55e00", "^"), (True, "diagnostic", "#0072b2", "o"))


@dataclass(frozen=True)
class Panel:
    """Feature space of one strategy's encoder.

    Attributes:
        strategy: Display name of the strategy.
        plane: Positions of the slices by `embed`, (slice, 2).
        labels: Whether each slice is diagnostic, (slice,).
        patients: Patient of each slice, (slice,).
        separation: Separation of the classes, measured on the full features.
    """

    strategy: str
    plane: npt.NDArray[np.floating]
    labels: BoolArray
    patients: Sequence[str]
    separation: Separation


def embedding_figure(panels: Sequence[Panel]) -> Figure:
    """Draw one panel for each strategy, slices coloured and shaped by their label, with figures of the separation.

    Thin lines join the slices of each patient to their middle, so that a group of one patient does not look like many
    patients.

    The axes have no ticks: positions on the plane have no unit, and positions in two panels cannot be compared.
    """
    figure = Figure(figsize=(3.2 * len(panels), 4.0), layout="constrained")
    for axis, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        _scatter(axis, panel)
        axis.set_title(f"{panel.strategy}\n{_caption(panel.separation)}", fontsize=8)
    handles, names = axis.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return figure


def _scatter(axis: Axes, panel: Panel) -> None:
    """Draw the classes one after the other with small, transparent markers, since the second covers the first."""
    patients = np.asarray(panel.patients)
    spokes = []
    for patient in np.unique(patients):
        points = panel.plane[patients == patient]
        # The medoid is a slice of the patient, where a mean may lie among other patients' slices.
        distances = np.linalg.norm(points[:, None] - points, axis=2).sum(axis=1)
        spokes += [(points[distances.argmin()], point) for point in points]
    axis.add_collection(LineCollection(spokes, colors="#8a8a8a", linewidths=0.4, alpha=0.6, label="one patient"))
    for label, name, colour, shape in _CLASSES:
        x, y = panel.plane[panel.labels == label].T
        axis.scatter(x, y, s=16, c=colour, marker=shape, alpha=0.6, linewidths=0, label=name)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.set_aspect("equal", adjustable="datalim")


def _caption(separation: Separation) -> str:
    if separation.reason:
        return fill(f"separation undefined: {separation.reason}", 44, break_on_hyphens=False)
    return (
        f"silhouette {separation.silhouette:.2f}\naccuracy of {separation.neighbours} neighbours "
        f"{separation.neighbour_accuracy:.2f} (larger class {separation.majority_rate:.2f})"
    )
