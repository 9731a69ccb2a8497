"""Report of an agreement: its text and tables, as Markdown, HTML or PDF."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from lgeqa import bootstrap
from lgeqa.agreement.record import Agreement, ModelPair, Pair, ScaleAgreement
from lgeqa.bootstrap import Estimate, notes
from lgeqa.documents import Block, Heading, Items, Paragraph, Table, html_page, markdown
from lgeqa.scales import SCALES

#: Number of scans to adjudicate that the page names. The table names all.
_NAMED = 20
_SIMULATED = "The readers of this cohort are simulated. The figures say how simulated readers differ, not people."


def as_markdown(agreement: Agreement) -> str:
    """Return the report of an agreement in Markdown."""
    return markdown(_blocks(agreement))


def as_html(agreement: Agreement) -> str:
    """Return the report of an agreement as a page to read and print."""
    return html_page(_blocks(agreement), _title(agreement))


def as_pdf(agreement: Agreement) -> bytes:
    """Return the report of an agreement as the bytes of a PDF file."""
    from lgeqa.documents.pdf import pdf

    return pdf(_blocks(agreement), _title(agreement), datetime.fromisoformat(agreement.finished_at))


def cell(figure: Estimate, sign: str = "") -> str:
    """Format a figure with its interval as `0.71 (0.64 to 0.78)`, or as `undefined` if it has no value."""
    return bootstrap.cell(figure, f"{sign}z.2f")


def _title(of: Agreement) -> str:
    return f"Agreement of {len(of.readers)} readers"


def _blocks(of: Agreement) -> Iterator[Block]:
    yield Heading(_title(of), level=1)
    if of.simulated:
        yield Paragraph(_SIMULATED, strong=True)
    yield Paragraph(
        f"`{_name_of(of.source)}`: {of.n_scans} scans of {of.n_patients} patients, {of.n_shared} of them read by two "
        f"readers or more. A score of 3 or more is diagnostic. Intervals are of 95 %, from {of.draws} bootstrap draws "
        f"over patients, seed {of.seed}; that of the ICC is analytic. Made {of.finished_at} with lgeqa "
        f"{of.versions['lgeqa']}."
    )
    yield Table(
        ("Reader", "Scored", "Cannot be rated", "Read twice"),
        [(count.reader, str(count.scored), str(count.refused), str(count.repeated)) for count in of.readers],
    )
    yield Heading("All readers together")
    yield from _together(of.scales)
    for scale in SCALES:
        yield Heading(scale.title)
        yield from _scale(of.scales[scale.name])
    if of.bundle:
        yield Heading("The model among the readers")
        yield from _model(of)
    yield Heading("To adjudicate")
    yield from _disputes(of)


def _together(scales: Mapping[str, ScaleAgreement]) -> Iterator[Block]:
    rows = [
        (scale.title, str(figures.n), cell(figures.alpha), str(figures.n_complete), cell(figures.icc))
        for scale in SCALES
        for figures in [scales[scale.name]]
    ]
    yield Table(("Scale", "Scans of two or more", "Krippendorff's alpha", "Scans of all", "ICC(2,1)"), rows)
    yield Items(
        notes(
            {
                f"{kind}, {scale.title.lower()}": getattr(scales[scale.name], name)
                for scale in SCALES
                for name, kind in (("alpha", "alpha"), ("icc", "ICC"))
            }
        )
    )


def _scale(of: ScaleAgreement) -> Iterator[Block]:
    if of.pairs:
        yield _pairs("Readers", of.pairs)
        yield _pair_notes(of.pairs)
    if of.repeats:
        yield Paragraph("Each reader's second reading against the first:")
        yield _pairs("Reader", of.repeats)
        yield _pair_notes(of.repeats)
    if of.measured:
        yield Paragraph("Scores from image quality measures (`measured`), in no other figure, against each reader:")
        yield _pairs("Readers", of.measured)
        yield _pair_notes(of.measured)
    yield Paragraph("Leniency, on the scans that another reader scored too:")
    rows = [
        (row.reader, str(row.n), cell(row.difference, "+"), cell(row.diagnostic), cell(row.others_diagnostic))
        for row in of.leniency
    ]
    yield Table(("Reader", "Scans", "Above the others by", "Calls diagnostic", "Others call diagnostic"), rows)
    yield Items(notes({f"leniency of {row.reader}": row.difference for row in of.leniency}))


def _pairs(who: str, pairs: Sequence[Pair]) -> Table:
    rows = [
        [_name(pair), str(pair.n), str(pair.refused)]
        + [cell(figure) for figure in (pair.kappa, pair.label_kappa, pair.exact, pair.same_side)]
        for pair in pairs
    ]
    return Table(
        (who, "Scans", "Cannot be rated", "Weighted kappa", "Kappa of labels", "Same score", "Same side of 3"), rows
    )


def _name_of(text: str) -> str:
    """Return a name that can stand between backticks."""
    return text.replace("`", "'")


def _name(pair: Pair) -> str:
    return pair.a if pair.a == pair.b else f"{pair.a}, {pair.b}"


def _pair_notes(pairs: Sequence[Pair]) -> Items:
    kinds = {
        "kappa": "weighted kappa",
        "label_kappa": "kappa of labels",
        "exact": "same score",
        "same_side": "same side",
    }
    figures = {f"{kind}, {_name(pair)}": getattr(pair, name) for pair in pairs for name, kind in kinds.items()}
    return Items(notes(figures))


def _model(of: Agreement) -> Iterator[Block]:
    assert of.bundle
    yield Paragraph(
        f"{of.bundle.name} {of.bundle.version} on {of.n_judged} scans. It gives verdicts and probabilities and no "
        "scores, so what is compared is the side of 3. It cannot be expected to agree with a reader better than "
        "another reader does: see the kappa of labels above. The majority calls a scan diagnostic if more than half "
        "of its readers do."
    )
    rows = [
        (scale.title, pair.against, str(pair.n), *map(cell, _figures(pair)))
        for scale in SCALES
        for pair in of.scales[scale.name].model
    ]
    figures = ("Kappa of labels", "Same side", "AUROC", "Model calls diagnostic", "They call diagnostic")
    yield Table(("Scale", "Against", "Scans", *figures), rows)
    yield Items(
        notes(
            {
                f"{kind}, {scale.title.lower()}, {pair.against}": getattr(pair, name)
                for scale in SCALES
                for pair in of.scales[scale.name].model
                for name, kind in (("label_kappa", "kappa of labels"), ("auroc", "AUROC"))
            }
        )
    )


def _figures(of: ModelPair) -> tuple[Estimate, ...]:
    return of.label_kappa, of.same_side, of.auroc, of.diagnostic, of.others_diagnostic


def _disputes(of: Agreement) -> Iterator[Block]:
    yield Paragraph(
        f"{len(of.disputes)} of {of.n_shared} scans that two readers or more read. A scan is one of them if any of "
        f"these holds: {of.rule.text}. `adjudicate.csv` has all, with every reader's scores."
    )
    named = of.disputes[:_NAMED]
    yield Items([f"`{_name_of(scan.scan_id)}`: {'; '.join(scan.reasons)}" for scan in named], numbered=True)
    if (more := len(of.disputes) - _NAMED) > 0:
        yield Paragraph(f"and {more} more.")
