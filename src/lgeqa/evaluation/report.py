"""Report of an evaluation."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from lgeqa.bootstrap import cell, notes
from lgeqa.cohort.labels import JOINED
from lgeqa.cohort.seen_scans import STAGES, seen_message
from lgeqa.documents import Block, Heading, Items, Paragraph, Picture, Table
from lgeqa.evaluation.baselines import MEASURED_READER
from lgeqa.evaluation.constant import FEW, few_caution
from lgeqa.evaluation.metrics import METRICS, Metric
from lgeqa.evaluation.paper_tables import Spread
from lgeqa.evaluation.record import Association, Comparison, Evaluation, Excluded, ScaleFigures
from lgeqa.scales import ATTRIBUTE_NAMES, SCALES

TITLES = {scale.name: scale.title for scale in SCALES}
#: Measures in the table of comparisons. The record has all.
_COMPARED = ("precision", "recall", "f1", "specificity", "balanced_accuracy", "auroc")
#: Number of excluded scans that the page names. The record names all.
_NAMED = 20
#: Display names of the columns that group scans.
GROUP_TITLES = {"site": "site", "scanner": "scanner", "field_strength_t": "field strength in tesla"}

#: Titles of the plots beside the report, by the names of their files.
PLOTS: Final = {"roc": "ROC curves", "precision-recall": "Precision and recall", "reliability": "Reliability"}
#: What seen scans mean for the figures.
SEEN: Final = "Figures on what a network was trained on are better than on new patients."

_SIMULATED_COHORT = (
    "The scans or scores of this cohort are simulated. The figures say how well simulated artefacts are "
    "recognised, and nothing of clinical scans."
)
_NO_EXPERT = (
    "The model learnt from {labels} scores. How its verdicts relate to experts' reading is what these figures "
    "say, for this cohort alone."
)


def report(of: Evaluation) -> Iterator[Block]:
    """Yield the report of an evaluation, whose pictures lie beside it."""
    yield Heading(f"Evaluation of {of.bundle.name} {of.bundle.version}", level=1)
    if of.simulated:
        yield Paragraph(_SIMULATED_COHORT, strong=True)
    elif of.bundle_labels != "expert":
        yield Paragraph(_NO_EXPERT.format(labels=of.bundle_labels), strong=True)
    if seen := seen_message(of.seen, of.n_scans + len(of.excluded)):
        yield Paragraph(f"{seen}. {SEEN}", strong=True)
    yield from (Paragraph(f"Caution: {caution}", strong=True) for caution in of.cautions)
    yield Table(("", ""), list(_facts(of)))
    yield Heading("Scans")
    yield Paragraph(
        "A scan's verdict is the mode of its slices' predictions, and a tie goes by the mean probability. The labels "
        f"are {of.label}: diagnostic from a score of 3. Intervals are of 95 %, from {of.draws} bootstrap draws over "
        f"patients, seed {of.seed}. A figure without an interval is the same in nearly every draw, as 1 is where "
        "nothing was wrong: that is not certainty."
    )
    yield from _scales(of.scans, "scans")
    yield from (Picture(Path(f"{name}.png"), title) for name, title in PLOTS.items())
    yield Heading("Slices")
    yield Paragraph("Each slice has the label of its scan, so a good slice of a poor scan counts as poor.")
    yield from _scales(of.slices, "slices")
    yield Heading("Held against others: quality, scan by scan")
    yield from _comparisons(of.comparisons)
    yield from _groups(of.groups)
    yield Heading("Attributes and quality in the labels (Table 1)")
    yield association_table(of.associations)
    kinds = ("pearson", "spearman", "phi")
    yield Items(
        notes({f"{TITLES[n]}, {kind}": getattr(of.associations[n], kind) for n in ATTRIBUTE_NAMES for kind in kinds})
    )
    yield from excluded(of.excluded, "`evaluation.json`")


def association_table(associations: Mapping[str, Association]) -> Table:
    """Return Table 1 of the paper: the association of each attribute with quality."""
    rows = [(TITLES[name], cell(row.pearson), cell(row.spearman), cell(row.phi)) for name, row in associations.items()]
    return Table(("Attribute", "Pearson's r", "Spearman's rho", "phi of the labels"), rows)


def strategy_table(strategies: Mapping[str, Mapping[str, Spread]]) -> Table:
    """Return Table 2 of the paper: mean and standard deviation of each measure over iterations, a row per strategy."""
    rows = [(name, *(spread_cell(spreads[metric.name]) for metric in METRICS)) for name, spreads in strategies.items()]
    return Table(("Strategy", *(metric.title for metric in METRICS)), rows)


def spread_cell(spread: Spread) -> str:
    """Format mean and standard deviation as `0.912 ± 0.031`, or as `undefined` if there is no mean."""
    if spread.mean is None:
        return "undefined"
    off = "" if spread.n == spread.of else f" (defined in {spread.n} of {spread.of})"
    return f"{spread.mean:.3f}{'' if spread.sd is None else f' ± {spread.sd:.3f}'}{off}"


def _facts(of: Evaluation) -> Iterator[tuple[str, str]]:
    yield "bundle", f"{of.bundle.name} {of.bundle.version}, SHA-256 {of.bundle.sha256[:12]}…"
    yield "it learnt from", f"{of.bundle_labels} scores"
    yield "cohort", ", ".join(f"`{cohort}`" for cohort in of.cohorts)
    yield "part", of.part
    yield "labels", of.label
    yield "in the figures", f"{of.n_scans} scans of {of.n_patients} patients, {of.n_slices} slices"
    yield "left out", f"{len(of.excluded)} scans" + (", named below" if of.excluded else "")
    yield "seen in training", _seen(of.seen)
    yield "atrium", "detected" if of.mask_source == "detected" else "given masks"
    yield "threshold", f"{of.threshold:g} for quality, {of.attribute_threshold:g} for the attributes"
    yield "made", f"{of.finished_at} with lgeqa {of.versions['lgeqa']}"


def titled(metric: Metric) -> str:
    """Return the title of a measure in a table, which says so if a lower value is better."""
    return f"{metric.title}{' (lower is better)' if metric.better == 'lower' else ''}"


def number_form(scale: ScaleFigures) -> str:
    """Return the format of the figures of a scale: one decimal if there are few scans or slices of a class."""
    return ".1f" if min(scale.diagnostic, scale.n - scale.diagnostic) < FEW else ".3f"


def _seen(seen: Mapping[str, Sequence[str]]) -> str:
    """Return how many scans each stage has seen, as far as the bundle says what it was trained on."""
    counts = [f"{len(scans)} scans by the {STAGES[stage]}" for stage, scans in seen.items()]
    return ", ".join(counts) or "unknown, since the bundle does not say what it was trained on"


def _groups(groups: Mapping[str, Mapping[str, ScaleFigures]]) -> Iterator[Block]:
    """Yield a table for each column of the cohort, and a warning for each group with few scans of a class."""
    metrics = [metric for metric in METRICS if metric.name in _COMPARED]
    for name, values in groups.items():
        yield Heading(f"By {GROUP_TITLES[name]}: quality, scan by scan")
        rows = [
            [
                value,
                f"{group.diagnostic} of {group.n}",
                *(cell(group.figures[m.name], number_form(group)) for m in metrics),
            ]
            for value, group in values.items()
        ]
        heads = (GROUP_TITLES[name].capitalize(), "Diagnostic", *(metric.title for metric in metrics))
        yield Table(heads, rows)
        if few := few_caution({value: (group.diagnostic, group.n) for value, group in values.items()}):
            yield Paragraph(f"{few} Differences between groups may be chance.", strong=True)


def _scales(scales: Mapping[str, ScaleFigures], unit: str) -> Iterator[Block]:
    names = ("quality", *ATTRIBUTE_NAMES)
    rows = [[f"diagnostic {unit}", *(f"{scales[name].diagnostic} of {scales[name].n}" for name in names)]]
    rows += [
        [titled(metric)] + [cell(scales[name].figures[metric.name], number_form(scales[name])) for name in names]
        for metric in METRICS
    ]
    yield Table(("", *(TITLES[name] for name in names)), rows)
    yield Items(notes({f"{m.title}, {TITLES[n].lower()}": scales[n].figures[m.name] for m in METRICS for n in names}))


def _comparisons(comparisons: Sequence[Comparison]) -> Iterator[Block]:
    metrics = [metric for metric in METRICS if metric.name in _COMPARED]
    rows = [
        [row.who, row.against, f"{row.on} ({row.n_scans})", *(cell(row.figures[m.name]) for m in metrics)]
        for row in comparisons
    ]
    yield Table(("Who", "Against", "Scans", *(metric.title for metric in metrics)), rows)
    yield Paragraph(
        "A model cannot be expected to agree with a reader better than another reader does. The majority rule knows "
        "the true binary labels of the three attributes: it says what most scans of other patients with the same "
        "labels are. Calling all diagnostic shows what a figure is worth."
    )
    if comparisons[0].against in JOINED:
        yield Paragraph("The label joins all readers, so each of them is part of what they are held against here.")
    if any(row.who == MEASURED_READER for row in comparisons):
        yield Paragraph(
            "The scores of the measured reader follow from image quality measures. They are not clinical ones, and no "
            "label joins them."
        )
    yield Items(
        notes(
            {f"{m.title}, {row.who} against {row.against}": row.figures[m.name] for row in comparisons for m in metrics}
        )
    )


def excluded(scans: Sequence[Excluded], record: str) -> Iterator[Block]:
    """Yield the section about scans that were left out, if there are any.

    Args:
        scans: Scans that were left out.
        record: Name of the file that names all of them.
    """
    if scans:
        yield Heading(f"Left out: {len(scans)} scans")
        more = len(scans) - _NAMED
        rest = [f"and {more} more, which {record} names"] if more > 0 else []
        yield Items([*(f"`{scan.scan_id}`: {scan.why}" for scan in scans[:_NAMED]), *rest])
