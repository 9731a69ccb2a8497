"""The functions of the package for Python that assess and measure scans, as the commands of the same names do."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lgeqa.api.paths import AnyPath, Paths, as_path, as_paths
from lgeqa.cluster import OnCluster
from lgeqa.errors import UsageError
from lgeqa.inference.bundle import Bundle, open_bundle
from lgeqa.inference.pipeline import AssessSettings, assess_source
from lgeqa.io import discover
from lgeqa.operating_point import OperatingPoint
from lgeqa.outcomes import Decision, Provider, Status, Verdict
from lgeqa.records import ScanResult
from lgeqa.results import Results
from lgeqa.threads import TIMEOUT_S
from lgeqa.workflows.assessment import AssessmentRequest, assess_scans, iterate_scans
from lgeqa.workflows.listing import find_results


def assess(
    scan: AnyPath,
    *,
    bundle: Bundle | AnyPath | None = None,
    threshold: float | None = None,
    operating_point: OperatingPoint | None = None,
    mask: AnyPath | None = None,
    force: bool = False,
) -> ScanResult:
    """Assess one scan in this process.

    Args:
        scan: Volume (NRRD, NIfTI, MetaImage), or folder that holds one scan, for instance a DICOM series.
        bundle: Trained model, as a folder or as an opened bundle, which saves opening it again for each of many scans.
            None for the bundle in the package.
        threshold: Slice probability of quality from which a slice counts as diagnostic, between 0 and 1. None for
            the bundle's threshold.
        operating_point: Limits of the scan's probability for the decision. None for the bundle's.
        mask: File with the left-atrial blood pool on the scan's grid. None to detect it.
        force: Whether the scan gets a verdict even if the gate refuses it. The record says so.

    Returns:
        The record, the same as `lgeqa assess` writes. Its status is `assessed`, or `not_assessable` if the gate
        refuses the scan, for instance because no left atrium was found. `findings` and `message` say why.

    Raises:
        ScanError: The scan cannot be read or holds no image, or the mask cannot be used. The command line writes a
            record without measures instead.
        UsageError: The folder holds several scans or none, or the threshold or the bundle cannot be used.
    """
    choices = {"threshold": threshold, "operating_point": operating_point, "given_masks": mask is not None}
    settings = AssessSettings.of(choices | {"force": force}, "assess")
    return _one(scan, bundle, mask, settings)


def measure(scan: AnyPath, *, bundle: Bundle | AnyPath | None = None, mask: AnyPath | None = None) -> ScanResult:
    """Measure the image quality of one scan in this process, without a verdict.

    The arguments and errors are those of `assess`.

    Returns:
        A record with the status `measured`, whose `measures` hold the values.
    """
    return _one(scan, bundle, mask, AssessSettings(given_masks=mask is not None, measures_only=True))


def _one(scan: AnyPath, bundle: Bundle | AnyPath | None, mask: AnyPath | None, settings: AssessSettings) -> ScanResult:
    sources = discover([Path(scan)])
    if len(sources) != 1:
        raise UsageError(
            f"{scan}: holds {len(sources)} scans, but one at a time is assessed here. Name one of them, or call "
            "lgeqa.assess_many."
        )
    source = sources[0] if mask is None else replace(sources[0], mask_path=Path(mask))
    opened = bundle if isinstance(bundle, Bundle) else open_bundle(as_path(bundle))
    return assess_source(source, opened, settings).result


def assess_many(  # noqa: PLR0913 - one parameter for each choice
    scans: Paths,
    *,
    out: AnyPath | None = None,
    bundle: AnyPath | None = None,
    threshold: float | None = None,
    operating_point: OperatingPoint | None = None,
    given_masks: bool = False,
    force: bool = False,
    masks: bool = False,
    jobs: int | None = None,
    timeout: float = TIMEOUT_S,
    memory_gb: float | None = None,
    cluster: str | None = None,
    verify: bool = False,
    provider: Provider = "cpu",
) -> Results:
    """Assess all scans below files and folders, in other processes.

    A scan that cannot be read, takes too long or crashes its process has the status `failed` and stops nothing.

    Args:
        scans: A file or folder, or several.
        out: Folder for the records, the tables and the report, as `lgeqa assess` writes them. A run that was
            interrupted is resumed. None to write nothing.
        bundle: Folder of a trained model. None for the bundle in the package.
        threshold: Slice probability of quality from which a slice counts as diagnostic. None for the bundle's.
        operating_point: Limits of the scans' probability for the decision. None for the bundle's.
        given_masks: Whether the mask beside each scan is used instead of detecting the atrium.
        force: Whether scans get a verdict even if the gate refuses them.
        masks: Whether the masks of the left atrium are written into `out`.
        jobs: Number of processes. None for one per core, as far as there are 2 GB for each.
        timeout: Seconds that one scan may take.
        memory_gb: Gigabytes of memory that all processes together may need, 2 for each. None to count on `jobs`.
        cluster: Dask cluster on which scans are assessed: `local` or `slurm`, which are started with `jobs` workers, or
            the address of a scheduler. None for this machine.
        verify: Whether the files of scans that are finished in `out` are read, and scans whose bytes changed are
            assessed again. Otherwise sizes and times of change decide.
        provider: What runs the networks: `cpu`, `cuda` or `openvino`, as far as ONNX Runtime has it.

    Raises:
        UsageError: There is no scan, or the threshold, the bundle, the output folder, the cluster or the provider
            cannot be used.
        OutputError: A file cannot be written.
        MissingExtraError: A cluster is named, and the extra `cluster` is not installed.
    """
    choices = {"threshold": threshold, "operating_point": operating_point, "given_masks": given_masks}
    settings = AssessSettings.of(choices | {"force": force, "provider": provider}, "assess_many")
    there = OnCluster(cluster) if cluster else None
    request = AssessmentRequest(
        as_paths(scans),
        settings,
        as_path(out),
        as_path(bundle),
        masks,
        jobs,
        timeout,
        cluster=there,
        memory_gb=memory_gb,
        verify=verify,
    )
    return Results(assess_scans(request).results)


def read_results(
    out: AnyPath,
    *,
    decision: Decision | None = None,
    verdict: Verdict | None = None,
    status: Status | None = None,
) -> Results:
    """Read the results in an output folder, or those with one outcome, such as the scans to repeat.

    Args:
        out: Output folder of `assess_many`, `measure_many` or the commands of the same kind.
        decision: Decision of the results: `accept`, `review` or `repeat`. None for any, and so are the next two.
        verdict: Verdict of the results: `diagnostic` or `non-diagnostic`.
        status: Status of the results: `assessed`, `measured`, `not_assessable` or `failed`.

    Raises:
        UsageError: The folder holds no results.
        OutputError: The store of the results is damaged, or a run is writing it.
    """
    return Results(list(find_results(Path(out), decision, verdict, status)))


def assess_each(
    scans: Paths,
    *,
    bundle: AnyPath | None = None,
    threshold: float | None = None,
    operating_point: OperatingPoint | None = None,
    given_masks: bool = False,
    force: bool = False,
    jobs: int | None = None,
    timeout: float = TIMEOUT_S,
) -> Iterator[ScanResult]:
    """Assess all scans below files and folders, and yield each result as soon as it is there.

    Nothing is written, and results come in the order in which the scans are finished. The arguments and errors are
    those of `assess_many`.
    """
    choices = {"threshold": threshold, "operating_point": operating_point, "given_masks": given_masks}
    settings = AssessSettings.of(choices | {"force": force}, "assess_each")
    request = AssessmentRequest(as_paths(scans), settings, bundle=as_path(bundle), jobs=jobs, timeout=timeout)
    for item in iterate_scans(request):
        yield item.result


def measure_many(
    scans: Paths,
    *,
    out: AnyPath | None = None,
    bundle: AnyPath | None = None,
    given_masks: bool = False,
    jobs: int | None = None,
    timeout: float = TIMEOUT_S,
) -> Results:
    """Measure the image quality of all scans below files and folders, without verdicts.

    The arguments and errors are those of `assess_many`.
    """
    settings = AssessSettings(given_masks=given_masks, measures_only=True)
    request = AssessmentRequest(as_paths(scans), settings, as_path(out), as_path(bundle), jobs=jobs, timeout=timeout)
    return Results(assess_scans(request).results)
