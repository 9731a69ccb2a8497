"""The report of an experiment."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lgeqa.bootstrap import cell
from lgeqa.cohort import seen_message
from lgeqa.documents import Block, Code, Heading, Items, Paragraph, Picture, Table
from lgeqa.evaluation.baselines import MODEL
from lgeqa.evaluation.example_selection import Choice
from lgeqa.evaluation.figures import Panel
from lgeqa.evaluation.paper_tables import Spread, table_2
from lgeqa.evaluation.record import Association, Evaluation, Figures, Pooled
from lgeqa.evaluation.report import SEEN, TITLES, association_table, number_form, spread_cell, strategy_table
from lgeqa.experiment.out_of_fold_section import pooled_section
from lgeqa.experiment.plan import Plan, Run, split_file
from lgeqa.experiment.score_agreement import ScoreAgreement, agreement_section
from lgeqa.experiment.settings import ExperimentConfig
from lgeqa.scales import SCALE_NAMES
from lgeqa.versions import training_versions

#: File names of the figures.
ATTENTION: Final = "figure-2.png"
EMBEDDING: Final = "figure-3.png"
CURVES: Final = "curves.png"
TITLE: Final = "Experiment: strategies on one cohort"

_SIMULATED = (
    "The scans or scores of this cohort are simulated. The figures say how well each strategy recognises simulated "
    "artefacts, and nothing about clinical scans. They cannot be compared with the paper's, whose cohort is private."
)


@dataclass(frozen=True)
class Findings:
    """All results of an experiment.

    Attributes:
        cohorts: Paths of the cohorts, as the user gave them.
        evaluations: Evaluation of each training.
        associations: Association of each attribute with quality over all scans.
        choice: Slices of Fig. 2. None if it could not be drawn.
        panels: Panels of Fig. 3. Empty if it could not be drawn.
        pooled: Results of the strategies over all scans. None if the scans are not tested once each.
        agreements: Weighted kappa of strategies and readers. Empty if the scans are not tested once each.
        undrawn: Reason why a figure could not be drawn, by file name.
        detector: SHA-256 of the network of stage 1.
    """

    cohorts: Sequence[Path]
    evaluations: Mapping[Run, Evaluation]
    associations: Mapping[str, Association]
    choice: Choice | None
    panels: Sequence[Panel]
    pooled: Pooled | None
    agreements: Sequence[ScoreAgreement]
    undrawn: Mapping[str, str]
    detector: str


def report(plan: Plan, config: ExperimentConfig, findings: Findings, out: Path) -> Iterator[Block]:
    """Yield the whole report.

    Args:
        plan: Scans, splits and trainings.
        config: Settings of the experiment.
        findings: Its results.
        out: Folder of the experiment, which holds the pictures, and the splits, which are hashed.
    """
    first = next(iter(findings.evaluations.values()))
    yield Heading(TITLE, level=1)
    if first.simulated:
        yield Paragraph(_SIMULATED, strong=True)
    yield Table(("", ""), list(_facts(plan, config, findings, first)))
    if seen := _seen(findings.evaluations):
        yield Paragraph(f"{seen}. {SEEN}", strong=True)
    yield Heading("Table 1: how the attributes go with quality")
    yield Paragraph(f"Over all {len(plan.cases)} scans; intervals of 95 % by bootstrap over patients.")
    yield association_table(findings.associations)
    yield Heading("Table 2: quality on the test scans")
    yield Paragraph(
        f"Mean ± standard deviation over {len(plan.splits)} iterations, scan by scan. Below the strategies: what "
        "others reach on the same scans against the same labels. The paper has the first four columns."
    )
    yield strategy_table(dict(_rows(config, findings.evaluations)))
    yield Heading("Each training", level=3)
    yield from _each(findings.evaluations)
    yield Heading("Each attribute", level=3)
    yield from _attributes(config, findings.evaluations)
    if findings.pooled:
        yield from pooled_section(findings.pooled, len(plan.cases), len(plan.splits))
        yield from agreement_section(findings.agreements)
    yield Heading("Fig. 2: where the networks look")
    yield _figure(ATTENTION, "HiResCAM on test slices", findings, out)
    if findings.choice:
        counts = (f"{n} {group}" for group, n in findings.choice.counts.items())
        yield Paragraph(f"Test slices of the first iteration: {', '.join(counts)}")
    yield Heading("Fig. 3: how the encoders lay slices out")
    yield _figure(EMBEDDING, "UMAP of the encoders' features", findings, out)
    if findings.panels:
        yield from _panels(findings.panels)
    yield Heading("Training")
    yield Picture(out / CURVES, "Training curves")
    yield from _provenance(plan, config, findings, out)


def _figure(name: str, title: str, findings: Findings, out: Path) -> Block:
    """Return a figure, or why it could not be drawn."""
    return Paragraph(findings.undrawn[name]) if name in findings.undrawn else Picture(out / name, title)


def _facts(plan: Plan, config: ExperimentConfig, findings: Findings, first: Evaluation) -> Iterator[tuple[str, str]]:
    parts = {part: len(plan.numbers(0, part)) for part in ("train", "validation", "test")}
    yield "cohort", ", ".join(f"`{cohort}`" for cohort in findings.cohorts)
    yield "scans", f"{len(plan.cases)} of {len({case.patient for case in plan.cases})} patients"
    yield "first split", ", ".join(f"{count} {part}" for part, count in parts.items()) + "; no patient in two parts"
    yield "labels", first.label
    yield "iterations", f"{len(plan.splits)}, {_SPLITS[config.splits]}; seeds from {config.seed}"
    yield "atrium of test scans", "detected" if first.mask_source == "detected" else "given masks"
    yield "first weights", str(config.weights)


def _seen(evaluations: Mapping[Run, Evaluation]) -> str:
    """Return which scans of all test parts were seen in training, or an empty text."""
    stages = dict.fromkeys(stage for evaluation in evaluations.values() for stage in evaluation.seen)
    seen = {
        stage: sorted({scan for evaluation in evaluations.values() for scan in evaluation.seen.get(stage, ())})
        for stage in stages
    }
    return seen_message(seen, sum(evaluation.n_scans for evaluation in evaluations.values()))


_SPLITS: Final = {
    "repeated": "one test part, the rest drawn again in each",
    "folds": "each with another part as its test part",
    "sites": "each with another site as its test part",
}


def _rows(config: ExperimentConfig, evaluations: Mapping[Run, Evaluation]) -> Iterator[tuple[str, dict[str, Spread]]]:
    """Yield the name and the spreads of each strategy, then of all others compared with the label."""
    for strategy in config.strategies:
        repeats = [evaluation for run, evaluation in evaluations.items() if run.strategy == strategy]
        yield strategy, table_2([evaluation.scans["quality"].figures for evaluation in repeats])
    # The figures of the others do not depend on the strategy, so one evaluation per iteration is enough.
    others = [_others(evaluation) for run, evaluation in evaluations.items() if run.strategy == config.strategies[0]]
    for who in dict.fromkeys(who for iteration in others for who in iteration):
        figures = [iteration[who] for iteration in others if who in iteration]
        some = "" if len(figures) == len(others) else f", in {len(figures)} of {len(others)} iterations"
        yield f"{who}{some}", table_2(figures)


def _others(evaluation: Evaluation) -> dict[str, Figures]:
    """Return the figures of all but the model against the label, without readers who scored no test scan."""
    label = evaluation.comparisons[0].against
    return {row.who: row.figures for row in evaluation.comparisons if row.against == label and row.who != MODEL}


def _each(evaluations: Mapping[Run, Evaluation]) -> Iterator[Block]:
    names = ("f1", "specificity", "balanced_accuracy", "auroc", "brier")
    rows = [
        [
            run.name,
            evaluation.part,
            f"{evaluation.n_scans}",
            *(cell(quality.figures[name], number_form(quality)) for name in names),
        ]
        for run, evaluation in evaluations.items()
        for quality in [evaluation.scans["quality"]]
    ]
    yield Table(("Training", "Tested on", "Scans", "F1", "Specificity", "Balanced accuracy", "AUROC", "Brier"), rows)
    yield Items(
        [f"{run.name}: {caution}" for run, evaluation in evaluations.items() for caution in evaluation.cautions]
    )


def _attributes(config: ExperimentConfig, evaluations: Mapping[Run, Evaluation]) -> Iterator[Block]:
    yield Paragraph("AUROC on the test scans.")
    rows = []
    for strategy in config.strategies:
        repeats = [evaluation for run, evaluation in evaluations.items() if run.strategy == strategy]
        spreads = [table_2([evaluation.scans[name].figures for evaluation in repeats])["auroc"] for name in SCALE_NAMES]
        rows.append([strategy, *map(spread_cell, spreads)])
    yield Table(("Strategy", *(TITLES[name] for name in SCALE_NAMES)), rows)


def _panels(panels: Sequence[Panel]) -> Iterator[Block]:
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
    yield Table(("Encoder", "Silhouette", "Accuracy of neighbours", "Larger class"), rows)
    yield Paragraph(
        "Measured on the features themselves, each slice against slices of other patients alone; test slices of the "
        "first iteration."
    )


def _provenance(plan: Plan, config: ExperimentConfig, findings: Findings, out: Path) -> Iterator[Block]:
    yield Heading("Provenance")
    rows = [[run.name, result.bundle.sha256, result.finished_at] for run, result in findings.evaluations.items()]
    yield Table(("Training", "SHA-256 of its bundle.json", "Evaluated"), rows)
    splits = [split_file(out, i) for i in range(len(plan.splits))]
    rows = [[path.name, hashlib.sha256(path.read_bytes()).hexdigest()] for path in splits]
    yield Table(("Split", "SHA-256"), rows)
    yield Paragraph(f"Detector: SHA-256 {findings.detector}")
    yield Paragraph("Versions: " + ", ".join(f"{name} {version}" for name, version in training_versions().items()))
    yield Paragraph("Settings:")
    yield Code(config.model_dump_json(indent=1), "json")
