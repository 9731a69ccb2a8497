"""The part of the report that takes all folds together."""

from collections.abc import Iterator, Mapping
from typing import Final

from lgeqa.attributes import NAMES
from lgeqa.evaluate.markdown import TITLES
from lgeqa.evaluate.metrics import METRICS
from lgeqa.evaluate.record import Figures, Pooled
from lgeqa.intervals import Figure, cell
from lgeqa.tables import markdown_table

#: A difference shows its sign.
_SIGNED: Final = "+.3f"
#: Measures whose differences are shown; `pooled.json` has all.
_COMPARED: Final = tuple(
    metric for metric in METRICS if metric.name in {"f1", "specificity", "balanced_accuracy", "auroc", "brier"}
)


def pooled_page(pooled: Pooled, scans: int, trainings: int) -> Iterator[str]:
    """The tables over all folds.

    Args:
        pooled: what was found.
        scans: that were to be tested.
        trainings: of each strategy.
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
    rows = {name: one.scans["quality"] for name, one in pooled.strategies.items()}
    rows |= {_named(one.who, one.n_scans, pooled.n_scans): one.figures for one in pooled.others}
    yield markdown_table(
        ("Who", *(metric.title for metric in METRICS)), [_row(name, one) for name, one in rows.items()]
    )
    if pooled.differences:
        yield f"\n### What each strategy gains over {first}\n"
        yield (
            f"Its figure less that of {first}, in the same draws of patients. Where the interval holds 0, the two are "
            "not told apart.\n"
        )
        yield markdown_table(
            ("Strategy", *(metric.title for metric in _COMPARED)),
            [
                [name, *(cell(one.scans["quality"][metric.name], _SIGNED) for metric in _COMPARED)]
                for name, one in pooled.differences.items()
            ],
        )
    yield "\n### Each attribute\n"
    yield "AUROC, and what is gained of it.\n"
    yield markdown_table(("", *(TITLES[name] for name in NAMES)), list(_attributes(pooled, first)))


def _attributes(pooled: Pooled, first: str) -> Iterator[list[str]]:
    """A row for each strategy and each difference, over scans and then over slices."""
    for unit in ("scans", "slices"):
        for name, one in pooled.strategies.items():
            yield [f"{name}, {unit}", *map(cell, _aurocs(getattr(one, unit)))]
        for name, one in pooled.differences.items():
            yield [f"{name} less {first}, {unit}", *(cell(figure, _SIGNED) for figure in _aurocs(getattr(one, unit)))]


def _aurocs(scales: Mapping[str, Figures]) -> list[Figure]:
    return [scales[name]["auroc"] for name in NAMES]


def _row(name: str, figures: Figures) -> list[str]:
    return [name, *(cell(figures[metric.name]) for metric in METRICS)]


def _named(who: str, scans: int, of: int) -> str:
    return who if scans == of else f"{who}, {scans} scans"


def _absent(scans: int) -> str:
    return f"; {scans} that not every strategy could assess are left out" if scans else ""
