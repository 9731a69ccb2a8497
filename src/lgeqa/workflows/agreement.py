"""Agreement of readers with one another and with a model, from the readings to the figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from lgeqa.atomic_io import telling, write_through, write_whole
from lgeqa.bootstrap import Bootstrap
from lgeqa.cohort import TRUTH, Case, read_cohort
from lgeqa.errors import UsageError
from lgeqa.records import ScanResult

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
        rule: What differs from the default rule for the scans to adjudicate, as in `DiscrepancyRule`.
    """

    cohort: Path | None = None
    ratings: Path | None = None
    results: Path | None = None
    out: Path | None = None
    seed: int = 0
    draws: int = 1000
    rule: Mapping[str, Any] = field(default_factory=dict)


def measure_agreement(request: AgreementRequest) -> "Agreement":
    """Measure the agreement, and write its files if the request names a folder.

    Raises:
        UsageError: The readings or the results cannot be used.
        OutputError: A file cannot be written.
    """
    from lgeqa.agreement.discrepancy_table import adjudication_table
    from lgeqa.agreement.report import as_html, as_markdown, as_pdf

    agreement = _measured(request)
    if request.out:
        with telling(request.out):
            request.out.mkdir(parents=True, exist_ok=True)
        write_whole(request.out / "agreement.json", agreement.model_dump_json(indent=2) + "\n")
        write_whole(request.out / "agreement.md", as_markdown(agreement))
        write_whole(request.out / "agreement.html", as_html(agreement))
        write_through(request.out / "agreement.pdf", lambda draft: draft.write_bytes(as_pdf(agreement)))
        write_whole(request.out / "adjudicate.csv", adjudication_table(agreement))
    return agreement


def _measured(request: AgreementRequest) -> "Agreement":
    from lgeqa.agreement.compute import agree
    from lgeqa.agreement.discrepancy_rule import DiscrepancyRule
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
    bootstrap = Bootstrap(request.draws, request.seed)
    rule = DiscrepancyRule.of(dict(request.rule), "the rule of adjudication")
    return agree(readings, by_scan, str(source), bootstrap, rule=rule, simulated=simulated)


def read_results(out: Path) -> list[ScanResult]:
    """Read the records below an output folder of `lgeqa assess`, in the order of their names.

    Raises:
        UsageError: There are no records, or a record cannot be read or is not of this version.
    """
    paths = sorted((out / "scans").glob("*.json"))
    if not paths:
        raise UsageError(f"{out}: holds no scans/<scan>.json. Name the output folder of lgeqa assess.")
    return [_record(path) for path in paths]


def results_of(cases: Sequence[Case], results: Sequence[ScanResult]) -> dict[str, ScanResult]:
    """Return the record of each scan of a cohort that has one, by scan name.

    A record belongs to the scan with the same file, or else to the scan with the same name.
    """
    by_file = {Path(result.source).resolve(): result for result in results if result.source}
    by_name = {result.scan_id: result for result in results}
    matches = {case.scan_id: by_file.get(case.image.resolve()) or by_name.get(case.scan_id) for case in cases}
    return {scan: result for scan, result in matches.items() if result}


def _record(path: Path) -> ScanResult:
    try:
        return ScanResult.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        why = error.strerror if isinstance(error, OSError) else f"{error.error_count()} faults"
        raise UsageError(
            f"{path}: is not a record of a scan of this version ({why}). Assess the scans again."
        ) from None
