"""Agreement of readers with one another and with a model, from the readings to the figures."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lgeqa.atomic_io import telling, write_whole
from lgeqa.bootstrap import Bootstrap
from lgeqa.cohort import TRUTH, read_cohort
from lgeqa.errors import UsageError

if TYPE_CHECKING:
    from lgeqa.agreement.record import Agreement


@dataclass(frozen=True)
class AgreementRequest:
    """Readings to compare, and how. One of `cohort` and `ratings` is given.

    Attributes:
        cohort: Cohort whose scans several readers scored.
        ratings: Table of ratings of a rating study.
        results: Output folder of an assessment, which puts the model among the readers. None to leave it out.
        out: Folder for the files. None to write nothing.
        seed: Random seed of the bootstrap.
        draws: Number of resamples of the bootstrap.
    """

    cohort: Path | None = None
    ratings: Path | None = None
    results: Path | None = None
    out: Path | None = None
    seed: int = 0
    draws: int = 1000


def measure_agreement(request: AgreementRequest) -> "Agreement":
    """Measure the agreement, and write its files if the request names a folder.

    Raises:
        UsageError: The readings or the results cannot be used.
        OutputError: A file cannot be written.
    """
    from lgeqa.agreement.discrepancy_table import adjudication_table
    from lgeqa.agreement.markdown_report import page

    agreement = _measured(request)
    if request.out:
        with telling(request.out):
            request.out.mkdir(parents=True, exist_ok=True)
        write_whole(request.out / "agreement.json", agreement.model_dump_json(indent=2) + "\n")
        write_whole(request.out / "agreement.md", page(agreement))
        write_whole(request.out / "adjudicate.csv", adjudication_table(agreement))
    return agreement


def _measured(request: AgreementRequest) -> "Agreement":
    from lgeqa.agreement.compute import agree
    from lgeqa.agreement.model_records import read_results, results_of
    from lgeqa.agreement.ratings import read_ratings, readings_of

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
