"""The report of an experiment in Markdown."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lgeqa.attributes import NAMES
from lgeqa.evaluate.choice import Choice
from lgeqa.evaluate.comparisons import MODEL
from lgeqa.evaluate.figures import Panel
from lgeqa.evaluate.markdown import TITLES, spread_cell, table_1_page, table_2_page
from lgeqa.evaluate.record import Association, Evaluation, Figures, Pooled
from lgeqa.evaluate.tables import Spread, table_2
from lgeqa.experiment.plan import Plan, Run, split_file
from lgeqa.experiment.pooled import pooled_page
from lgeqa.experiment.settings import ExperimentConfig
from lgeqa.intervals import cell
from lgeqa.tables import markdown_table
from lgeqa.versions import versions

#: Files of the pictures.
ATTENTION: Final = "figure-2.png"
EMBEDDING: Final = "figure-3.png"
CURVES: Final = "curves.png"

_SIMULATED = (
    "**The scans or scores of this cohort are simulated.** The figures say how well each strategy tells simulated "
    "faults, and nothing of clinical scans. They cannot be compared with the paper's, whose cohort is private."
)


@dataclass(frozen=True)
class Findings:
    """All that an experiment found.

    Attributes:
        cohorts: as they were named.
        evaluations: of each training.
        associations: of each attribute with quality, over all scans.
        choice: the slices of Fig. 2; None where it could not be drawn.
        panels: of Fig. 3; none where it could not be drawn.
        pooled: the strategies over all scans; None where scans are not tested once each.
        undrawn: why a picture could not be drawn, by its file.
    """

    cohorts: Sequence[Path]
    evaluations: Mapping[Run, Evaluation]
    associations: Mapping[str, Association]
    choice: Choice | None
    panels: Sequence[Panel]
    pooled: Pooled | None
    undrawn: Mapping[str, str]


def page(plan: Plan, config: ExperimentConfig, found: Findings, out: Path) -> str:
    """The whole page; `out` is the folder of the experiment, whose splits are hashed."""
    return "\n".join(_lines(plan, config, found, out)) + "\n"


def _lines(plan: Plan, config: ExperimentConfig, found: Findings, out: Path) -> Iterator[str]:
    first = next(iter(found.evaluations.values()))
    yield "# Experiment: the strategies of the paper on one cohort\n"
    if first.simulated:
        yield f"{_SIMULATED}\n"
    yield markdown_table(("", ""), list(_facts(plan, config, found, first)))
    yield "\n## Table 1: how the attributes go with quality\n"
    yield f"Over all {len(plan.cases)} scans; intervals of 95 % by bootstrap over patients.\n"
    yield table_1_page(found.associations)
    yield "\n## Table 2: quality on the test scans\n"
    yield (
        f"Mean ± standard deviation over {config.iterations} iterations, scan by scan. Below the strategies: what "
        "others reach on the same scans against the same labels. The paper has the first four columns.\n"
    )
    yield table_2_page(dict(_rows(config, found.evaluations)))
    yield "\n### Each training\n"
    yield from _each(found.evaluations)
    yield "\n### Each attribute\n"
    yield from _attributes(config, found.evaluations)
    if found.pooled:
        yield from pooled_page(found.pooled, len(plan.cases), config.iterations)
    yield "\n## Fig. 2: where the networks look\n"
    yield found.undrawn.get(ATTENTION, f"![HiResCAM on test slices]({ATTENTION})") + "\n"
    if found.choice:
        counts = (f"{n} {group}" for group, n in found.choice.counts.items())
        yield f"Test slices of the first iteration: {', '.join(counts)}"
    yield "\n## Fig. 3: how the encoders lay slices out\n"
    yield found.undrawn.get(EMBEDDING, f"![UMAP of the encoders' features]({EMBEDDING})") + "\n"
    if found.panels:
        yield from _panels(found.panels)
    yield "\n## Training\n"
    yield f"![Training curves]({CURVES})\n"
    yield from _provenance(plan, config, found, out)


def _facts(plan: Plan, config: ExperimentConfig, found: Findings, first: Evaluation) -> Iterator[tuple[str, str]]:
    parts = {part: len(plan.numbers(0, part)) for part in ("train", "validation", "test")}
    yield "cohort", ", ".join(f"`{cohort}`" for cohort in found.cohorts)
    yield "scans", f"{len(plan.cases)} of {len({case.patient for case in plan.cases})} patients"
    yield "first split", ", ".join(f"{count} {part}" for part, count in parts.items()) + "; no patient in two parts"
    yield "labels", first.label
    yield "iterations", f"{config.iterations}, {_SPLITS[config.splits]}; seeds from {config.seed}"
    yield "atrium of test scans", "detected" if first.mask_source == "detected" else "given masks"
    yield "first weights", str(config.weights)


_SPLITS: Final = {
    "repeated": "one test part, the rest dealt anew in each",
    "folds": "each with another part as its test part",
}


def _rows(config: ExperimentConfig, evaluations: Mapping[Run, Evaluation]) -> Iterator[tuple[str, dict[str, Spread]]]:
    """Name and spreads: of each strategy, then of all who are compared with the label."""
    for strategy in config.strategies:
        own = [evaluation for run, evaluation in evaluations.items() if run.strategy == strategy]
        yield strategy, table_2([one.scans["quality"].figures for one in own])
    # What others reach does not hang on the strategy, so one evaluation an iteration tells it.
    others = [_others(evaluation) for run, evaluation in evaluations.items() if run.strategy == config.strategies[0]]
    for who in dict.fromkeys(who for one in others for who in one):
        found = [one[who] for one in others if who in one]
        some = "" if len(found) == len(others) else f", in {len(found)} of {len(others)} iterations"
        yield f"{who}{some}", table_2(found)


def _others(evaluation: Evaluation) -> dict[str, Figures]:
    """What all but the model reach against the label; a reader who scored none of the test scans is not there."""
    label = evaluation.comparisons[0].against
    return {row.who: row.figures for row in evaluation.comparisons if row.against == label and row.who != MODEL}


def _each(evaluations: Mapping[Run, Evaluation]) -> Iterator[str]:
    shown = ("f1", "specificity", "balanced_accuracy", "auroc", "brier")
    rows = [
        [run.name, f"{one.n_scans}", *(cell(one.scans["quality"].figures[name]) for name in shown)]
        for run, one in evaluations.items()
    ]
    yield markdown_table(("Training", "Test scans", "F1", "Specificity", "Balanced accuracy", "AUROC", "Brier"), rows)


def _attributes(config: ExperimentConfig, evaluations: Mapping[Run, Evaluation]) -> Iterator[str]:
    yield "AUROC on the test scans.\n"
    rows = []
    for strategy in config.strategies:
        own = [evaluation for run, evaluation in evaluations.items() if run.strategy == strategy]
        spreads = [table_2([one.scans[name].figures for one in own])["auroc"] for name in NAMES]
        rows.append([strategy, *map(spread_cell, spreads)])
    yield markdown_table(("Strategy", *(TITLES[name] for name in NAMES)), rows)


def _panels(panels: Sequence[Panel]) -> Iterator[str]:
    rows = [
        [
            panel.strategy,
            *(
                [f"undefined: {panel.separation.reason}", ""]
                if panel.separation.reason
                else [f"{panel.separation.silhouette:.3f}", f"{panel.separation.neighbour_accuracy:.3f}"]
            ),
            f"{panel.separation.majority_rate:.3f}",
        ]
        for panel in panels
    ]
    yield markdown_table(("Encoder", "Silhouette", "Accuracy of neighbours", "Larger class"), rows)
    yield (
        "\nMeasured on the features themselves, each slice against slices of other patients alone; test slices of the "
        "first iteration."
    )


def _provenance(plan: Plan, config: ExperimentConfig, found: Findings, out: Path) -> Iterator[str]:
    yield "\n## Provenance\n"
    rows = [[run.name, one.bundle.sha256, one.finished_at] for run, one in found.evaluations.items()]
    yield markdown_table(("Training", "SHA-256 of its bundle.json", "Evaluated"), rows)
    yield ""
    splits = [split_file(out, i) for i in range(len(plan.splits))]
    rows = [[path.name, hashlib.sha256(path.read_bytes()).hexdigest()] for path in splits]
    yield markdown_table(("Split", "SHA-256"), rows)
    yield "\nVersions: " + ", ".join(f"{name} {version}" for name, version in versions().items()) + "\n"
    yield f"Settings:\n\n```json\n{config.model_dump_json(indent=1)}\n```"
