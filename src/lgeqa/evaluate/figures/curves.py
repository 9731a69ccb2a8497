"""Training curves of the strategies."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lgeqa.evaluate.curves import Metrics

_COLOURS = ("#0072b2", "#d55e00")


@dataclass(frozen=True)
class Strategy:
    """The runs of one strategy.

    Attributes:
        name: for people.
        runs: what each iteration logged.
        loss: name of the loss of training in the logs.
        watched: name of the validation figure that picked the best epoch.
    """

    name: str
    runs: Sequence[Metrics]
    loss: str
    watched: str


def curves_figure(strategies: Sequence[Strategy]) -> Figure:
    """Draw the loss of training above and the validation figure below, one column for each strategy.

    Each iteration is a thin line. Their mean is a thick one, as far as all of them went: beyond that it would jump
    where one ends. Scales are each panel's own, since strategies minimise different sums.

    Raises:
        ValueError: no run of a strategy logged a figure under the name given.
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
