"""Run of `lgeqa assess` and `lgeqa measure`: what goes to standard output, to standard error and to the log."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from lgeqa.batch import lacks_dicom
from lgeqa.cli.console import exit_code, point_to_report
from lgeqa.cli.progress import STOPPED, RunConsole
from lgeqa.cli.run_log import RunLog
from lgeqa.errors import LgeqaError, UsageError
from lgeqa.formatting import plural
from lgeqa.records import ScanResult
from lgeqa.workflows.assessment import AssessmentRequest, AssessmentRun, assess_scans


@dataclass(frozen=True)
class Printing:
    """How the results of a run are printed.

    Attributes:
        show: Function that prints them for people.
        table: Function that returns them as a CSV table.
        as_json: Whether standard output gets the records as a JSON list, and nothing else.
        as_csv: Whether standard output gets the table, and nothing else.
        quiet: Whether only results that were asked for as JSON or CSV, and errors, are printed.
        log: Path of a log file. None for none.
    """

    show: Callable[[AssessmentRun], None]
    table: Callable[[Sequence[ScanResult]], str]
    as_json: bool = False
    as_csv: bool = False
    quiet: bool = False
    log: Path | None = None


def secrets_folder(out: Path | None, secrets: Path | None, *, deidentify: bool) -> Path | None:
    """Return the folder of the key and the names of de-identified results, or None for results with names.

    Raises:
        UsageError: The options do not go together.
    """
    if not deidentify:
        if secrets:
            raise UsageError("--secrets: names the folder for --deidentify. Give both.")
        return None
    if out is None:
        raise UsageError("--deidentify: needs an output folder. Name one with --out.")
    return secrets or out.resolve().with_name(f"{out.resolve().name}-secrets")


def run_and_print(command: str, request: AssessmentRequest, printing: Printing) -> int:
    """Assess or measure the scans of a request, print the results, and return the exit code.

    Raises:
        UsageError: The options do not go together, or there is no scan, or a folder cannot be used.
        OutputError: A file cannot be written.
    """
    _check(request, printing)
    log = RunLog(printing.log)
    log.start(command, {"jobs": request.jobs, "timeout": request.timeout, **request.settings.model_dump()})
    for_programs = printing.as_json or printing.as_csv
    console = RunConsole(
        quiet=printing.quiet,
        lines="stderr" if for_programs else "stdout",
        alone=request.out is None and not for_programs and not request.settings.measures_only,
        resumes=request.out is not None,
        conclude=lambda run: _conclude(run, request, printing),
    )
    try:
        with console:
            run = assess_scans(
                request, lambda items, total: log.follow(console.follow(items, total), total), console.step
            )
    except typer.Exit:
        log.end(STOPPED)
        raise
    except LgeqaError as error:
        log.end(error.exit_code)
        raise
    _conclude(run, request, printing)
    code = exit_code(run.items)
    log.end(code)
    return code


def _check(request: AssessmentRequest, printing: Printing) -> None:
    """Raise UsageError for options that do not go together."""
    if printing.as_json and printing.as_csv:
        raise UsageError("--json and --csv: standard output takes one of them. Leave the other one out.")
    needing = {"--masks": request.masks, "--dicom": request.dicom, "--bids": request.bids, "--fresh": request.fresh}
    needing |= {"--shard": request.shard.count > 1, "--cluster": request.cluster is not None}
    needing |= {"--verify": request.verify}
    for option, wanted in needing.items():
        if wanted and request.out is None:
            raise UsageError(f"{option}: needs an output folder. Name one with --out.")
    if request.bids_filter and not request.bids:
        raise UsageError("--bids-filter: filters a BIDS data set. Give --bids as well, or leave it out.")
    if request.bids and request.secrets:
        raise UsageError("--deidentify: BIDS derivatives keep the names of their data set. Leave out this or --bids.")


def _conclude(run: AssessmentRun, request: AssessmentRequest, printing: Printing) -> None:
    """Print the results, a note on scans without DICOM results, and tracebacks of bugs that no folder keeps."""
    if printing.as_json or printing.as_csv:
        typer.echo(_json(run.results) if printing.as_json else printing.table(run.results), nl=False)
        if not printing.quiet:
            point_to_report(run, err=True)
    elif not printing.quiet:
        printing.show(run)
    if request.secrets and not printing.quiet:
        typer.echo(f"Key and names of the scans: {request.secrets}. Do not pass on this folder.", err=True)
    if request.dicom:
        _note_on_dicom([result for result in run.results if lacks_dicom(result)])
    if run.traces:
        typer.echo(run.traces, err=True)


def _note_on_dicom(without: Sequence[ScanResult]) -> None:
    """Print how many scans have no DICOM results although they were wanted, and why the first has none."""
    if without:
        first, count = without[0], len(without)
        others = f" {plural(count - 1, 'other scan')} have none either; their records say why." if count > 1 else ""
        typer.echo(f"{first.scan_id}: {first.warnings[-1]}{others}", err=True)


def _json(results: Sequence[ScanResult]) -> str:
    """Return the records as a JSON list."""
    return json.dumps([result.to_dict() for result in results], indent=2, ensure_ascii=False) + "\n"
