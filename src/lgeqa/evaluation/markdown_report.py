"""Report of an evaluation in Markdown."""

from collections.abc import Iterator, Mapping, Sequence

from lgeqa.bootstrap import cell, notes
from lgeqa.cohort.labels import JOINED
from lgeqa.cohort.seen_scans import STAGES, seen_message
from lgeqa.evaluation.baselines import MEASURED_READER
from lgeqa.evaluation.constant import FEW, few_caution
from lgeqa.evaluation.metrics import METRICS
from lgeqa.evaluation.paper_tables import Spread
from lgeqa.evaluation.record import Association, Comparison, Evaluation, ScaleFigures
from lgeqa.scales import ATTRIBUTE_NAMES, SCALES
from lgeqa.table_text import markdown_table

TITLES = {scale.name: scale.title for scale in SCALES}
#: Measures in the table of comparisons. The record has all.
_COMPARED = ("precision", "recall", "f1", "specificity", "balanced_accuracy", "auroc")
#: Number of excluded scans that the page names. The record names all.
_NAMED = 20
#: Display names of the columns that group scans.
GROUP_TITLES = {"site": "site", "scanner": "scanner", "field_strength_t": "field strength in tesla"}

_SIMULATED_COHORT = (
    "**The scans or scores of this cohort are simulated.** The figures say how well simulated artefacts are "
    "recognised, and nothing of clinical scans."
)
_NO_EXPERT = (
    "**The model learnt from {labels} scores.** How its verdicts relate to experts' reading is what these figures "
    "say, for this cohort alone."
)


def page(evaluation: Evaluation) -> str:
    """Return the report of an evaluation in Markdown."""
    return "\n".join(_lines(evaluation)).replace("\n\n\n", "\n\n") + "\n"


def table_1_page(associations: Mapping[str, Association]) -> str:
    """Return Table 1 of the paper: the association of each attribute with quality."""
    rows = [(TITLES[name], cell(row.pearson), cell(row.spearman), cell(row.phi)) for name, row in associations.items()]
    return markdown_table(("Attribute", "Pearson's r", "Spearman's rho", "phi of the labels"), rows)


def table_2_page(strategies: Mapping[str, Mapping[str, Spread]]) -> str:
    """Return Table 2 of the paper: mean and standard deviation of each measure over iterations, a row per strategy."""
    rows = [(name, *(spread_cell(spreads[metric.name]) for metric in METRICS)) for name, spreads in strategies.items()]
    return markdown_table(("Strategy", *(metric.title for metric in METRICS)), rows)


def spread_cell(spread: Spread) -> str:
    """Format mean and standard deviation as `0.912 ± 0.031`, or as `undefined` if there is no mean."""
    if spread.mean is None:
        return "undefined"
    off = "" if spread.n == spread.of else f" (defined in {spread.n} of {spread.of})"
    return f"{spread.mean:.3f}{'' if spread.sd is None else f' ± {spread.sd:.3f}'}{off}"


def _lines(of: Evaluation) -> Iterator[str]:
    yield f"# Evaluation of {of.bundle.name} {of.bundle.version}\n"
    if of.simulated:
        yield f"{_SIMULATED_COHORT}\n"
    if of.bundle_labels != "expert" and not of.simulated:
        yield f"{_NO_EXPERT.format(labels=of.bundle_labels)}\n"
    if seen := seen_message(of.seen, of.n_scans + len(of.excluded)):
        yield f"**{seen}.** Figures on what a network was trained on are better than on new patients.\n"
    yield from (f"**Caution.** {caution}\n" for caution in of.cautions)
    yield markdown_table(("", ""), list(_facts(of)))
    yield "\n## Scans\n"
    yield (
        "A scan's verdict is the mode of its slices' predictions, and a tie goes by the mean probability. The labels "
        f"are {of.label}: diagnostic from a score of 3. Intervals are of 95 %, from {of.draws} bootstrap draws over "
        f"patients, seed {of.seed}. A figure without an interval is the same in nearly every draw, as 1 is where "
        "nothing was wrong: that is not certainty.\n"
    )
    yield from _scales(of.scans, "scans")
    yield "\n![ROC curves](roc.png)\n\n![Precision and recall](precision-recall.png)\n"
    yield "![Reliability](reliability.png)\n"
    yield "\n## Slices\n"
    yield "Each slice has the label of its scan, so a good slice of a poor scan counts as poor.\n"
    yield from _scales(of.slices, "slices")
    yield "\n## Held against others: quality, scan by scan\n"
    yield from _comparisons(of.comparisons)
    yield from _groups(of.groups)
    yield "\n## Attributes and quality in the labels (Table 1)\n"
    yield table_1_page(of.associations)
    yield from notes(
        {
            f"{TITLES[n]}, {kind}": getattr(of.associations[n], kind)
            for n in ATTRIBUTE_NAMES
            for kind in ("pearson", "spearman", "phi")
        }
    )
    yield from _excluded(of)


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


def number_form(scale: ScaleFigures) -> str:
    """Return the format of the figures of a scale: one decimal if there are few scans or slices of a class."""
    return ".1f" if min(scale.diagnostic, scale.n - scale.diagnostic) < FEW else ".3f"


def _seen(seen: Mapping[str, Sequence[str]]) -> str:
    """Return how many scans each stage has seen, as far as the bundle says what it was trained on."""
    counts = [f"{len(scans)} scans by the {STAGES[stage]}" for stage, scans in seen.items()]
    return ", ".join(counts) or "unknown, since the bundle does not say what it was trained on"


def _groups(groups: Mapping[str, Mapping[str, ScaleFigures]]) -> Iterator[str]:
    """Yield a table for each column of the cohort, and a warning for each group with few scans of a class."""
    metrics = [metric for metric in METRICS if metric.name in _COMPARED]
    for name, values in groups.items():
        yield f"\n## By {GROUP_TITLES[name]}: quality, scan by scan\n"
        rows = [
            [
                value,
                f"{group.diagnostic} of {group.n}",
                *(cell(group.figures[m.name], number_form(group)) for m in metrics),
            ]
            for value, group in values.items()
        ]
        heads = (GROUP_TITLES[name].capitalize(), "Diagnostic", *(metric.title for metric in metrics))
        yield markdown_table(heads, rows)
        if few := few_caution({value: (group.diagnostic, group.n) for value, group in values.items()}):
            yield f"\n**{few}** Differences between groups may be chance.\n"


def _scales(scales: Mapping[str, ScaleFigures], unit: str) -> Iterator[str]:
    names = ("quality", *ATTRIBUTE_NAMES)
    rows = [[f"diagnostic {unit}", *(f"{scales[name].diagnostic} of {scales[name].n}" for name in names)]]
    rows += [
        [f"{metric.title}{' (lower is better)' if metric.better == 'lower' else ''}"]
        + [cell(scales[name].figures[metric.name], number_form(scales[name])) for name in names]
        for metric in METRICS
    ]
    yield markdown_table(("", *(TITLES[name] for name in names)), rows)
    yield from notes(
        {f"{metric.title}, {TITLES[n].lower()}": scales[n].figures[metric.name] for metric in METRICS for n in names}
    )


def _comparisons(comparisons: Sequence[Comparison]) -> Iterator[str]:
    metrics = [metric for metric in METRICS if metric.name in _COMPARED]
    rows = [
        [row.who, row.against, f"{row.on} ({row.n_scans})", *(cell(row.figures[m.name]) for m in metrics)]
        for row in comparisons
    ]
    yield markdown_table(("Who", "Against", "Scans", *(metric.title for metric in metrics)), rows)
    yield (
        "\nA model cannot be expected to agree with a reader better than another reader does. The majority rule knows "
        "the true binary labels of the three attributes: it says what most scans of other patients with the same "
        "labels are. Calling all diagnostic shows what a figure is worth.\n"
    )
    if comparisons[0].against in JOINED:
        yield "The label joins all readers, so each of them is part of what they are held against here.\n"
    if any(row.who == MEASURED_READER for row in comparisons):
        yield (
            "The scores of the measured reader follow from image quality measures. They are not clinical ones, and no "
            "label joins them.\n"
        )
    yield from notes(
        {f"{m.title}, {row.who} against {row.against}": row.figures[m.name] for row in comparisons for m in metrics}
    )


def _excluded(of: Evaluation) -> Iterator[str]:
    if of.excluded:
        yield f"\n## Left out: {len(of.excluded)} scans\n"
        yield from (f"- `{scan.scan_id}`: {scan.why}" for scan in of.excluded[:_NAMED])
        if (more := len(of.excluded) - _NAMED) > 0:
            yield f"- and {more} more, which `evaluation.json` names"
