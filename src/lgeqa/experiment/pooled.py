"""The part of the report that takes all folds together."""

from collections.abc import Iterator, Mapping
from typing import Final

from lgeqa.attributes import NAMES
from lgeqa.evaluate.markdown import TITLES, cell, table
from lgeqa.evaluate.metrics import METRICS
from lgeqa.evaluate.record import Figures, Pooled
from lgeqa.intervals import Figure

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
    yield table(("Who", *(metric.title for metric in METRICS)), [_row(name, one) for name, one in rows.items()])
    if pooled.differences:
        yield f"\n### What each strategy gains over {first}\n"
        yield (
            f"Its figure less that of {first}, in the same draws of patients. Where the interval holds 0, the two are "
            "not told apart.\n"
        )
        yield table(
            ("Strategy", *(metric.title for metric in _COMPARED)),
            [
                [name, *(_signed(one.scans["quality"][metric.name]) for metric in _COMPARED)]
                for name, one in pooled.differences.items()
            ],
        )
    yield "\n### Each attribute\n"
    yield "AUROC, and what is gained of it.\n"
    yield table(("", *(TITLES[name] for name in NAMES)), list(_attributes(pooled, first)))


def _attributes(pooled: Pooled, first: str) -> Iterator[list[str]]:
    """A row for each strategy and each difference, over scans and then over slices."""
    for unit in ("scans", "slices"):
        for name, one in pooled.strategies.items():
            yield [f"{name}, {unit}", *map(cell, _aurocs(getattr(one, unit)))]
        for name, one in pooled.differences.items():
            yield [f"{name} less {first}, {unit}", *map(_signed, _aurocs(getattr(one, unit)))]


def _aurocs(scales: Mapping[str, Figures]) -> list[Figure]:
    return [scales[name]["auroc"] for name in NAMES]


def _row(name: str, figures: Figures) -> list[str]:
    return [name, *(cell(figures[metric.name]) for metric in METRICS)]


def _named(who: str, scans: int, of: int) -> str:
    return who if scans == of else f"{who}, {scans} scans"


def _absent(scans: int) -> str:
    return f"; {scans} that not every strategy could assess are left out" if scans else ""


def _signed(figure: Figure) -> str:
    """A difference with its interval: `+0.021 (-0.004 to +0.046)`."""
    if figure.value is None:
        return "undefined"
    if figure.low is None or figure.high is None:
        return f"{figure.value:+.3f}"
    return f"{figure.value:+.3f} ({figure.low:+.3f} to {figure.high:+.3f})"
