"""Workflow of `lgeqa agreement`, from the readings to the figures on disk and on the terminal."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from lgeqa.attributes import SCALES
from lgeqa.cohort import TRUTH, read_cohort
from lgeqa.errors import OutputError, UsageError
from lgeqa.intervals import Bootstrap
from lgeqa.writing import write_whole

if TYPE_CHECKING:
    from lgeqa.agreement.record import Agreement


@dataclass(frozen=True)
class Request:
    """Options of the user, which `lgeqa agreement --help` explains."""

    cohort: Path | None
    ratings: Path | None
    results: Path | None
    out: Path
    seed: int = 0
    draws: int = 1000
    quiet: bool = False


def carry_out(request: Request) -> None:
    """Measure the agreement, write the files and print the figures.

    Raises:
        UsageError: The readings, the results or the output folder cannot be used.
    """
    from lgeqa.agreement.markdown import page
    from lgeqa.agreement.tables import adjudication_table

    measured = _measured(request)
    try:
        request.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{request.out}: cannot be made ({error.strerror}). Name another folder.") from None
    write_whole(request.out / "agreement.json", measured.model_dump_json(indent=2) + "\n")
    write_whole(request.out / "agreement.md", page(measured))
    write_whole(request.out / "adjudicate.csv", adjudication_table(measured))
    if not request.quiet:
        _show(measured)
        typer.echo(f"Report: {request.out / 'agreement.md'}")


def _measured(request: Request) -> "Agreement":
    from lgeqa.agreement.agree import agree
    from lgeqa.agreement.readings import read_ratings, readings_of
    from lgeqa.agreement.results import read_results, results_of

    if (request.cohort is None) == (request.ratings is None):
        options = "both --cohort and --ratings" if request.cohort else "neither --cohort nor --ratings"
        raise UsageError(f"Got {options}. Give one of them.")
    source = request.cohort or request.ratings or Path()
    results = read_results(request.results) if request.results else []
    cases = read_cohort(source) if request.cohort else []
    readings = readings_of(cases) if request.cohort else read_ratings(source)
    by_scan = results_of(cases, results) if request.cohort else {result.scan_id: result for result in results}
    if results and not by_scan.keys() & {reading.scan_id for reading in readings}:
        raise UsageError(
            f"{request.results}: none of its {len(results)} records, such as {results[0].scan_id!r}, is of a scan of "
            f"{source}. Assess those scans."
        )
    simulated = any(TRUTH in case.scores for case in cases)
    return agree(readings, by_scan, str(source), Bootstrap(request.draws, request.seed), simulated=simulated)


def _show(agreement: "Agreement") -> None:
    """Print a line for each scale, and the number of scans to adjudicate."""
    from lgeqa.agreement.markdown import cell

    for scale in SCALES:
        figures = agreement.scales[scale.name]
        typer.echo(f"{scale.title}: Krippendorff's alpha {cell(figures.alpha)}, ICC(2,1) {cell(figures.icc)}")
    typer.echo(
        f"{len(agreement.readers)} readers, {agreement.n_scans} scans, {agreement.n_shared} read by two or more; "
        f"{len(agreement.disputes)} to adjudicate"
    )
