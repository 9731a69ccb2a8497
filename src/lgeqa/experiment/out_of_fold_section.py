"""The section of the report about all folds together."""

from collections.abc import Iterator, Mapping
from typing import Final

from lgeqa.bootstrap import Estimate, cell
from lgeqa.documents import Block, Heading, Paragraph, Table
from lgeqa.evaluation.metrics import METRICS
from lgeqa.evaluation.record import Figures, Levels, Pooled
from lgeqa.evaluation.report import TITLES
from lgeqa.scales import SCALE_NAMES

#: Format of a difference, which shows its sign.
_SIGNED: Final = "+.3f"
#: Measures whose differences are shown. `pooled.json` has all of them.
_COMPARED: Final = tuple(
    metric for metric in METRICS if metric.name in {"f1", "specificity", "balanced_accuracy", "auroc", "brier"}
)


def pooled_section(pooled: Pooled, scans: int, trainings: int) -> Iterator[Block]:
    """Yield the tables over all folds.

    Args:
        pooled: Results over all folds.
        scans: Number of scans that were to be tested.
        trainings: Number of trainings of each strategy.
    """
    first = next(iter(pooled.strategies))
    yield Heading("All scans together")
    yield Paragraph(
        f"Each of {pooled.n_scans} scans ({pooled.n_patients} patients, {pooled.n_slices} slices) is judged once by "
        f"each strategy, by the training that knew nothing of its patient{_absent(scans - pooled.n_scans)}. Intervals "
        f"of 95 % by {pooled.draws} draws of patients: they hold the chance of the patients, not that of another "
        f"training. The probabilities of {trainings} trainings are taken as one scale, so AUROC, Brier score and "
        "calibration also hold how far these trainings differ."
    )
    rows = {name: levels.scans["quality"] for name, levels in pooled.strategies.items()}
    rows |= {_named(other.who, other.n_scans, pooled.n_scans): other.figures for other in pooled.others}
    yield Table(("Who", *(metric.title for metric in METRICS)), [_row(name, figures) for name, figures in rows.items()])
    if pooled.differences:
        yield from _gains(first, pooled.differences)
    if pooled.best != first:
        yield from _gains(pooled.best, pooled.differences_to_best)
        yield Paragraph(
            f"{pooled.best} has the highest AUROC of quality. It was chosen on these same scans, so it looks better "
            "than it is."
        )
    yield Heading("Each attribute", level=3)
    yield Paragraph("AUROC, and what is gained of it.")
    yield Table(("", *(TITLES[name] for name in SCALE_NAMES)), list(_attributes(pooled, first)))


def _gains(base: str, differences: Mapping[str, Levels]) -> Iterator[Block]:
    """Yield the table of the differences to one strategy."""
    yield Heading(f"What each strategy gains over {base}", level=3)
    yield Paragraph(
        f"Its figure less that of {base}, in the same draws of patients. Where the interval holds 0, the two are not "
        "distinguished."
    )
    yield Table(
        ("Strategy", *(metric.title for metric in _COMPARED)),
        [
            [name, *(cell(levels.scans["quality"][metric.name], _SIGNED) for metric in _COMPARED)]
            for name, levels in differences.items()
        ],
    )


def _attributes(pooled: Pooled, first: str) -> Iterator[list[str]]:
    """Yield a row for each strategy and each difference, over scans and then over slices."""
    for unit in ("scans", "slices"):
        for name, levels in pooled.strategies.items():
            yield [f"{name}, {unit}", *map(cell, _aurocs(getattr(levels, unit)))]
        for name, levels in pooled.differences.items():
            differences = _aurocs(getattr(levels, unit))
            yield [f"{name} less {first}, {unit}", *(cell(figure, _SIGNED) for figure in differences)]


def _aurocs(scales: Mapping[str, Figures]) -> list[Estimate]:
    return [scales[name]["auroc"] for name in SCALE_NAMES]


def _row(name: str, figures: Figures) -> list[str]:
    return [name, *(cell(figures[metric.name]) for metric in METRICS)]


def _named(who: str, scans: int, all_scans: int) -> str:
    return who if scans == all_scans else f"{who}, {scans} scans"


def _absent(scans: int) -> str:
    return f"; {scans} that not every strategy could assess are left out" if scans else ""
