"""Curves of an evaluation as matplotlib figures, without changes to global state.

Each plot has a panel for each scale. Scans are a thick blue line and slices a thin orange dashed line, which can be
distinguished without seeing colours. Each line is named in the panel, in the same colour.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lgeqa.bootstrap import Numbers
from lgeqa.evaluation.baselines import reader_answers, readers_of, scored_by
from lgeqa.evaluation.metrics import BINS, METRICS, bin_of
from lgeqa.evaluation.predictions import LabelledResult, Predictions, scan_answers, slice_answers
from lgeqa.scales import QUALITY_FIRST, SCALE_NAMES

_STYLES: Final[dict[str, dict[str, Any]]] = {
    "scans": {"color": "#0072B2", "linewidth": 2.5},
    "slices": {"color": "#D55E00", "linewidth": 1.3, "linestyle": (0, (4, 2))},
}
_GUIDE: Final[dict[str, Any]] = {"color": "0.6", "linewidth": 1, "linestyle": ":"}
_READER: Final[dict[str, Any]] = {"color": "black", "marker": "x", "linestyle": "none", "markersize": 7}
#: Box behind a reader's name, which keeps it legible on a curve.
_PAPER: Final[dict[str, Any]] = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5}
_METRICS = {metric.name: metric for metric in METRICS}
#: Function that draws the answers of one level in a style.
_Draw = Callable[[Axes, Predictions, dict[str, Any]], None]


@dataclass(frozen=True)
class Curves:
    """Answers that the plots show.

    Attributes:
        scans: Answers of the model on scans, by scale.
        slices: Answers of the model on slices, by scale.
        readers: Answers of the other readers on the quality of scans, by reader.
    """

    scans: Mapping[str, Predictions]
    slices: Mapping[str, Predictions]
    readers: Mapping[str, Predictions]


def curves_of(scans: Sequence[LabelledResult], reader: str) -> Curves:
    """Return the answers of the model and of all readers except `reader`, whose scores are the labels."""
    readers = {other: scored_by(other, scans) for other in readers_of(scans, reader)}
    return Curves(
        scans={name: scan_answers(scans, name) for name in SCALE_NAMES},
        slices={name: slice_answers(scans, name) for name in SCALE_NAMES},
        readers={other: reader_answers(theirs, other) for other, theirs in readers.items()},
    )


def roc_plot(curves: Curves) -> Figure:
    """Plot recall over 1 - specificity for every threshold."""
    caption = "Dot: the verdicts. Cross: another reader's. Dotted: chance."
    figure, panels = _panels(curves, "auroc", _draw_roc, ("1 - specificity", "Recall"), caption)
    for panel in panels.values():
        panel.plot([0, 1], [0, 1], **_GUIDE)
    _mark_readers(panels["quality"], curves.readers, _roc_point)
    return figure


def precision_recall_plot(curves: Curves) -> Figure:
    """Plot precision over recall for every threshold, in steps whose area is the average precision."""
    caption = "Dot: the verdicts. Cross: another reader's. Dotted: the share of diagnostic scans, which is chance."
    figure, panels = _panels(curves, "average_precision", _draw_precision_recall, ("Recall", "Precision"), caption)
    for name, panel in panels.items():
        if len(labels := curves.scans[name].labels):
            panel.axhline(labels.mean(), **_GUIDE)
    _mark_readers(panels["quality"], curves.readers, _precision_recall_point)
    return figure


def reliability_plot(curves: Curves) -> Figure:
    """Plot the share of diagnostic items over the mean probability, in bins of equal width."""
    caption = f"{BINS} bins of equal width; the area of a dot is its share of the scans or slices. Dotted: calibrated."
    figure, panels = _panels(
        curves, "calibration_error", _draw_reliability, ("Mean probability", "Share diagnostic"), caption
    )
    for panel in panels.values():
        panel.plot([0, 1], [0, 1], **_GUIDE)
    return figure


def roc_points(answers: Predictions) -> tuple[Numbers, Numbers]:
    """Return (1 - specificity, recall) of calling the highest ranks diagnostic, from none to all."""
    true, false = _called(answers)
    return false / false[-1], true / true[-1]


def precision_recall_points(answers: Predictions) -> tuple[Numbers, Numbers]:
    """Return (recall, precision) of calling the highest ranks diagnostic, at recall 0 and then from one rank to all."""
    true, false = (counts[1:] for counts in _called(answers))
    recalls, precisions = true / true[-1], true / (true + false)
    return np.concatenate([[0.0], recalls]), np.concatenate([precisions[:1], precisions])


def reliability_points(answers: Predictions) -> tuple[Numbers, Numbers, Numbers]:
    """Return mean probability, diagnostic share and share of all items of each bin that is not empty."""
    probabilities = _probabilities(answers)
    bins = bin_of(probabilities)
    counts = np.bincount(bins, minlength=BINS)
    filled = counts > 0
    means = np.bincount(bins, probabilities, BINS)[filled] / counts[filled]
    shares = np.bincount(bins, answers.labels, BINS)[filled] / counts[filled]
    return means, shares, counts[filled] / counts.sum()


def _panels(
    curves: Curves, metric: str, draw: _Draw, axes: tuple[str, str], caption: str
) -> tuple[Figure, dict[str, Axes]]:
    """Draw four panels, quality first, each with both levels or the reason why a level is missing."""
    figure = Figure(figsize=(8, 9.2), dpi=150, layout="constrained")
    figure.supxlabel(caption, fontsize="small")
    panels = {}
    for number, scale in enumerate(QUALITY_FIRST, start=1):
        panel = panels[scale.name] = figure.add_subplot(2, 2, number)
        panel.set_title(scale.title, pad=32)
        panel.set(xlabel=axes[0], ylabel=axes[1], xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
        for level, answers, height in (
            ("scans", curves.scans[scale.name], 1.08),
            ("slices", curves.slices[scale.name], 1.02),
        ):
            text = _METRICS[metric].why_undefined(answers.labels, _probabilities(answers), answers.unit)
            if not text:
                draw(panel, answers, _STYLES[level])
                text = f"{_METRICS[metric].title} {_METRICS[metric](answers.labels, _probabilities(answers)):.3f}"
            color = _STYLES[level]["color"]
            panel.text(0.5, height, f"{level}: {text}", color=color, ha="center", transform=panel.transAxes)
    return figure, panels


def _draw_roc(panel: Axes, answers: Predictions, style: dict[str, Any]) -> None:
    panel.plot(*roc_points(answers), **style)
    panel.plot(*_roc_point(answers), marker="o", color=style["color"])


def _draw_precision_recall(panel: Axes, answers: Predictions, style: dict[str, Any]) -> None:
    panel.plot(*precision_recall_points(answers), drawstyle="steps-pre", **style)
    panel.plot(*_precision_recall_point(answers), marker="o", color=style["color"])


def _draw_reliability(panel: Axes, answers: Predictions, style: dict[str, Any]) -> None:
    means, shares, weights = reliability_points(answers)
    panel.plot(means, shares, **style | {"linewidth": 1})
    panel.scatter(means, shares, 400 * weights, color=style["color"], alpha=0.6)


def _mark_readers(
    panel: Axes, readers: Mapping[str, Predictions], point: Callable[[Predictions], tuple[float, float]]
) -> None:
    for name, answers in readers.items():
        x, y = point(answers)
        panel.plot(x, y, **_READER)
        side, shift = ("right", -7) if x > 0.5 else ("left", 7)
        panel.annotate(name, (x, y), (shift, -12), textcoords="offset points", ha=side, fontsize="small", bbox=_PAPER)


def _roc_point(answers: Predictions) -> tuple[float, float]:
    """Return (1 - specificity, recall) of the calls, NaN where they are undefined, which is not drawn."""
    return 1 - _of_calls("specificity", answers), _of_calls("recall", answers)


def _precision_recall_point(answers: Predictions) -> tuple[float, float]:
    return _of_calls("recall", answers), _of_calls("precision", answers)


def _of_calls(metric: str, answers: Predictions) -> float:
    return _METRICS[metric](answers.labels, answers.calls)


def _called(answers: Predictions) -> tuple[Numbers, Numbers]:
    """Count diagnostic and other items among the highest ranks, for each number of distinct ranks from none to all."""
    distinct, which = np.unique(-_probabilities(answers), return_inverse=True)
    true = np.bincount(which, answers.labels, len(distinct)).cumsum()
    false = np.bincount(which, ~answers.labels, len(distinct)).cumsum()
    return np.concatenate([[0.0], true]), np.concatenate([[0.0], false])


def _probabilities(answers: Predictions) -> Numbers:
    """Return the probabilities of the model, which are also its ranks."""
    if answers.probabilities is None:
        raise ValueError(f"a curve needs probabilities: {answers.absent}")
    return answers.probabilities
