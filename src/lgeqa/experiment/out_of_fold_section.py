"""The section of the report about all folds together."""

from collections.abc import Iterator, Mapping
from typing import Final

from lgeqa.bootstrap import Estimate, cell
from lgeqa.evaluation.markdown_report import TITLES
from lgeqa.evaluation.metrics import METRICS
from lgeqa.evaluation.record import Figures, Levels, Pooled
from lgeqa.scales import SCALE_NAMES
from lgeqa.table_text import markdown_table

#: Format of a difference, which shows its sign.
_SIGNED: Final = "+.3f"
#: Measures whose differences are shown. `pooled.json` has all of them.
_COMPARED: Final = tuple(
    metric for metric in METRICS if metric.name in {"f1", "specificity", "balanced_accuracy", "auroc", "brier"}
)


def pooled_page(pooled: Pooled, scans: int, trainings: int) -> Iterator[str]:
    """Yield the tables over all folds as Markdown.

    Args:
        pooled: Results over all folds.
        scans: Number of scans that were to be tested.
        trainings: Number of trainings of each strategy.
    """
    first = next(iter(pooled.strategies))
    yield "\n## All scans together\n"
    yield (
        f"Each of {pooled.n_scans} scans ({pooled.n_patients} patients, {pooled.n_slices} slices) is judged once by "
        f"each strategy, by the training that knew nothing of its patient{_absent(scans - pooled.n_scans)}. Intervals "
        f"of 95 % by {pooled.draws} draws of patients: they hold the chance of the patients, not that of another "
        f"training. The probabilities of {trainings} trainings are taken as one scale, so AUROC, Brier score and "
        "calibration also hold how far these trainings differ.\n"
    )
    rows = {name: levels.scans["quality"] for name, levels in pooled.strategies.items()}
    rows |= {_named(other.who, other.n_scans, pooled.n_scans): other.figures for other in pooled.others}
    yield markdown_table(
        ("Who", *(metric.title for metric in METRICS)), [_row(name, figures) for name, figures in rows.items()]
    )
    if pooled.differences:
        yield from _gains(first, pooled.differences)
    if pooled.best != first:
        yield from _gains(pooled.best, pooled.differences_to_best)
        yield (
            f"\n{pooled.best} has the highest AUROC of quality. It was chosen on these same scans, so it looks better "
            "than it is.\n"
        )
    yield "\n### Each attribute\n"
    yield "AUROC, and what is gained of it.\n"
    yield markdown_table(("", *(TITLES[name] for name in SCALE_NAMES)), list(_attributes(pooled, first)))


def _gains(base: str, differences: Mapping[str, Levels]) -> Iterator[str]:
    """Yield the table of the differences to one strategy."""
    yield f"\n### What each strategy gains over {base}\n"
    yield (
        f"Its figure less that of {base}, in the same draws of patients. Where the interval holds 0, the two are not "
        "distinguished.\n"
    )
    yield markdown_table(
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
