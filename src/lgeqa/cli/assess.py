"""`lgeqa assess`: the main job."""

import os
from pathlib import Path
from typing import Annotated

import typer

from lgeqa.cli.options import (
    PIPELINE,
    AsCsv,
    AsJson,
    Config,
    Deidentify,
    Fresh,
    GivenMasks,
    Jobs,
    LogFile,
    Paths,
    ProviderName,
    Quiet,
    Secrets,
    Timeout,
    Verify,
)
from lgeqa.threads import ONE_THREAD, TIMEOUT_S
from lgeqa.workers import start_early


def assess(  # noqa: PLR0913, PLR0917 - one parameter for each option
    paths: Paths,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="OUT", help="Folder for the results; without it nothing is written."),
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Trained model to use instead of the one in the package.")
    ] = None,
    masks: Annotated[bool, typer.Option("--masks", help="Write each left-atrial mask on the scan's own grid.")] = False,
    dicom: Annotated[
        bool,
        typer.Option("--dicom", help="Write results into the study of each DICOM scan, with the patient's attributes."),
    ] = False,
    bids: Annotated[
        bool,
        typer.Option("--bids", help="Assess the LGE images of a BIDS data set, and write BIDS derivatives into OUT."),
    ] = False,
    bids_filter: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="JSON file with the entities of the images to assess, for --bids."),
    ] = None,
    given_masks: GivenMasks = False,
    threshold: Annotated[
        float | None,
        typer.Option(metavar="T", help="Probability from which a slice counts as diagnostic; else the model's own."),
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Give a verdict also where the gate refuses the scan; the record says so."),
    ] = False,
    provider: ProviderName = "cpu",
    deidentify: Deidentify = False,
    secrets: Secrets = None,
    fresh: Fresh = False,
    verify: Verify = False,
    shard: Annotated[
        str | None,
        typer.Option(metavar="I/N", help="Assess every N-th scan from the I-th, for lgeqa merge; I is 1 to N."),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(metavar="WHERE", help="Assess on a Dask cluster: local, slurm, or the address of a scheduler."),
    ] = None,
    config: Config = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    jobs: Jobs = None,
    memory: Annotated[
        float | None,
        typer.Option(metavar="GB", min=0, help="Memory for all processes: takes fewer scans at once, 2 GB for each."),
    ] = None,
    timeout: Timeout = TIMEOUT_S,
    log: LogFile = None,
    quiet: Quiet = False,
) -> None:
    """Judge scans: find the left atrium, measure image quality, score the slices, and decide on each scan.

    A scan that does not look like a left-atrial LGE scan gets no verdict: the gate refuses it and says why.

    Reads NRRD, NIfTI, MetaImage and DICOM series. Without OUT it prints the decisions, which are accept, review or
    repeat, and their reasons. With OUT it writes results.csv, measures.csv, report.html and a record of each scan.
    Started again with the same OUT, a run that was stopped continues, and other scans are added.

    Exit code 0: all scans were assessed. 3: finished, but some scans were not. 2: wrong use. 130: stopped by Ctrl-C,
    after the report on the scans that are done. 1: a bug in lgeqa.
    """
    os.environ.update(ONE_THREAD)
    start_early(PIPELINE)
    from lgeqa.batch import WHOLE, Shard, table_text
    from lgeqa.cli.console import conclude
    from lgeqa.cli.scan_run import Printing, run_and_print, secrets_folder
    from lgeqa.cluster import OnCluster
    from lgeqa.inference.pipeline import AssessSettings
    from lgeqa.workflows.assessment import AssessmentRequest

    choices = {"threshold": threshold, "given_masks": given_masks, "force": force, "provider": provider}
    choices["operating_point"] = config.operating_point
    settings = AssessSettings.of(choices, "lgeqa assess")
    part = Shard.parse(shard) if shard else WHOLE
    there = OnCluster(cluster) if cluster else None
    folder = secrets_folder(out, secrets, deidentify=deidentify)
    request = AssessmentRequest(
        paths,
        settings,
        out,
        bundle,
        masks,
        jobs,
        timeout,
        fresh,
        dicom,
        folder,
        bids,
        bids_filter,
        part,
        there,
        memory,
        verify,
    )
    printing = Printing(conclude, table_text, as_json, as_csv, quiet, log)
    raise typer.Exit(run_and_print("lgeqa assess", request, printing))
