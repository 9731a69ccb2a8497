"""Report of an agreement in Markdown."""

from collections.abc import Iterator, Mapping, Sequence

from lgeqa import bootstrap
from lgeqa.agreement.record import Agreement, ModelPair, Pair, ScaleAgreement
from lgeqa.bootstrap import Estimate, notes
from lgeqa.scales import SCALES
from lgeqa.table_text import markdown_table

#: Number of scans to adjudicate that the page names. The table names all.
_NAMED = 20
_SIMULATED = (
    "**The readers of this cohort are simulated.** The figures say how simulated readers differ, and nothing of people."
)


def page(agreement: Agreement) -> str:
    """Return the report of an agreement in Markdown."""
    return "\n".join(_lines(agreement)) + "\n"


def cell(figure: Estimate, sign: str = "") -> str:
    """Format a figure with its interval as `0.71 (0.64 to 0.78)`, or as `undefined` if it has no value."""
    return bootstrap.cell(figure, f"{sign}z.2f")


def _lines(of: Agreement) -> Iterator[str]:
    yield f"# Agreement of {len(of.readers)} readers\n"
    if of.simulated:
        yield f"{_SIMULATED}\n"
    yield (
        f"`{of.source}`: {of.n_scans} scans of {of.n_patients} patients, {of.n_shared} of them read by two readers or "
        f"more. A score of 3 or more is diagnostic. Intervals are of 95 %, from {of.draws} bootstrap draws over "
        f"patients, seed {of.seed}; that of the ICC is analytic. Made {of.finished_at} with lgeqa "
        f"{of.versions['lgeqa']}.\n"
    )
    yield markdown_table(
        ("Reader", "Scored", "Cannot be rated", "Read twice"),
        [(count.reader, str(count.scored), str(count.refused), str(count.repeated)) for count in of.readers],
    )
    yield "\n## All readers together\n"
    yield from _together(of.scales)
    for scale in SCALES:
        yield f"\n## {scale.title}\n"
        yield from _scale(of.scales[scale.name])
    if of.bundle:
        yield "\n## The model among the readers\n"
        yield from _model(of)
    yield "\n## To adjudicate\n"
    yield from _disputes(of)


def _together(scales: Mapping[str, ScaleAgreement]) -> Iterator[str]:
    rows = [
        (scale.title, str(figures.n), cell(figures.alpha), str(figures.n_complete), cell(figures.icc))
        for scale in SCALES
        for figures in [scales[scale.name]]
    ]
    yield markdown_table(("Scale", "Scans of two or more", "Krippendorff's alpha", "Scans of all", "ICC(2,1)"), rows)
    yield from notes(
        {
            f"{kind}, {scale.title.lower()}": getattr(scales[scale.name], name)
            for scale in SCALES
            for name, kind in (("alpha", "alpha"), ("icc", "ICC"))
        }
    )


def _scale(of: ScaleAgreement) -> Iterator[str]:
    if of.pairs:
        yield _pairs("Readers", of.pairs)
        yield from _pair_notes(of.pairs)
    if of.repeats:
        yield "\nEach reader's second reading against the first:\n"
        yield _pairs("Reader", of.repeats)
        yield from _pair_notes(of.repeats)
    if of.measured:
        yield "\nScores from image quality measures (`measured`), in no other figure, against each reader:\n"
        yield _pairs("Readers", of.measured)
        yield from _pair_notes(of.measured)
    yield "\nLeniency, on the scans that another reader scored too:\n"
    rows = [
        (row.reader, str(row.n), cell(row.difference, "+"), cell(row.diagnostic), cell(row.others_diagnostic))
        for row in of.leniency
    ]
    yield markdown_table(("Reader", "Scans", "Above the others by", "Calls diagnostic", "Others call diagnostic"), rows)
    yield from notes({f"leniency of {row.reader}": row.difference for row in of.leniency})


def _pairs(who: str, pairs: Sequence[Pair]) -> str:
    rows = [
        [_name(pair), f"{pair.n}{f' (+{pair.refused} not ratable)' if pair.refused else ''}"]
        + [cell(figure) for figure in (pair.kappa, pair.label_kappa, pair.exact, pair.same_side)]
        for pair in pairs
    ]
    return markdown_table((who, "Scans", "Weighted kappa", "Kappa of labels", "Same score", "Same side of 3"), rows)


def _name(pair: Pair) -> str:
    return pair.a if pair.a == pair.b else f"{pair.a}, {pair.b}"


def _pair_notes(pairs: Sequence[Pair]) -> Iterator[str]:
    kinds = {
        "kappa": "weighted kappa",
        "label_kappa": "kappa of labels",
        "exact": "same score",
        "same_side": "same side",
    }
    return notes({f"{kind}, {_name(pair)}": getattr(pair, name) for pair in pairs for name, kind in kinds.items()})


def _model(of: Agreement) -> Iterator[str]:
    assert of.bundle
    yield (
        f"{of.bundle.name} {of.bundle.version} on {of.n_judged} scans. It gives verdicts and probabilities and no "
        "scores, so what is compared is the side of 3. It cannot be expected to agree with a reader better than "
        "another reader does: see the kappa of labels above. The majority calls a scan diagnostic if more than half "
        "of its readers do.\n"
    )
    rows = [
        (scale.title, pair.against, str(pair.n), *map(cell, _figures(pair)))
        for scale in SCALES
        for pair in of.scales[scale.name].model
    ]
    figures = ("Kappa of labels", "Same side", "AUROC", "Model calls diagnostic", "They call diagnostic")
    yield markdown_table(("Scale", "Against", "Scans", *figures), rows)
    yield from notes(
        {
            f"{kind}, {scale.title.lower()}, {pair.against}": getattr(pair, name)
            for scale in SCALES
            for pair in of.scales[scale.name].model
            for name, kind in (("label_kappa", "kappa of labels"), ("auroc", "AUROC"))
        }
    )


def _figures(of: ModelPair) -> tuple[Estimate, ...]:
    return of.label_kappa, of.same_side, of.auroc, of.diagnostic, of.others_diagnostic


def _disputes(of: Agreement) -> Iterator[str]:
    yield (
        f"{len(of.disputes)} of {of.n_shared} scans that two readers or more read: one says that it cannot be rated "
        "and another scores it, readers are on different sides of 3 on quality, or scores on a scale are 2 or more "
        "apart. `adjudicate.csv` has all, with every reader's scores.\n"
    )
    yield from (f"{scan.rank}. `{scan.scan_id}`: {'; '.join(scan.reasons)}" for scan in of.disputes[:_NAMED])
    if (more := len(of.disputes) - _NAMED) > 0:
        yield f"\nand {more} more."
