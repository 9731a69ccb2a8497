"""Output of `lgeqa cohort import` and `lgeqa cohort check`."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import track

from lgeqa.cohort import Case, LabelRule, label_note
from lgeqa.cohort.check import CohortReport, check_cohort
from lgeqa.errors import CohortError
from lgeqa.scales import SCALE_NAMES
from lgeqa.workflows.cohort_import import ImportRequest, import_cohort


def check_and_tell(cohorts: Sequence[Path], rule: LabelRule, split: Path | None) -> int:
    """Check the cohorts, print the report, and return 0 or, if there are errors, the exit code of CohortError."""
    report = check_cohort(cohorts, rule, split, _follow)
    typer.echo("\n".join(lines(report)))
    return CohortError.exit_code if report.errors else 0


def import_and_report(request: ImportRequest) -> None:
    """Import a table and print what was read."""
    made = import_cohort(request)
    patients = {case.patient for case in made.cases}
    typer.echo(f"{made.table}: {len(made.cases)} scans of {len(patients)} patients")
    typer.echo(f"  {sum(case.mask is not None for case in made.cases)} with a mask")
    typer.echo(f"  scans by reader: {_counts(made.readers)}")
    typer.echo(f"  scans by scale: {_counts(made.scored)}")
    typer.echo(f"  {label_note(made.cases, made.rule)}")
    for text in made.cautions:
        typer.echo(f"Caution: {text}")


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


def lines(report: CohortReport) -> Iterator[str]:
    """Yield the report as lines of text."""
    yield f"{report.scans} scans of {report.patients} patients"
    yield f"  {report.scored} scored, {report.scans - report.scored} unscored"
    yield f"  {report.masked} with a mask, for stage 1"
    yield f"  {report.labelled} with a label, for stage 2, by the rule: {report.rule.description}"
    if report.readers:
        width = max(map(len, report.readers))
        yield from ("", "Scans by reader")
        yield from (f"  {reader:<{width}} {count:>6}" for reader, count in report.readers.items())
    if report.labelled:
        yield from ("", "Diagnostic / non-diagnostic, of the scans for stage 2")
        yield f"  {'part':<10} {'scans':>6}" + "".join(f" {name:>18}" for name in SCALE_NAMES)
        for part in report.balances:
            pairs = zip(part.diagnostic, part.labelled, strict=True)
            counts = (f"{count} / {labelled - count}" for count, labelled in pairs)
            yield f"  {part.part:<10} {part.scans:>6}" + "".join(f" {count:>18}" for count in counts)
    for title, problems in (("Errors", report.errors), ("Cautions", report.cautions)):
        if problems:
            yield from ("", f"{title} ({len(problems)})", *(f"  - {text}" for text in problems))
    yield ""
    yield "Correct the errors before training." if report.errors else "Nothing prevents training."


def _follow(cases: Sequence[Case]) -> Iterable[Case]:
    """Show a progress bar on the terminal while the scans are read."""
    terminal = sys.stderr.isatty()
    return track(cases, "Reading", console=Console(stderr=True), disable=not terminal, transient=True)
