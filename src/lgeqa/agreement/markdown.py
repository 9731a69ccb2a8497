"""An agreement as a page for people, in Markdown."""

from collections.abc import Iterator, Mapping, Sequence

from lgeqa import intervals
from lgeqa.agreement.record import Agreement, ModelPair, Pair, ScaleAgreement
from lgeqa.attributes import SCALES
from lgeqa.intervals import SAME, Figure
from lgeqa.tables import markdown_table

#: Scans to adjudicate that the page names; the table names all.
_NAMED = 20
_SIMULATED = (
    "**The readers of this cohort are simulated.** The figures say how simulated readers differ, and nothing of people."
)


def page(agreement: Agreement) -> str:
    """The whole page."""
    return "\n".join(_lines(agreement)) + "\n"


def cell(figure: Figure, sign: str = "") -> str:
    """A figure with its interval: `0.71 (0.64 to 0.78)`; `undefined` where it is."""
    return intervals.cell(figure, f"{sign}z.2f")


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
        [(one.reader, str(one.scored), str(one.refused), str(one.repeated)) for one in of.readers],
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
        (scale.title, str(one.n), cell(one.alpha), str(one.n_complete), cell(one.icc))
        for scale in SCALES
        for one in [scales[scale.name]]
    ]
    yield markdown_table(("Scale", "Scans of two or more", "Krippendorff's alpha", "Scans of all", "ICC(2,1)"), rows)
    yield from _notes(
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
        (one.reader, str(one.n), cell(one.difference, "+"), cell(one.diagnostic), cell(one.others_diagnostic))
        for one in of.leniency
    ]
    yield markdown_table(("Reader", "Scans", "Above the others by", "Calls diagnostic", "Others call diagnostic"), rows)
    yield from _notes({f"leniency of {one.reader}": one.difference for one in of.leniency})


def _pairs(who: str, pairs: Sequence[Pair]) -> str:
    rows = [
        [_name(one), f"{one.n}{f' (+{one.refused} not ratable)' if one.refused else ''}"]
        + [cell(figure) for figure in (one.kappa, one.label_kappa, one.exact, one.same_side)]
        for one in pairs
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
    return _notes({f"{kind}, {_name(one)}": getattr(one, name) for one in pairs for name, kind in kinds.items()})


def _model(of: Agreement) -> Iterator[str]:
    assert of.bundle
    yield (
        f"{of.bundle.name} {of.bundle.version} on {of.n_judged} scans. It gives verdicts and probabilities and no "
        "scores, so what is compared is the side of 3. It cannot be expected to agree with a reader better than "
        "another reader does: see the kappa of labels above. The majority calls a scan diagnostic if more than half "
        "of its readers do.\n"
    )
    rows = [
        (scale.title, one.against, str(one.n), *map(cell, _figures(one)))
        for scale in SCALES
        for one in of.scales[scale.name].model
    ]
    figures = ("Kappa of labels", "Same side", "AUROC", "Model calls diagnostic", "They call diagnostic")
    yield markdown_table(("Scale", "Against", "Scans", *figures), rows)
    yield from _notes(
        {
            f"{kind}, {scale.title.lower()}, {one.against}": getattr(one, name)
            for scale in SCALES
            for one in of.scales[scale.name].model
            for name, kind in (("label_kappa", "kappa of labels"), ("auroc", "AUROC"))
        }
    )


def _figures(of: ModelPair) -> tuple[Figure, ...]:
    return of.label_kappa, of.same_side, of.auroc, of.diagnostic, of.others_diagnostic


def _disputes(of: Agreement) -> Iterator[str]:
    yield (
        f"{len(of.disputes)} of {of.n_shared} scans that two readers or more read: one says that it cannot be rated "
        "and another scores it, readers are on different sides of 3 on quality, or scores on a scale are 2 or more "
        "apart. `adjudicate.csv` has all, with every reader's scores.\n"
    )
    yield from (f"{one.rank}. `{one.scan_id}`: {'; '.join(one.reasons)}" for one in of.disputes[:_NAMED])
    if (more := len(of.disputes) - _NAMED) > 0:
        yield f"\nand {more} more."


def _notes(figures: Mapping[str, Figure]) -> Iterator[str]:
    """Why figures are undefined, and what to know of single intervals."""
    said: dict[str, list[str]] = {}
    for name, figure in figures.items():
        words = f"undefined, {figure.undefined}" if figure.undefined else figure.caution
        if words not in {"", SAME}:
            said.setdefault(words, []).append(name)
    if said:
        yield ""
        yield from (f"- {'; '.join(names)}: {words}." for words, names in said.items())
