"""Figure of the training curves of the strategies."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lgeqa.evaluation.training_log import Metrics

_COLOURS = ("#0072b2", "#d55e00")


@dataclass(frozen=True)
class Strategy:
    """The runs of one strategy.

    Attributes:
        name: Display name.
        runs: Logged figures of each iteration.
        loss: Name of the training loss in the logs.
        watched: Name of the validation figure that selected the best epoch.
    """

    name: str
    runs: Sequence[Metrics]
    loss: str
    watched: str


def curves_figure(strategies: Sequence[Strategy]) -> Figure:
    """Draw the training loss above and the validation figure below, one column for each strategy.

    Each iteration is a thin line. The mean is a thick line that ends with the shortest iteration, since it would jump
    there. Each panel has a separate scale, since strategies minimise different sums.

    Raises:
        ValueError: No run of a strategy logged a figure under the given name.
    """
    figure = Figure(figsize=(3.1 * len(strategies), 4.6), layout="constrained")
    grid = figure.subplots(2, len(strategies), squeeze=False, sharex="col")
    for column, strategy in zip(grid.T, strategies, strict=True):
        for axis, name, colour in zip(column, (strategy.loss, strategy.watched), _COLOURS, strict=True):
            _draw(axis, strategy, name, colour)
        column[0].set_title(strategy.name, fontsize=10)
        column[1].set_xlabel("epoch", fontsize=8)
        column[1].xaxis.get_major_locator().set_params(integer=True)
    return figure


def _draw(axis: Axes, strategy: Strategy, name: str, colour: str) -> None:
    curves = [{epoch: row[name] for epoch, row in run.items() if name in row} for run in strategy.runs]
    if not any(curves):
        raise ValueError(f"{strategy.name}: no run logged {name!r}")
    for curve in curves:
        axis.plot(list(curve), list(curve.values()), color=colour, linewidth=0.7, alpha=0.55)
    common = sorted(set.intersection(*(set(curve) for curve in curves)))
    if len(curves) > 1:
        means = [float(np.mean([curve[epoch] for curve in curves])) for epoch in common]
        axis.plot(common, means, color=colour, linewidth=2, label=f"mean of {len(curves)} iterations")
        axis.legend(fontsize=7, frameon=False)
    axis.set_ylabel(name, fontsize=8)
    axis.tick_params(labelsize=7)
    axis.spines[["top", "right"]].set_visible(False)
