"""Calibration of a bundle on scored cohorts, from the cohorts to the calibrated bundle."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lgeqa.atomic_io import claimed, write_whole
from lgeqa.batch import BatchItem
from lgeqa.bootstrap import Bootstrap, Estimate
from lgeqa.cohort import origins, seen_message
from lgeqa.documents import markdown
from lgeqa.errors import UsageError
from lgeqa.inference.bundle import default_bundle, open_bundle
from lgeqa.inference.bundle.build import Description, write_bundle
from lgeqa.inference.bundle.calibration import Calibration
from lgeqa.inference.bundle.kept_out import KeptOut
from lgeqa.operating_point import OperatingPoint
from lgeqa.versions import versions
from lgeqa.workflows.assessment import Follow, pass_on
from lgeqa.workflows.evaluation import EvaluationRequest, LabelledRun, assess_labelled
from lgeqa.workflows.operating_point import PointRequest

if TYPE_CHECKING:
    from lgeqa.evaluation.calibration import Fitted
    from lgeqa.evaluation.calibration_report import CalibrationReport
    from lgeqa.evaluation.predictions import LabelledResult

#: Folder of the calibrated bundle, and of the records of the scans, below the output folder.
BUNDLE, ASSESSED = "bundle", "assessed"
#: Operating point by the usual costs.
CHEAPEST = PointRequest()


@dataclass(frozen=True)
class CalibrationRun:
    """A finished calibration.

    Attributes:
        report: Report of the calibration.
        bundle: Folder of the calibrated bundle.
        items: Outcome of each scan.
    """

    report: "CalibrationReport"
    bundle: Path
    items: Sequence[BatchItem]


def calibrate_bundle(
    request: EvaluationRequest,
    name: str | None = None,
    follow: Follow = pass_on,
    operating_point: PointRequest = CHEAPEST,
) -> CalibrationRun:
    """Assess the labelled scans of the cohorts, calibrate the bundle on them, and write report and new bundle.

    Args:
        request: Bundle and cohorts. Its folder for the results must be given.
        name: Name of the calibrated bundle. None for the bundle's own with `-calibrated`.
        follow: Function that shows the progress.
        operating_point: Way to choose the bundle's operating point.

    Raises:
        CohortError: There are too few labelled scans or patients.
        UsageError: The bundle is calibrated already, the output folder holds a bundle, or the split cannot be used.
        OutputError: A file cannot be written.
    """
    from lgeqa.evaluation.calibration import answers_kept_out, cross_validate, fit_calibration
    from lgeqa.evaluation.calibration_report import report

    assert request.out is not None
    out = request.out
    manifest = open_bundle(request.bundle).manifest
    if manifest.quality.calibration:
        raise UsageError(
            f"{request.bundle}: is calibrated already, on {manifest.quality.calibration.data} Calibrate the bundle "
            "that it was made from."
        )
    if (out / BUNDLE).exists():
        raise UsageError(f"{out / BUNDLE}: exists already. Name a new folder with --out, or remove it.")
    with claimed(out):
        run = assess_labelled(request, out / ASSESSED, follow)
        kept_out, chosen = cross_validate(run.scans, manifest.threshold, request.seed)
        answers = answers_kept_out(kept_out)
        point = operating_point.point(answers)
        fitted = fit_calibration(run.scans, manifest.threshold, request.seed)
        outcomes = answers.outcomes(point, Bootstrap(request.draws, request.seed))
        made = _report(request, run, fitted, kept_out, chosen, point, outcomes)
        write_whole(out / "calibration.json", made.model_dump_json(indent=2) + "\n")
        write_whole(out / "calibration.md", markdown(report(made)))
        _write_bundle(request.bundle or default_bundle(), out / BUNDLE, name, fitted, answers, made, run)
    return CalibrationRun(made, out / BUNDLE, run.items)


def _report(
    request: EvaluationRequest,
    run: LabelledRun,
    fitted: "Fitted",
    kept_out: "Sequence[LabelledResult]",
    chosen: Mapping[str, Counter[str]],
    point: OperatingPoint,
    outcomes: dict[str, Estimate],
) -> "CalibrationReport":
    from lgeqa.evaluation.bundle_evaluation import figures_of_scale
    from lgeqa.evaluation.calibration import FOLDS
    from lgeqa.evaluation.calibration_report import CalibrationReport
    from lgeqa.evaluation.constant import constant_caution, few_caution
    from lgeqa.evaluation.predictions import scan_answers, slice_answers
    from lgeqa.scales import QUALITY_FIRST, SCALE_NAMES

    bootstrap = Bootstrap(request.draws, request.seed)
    before = {name: figures_of_scale(scan_answers(run.scans, name), bootstrap) for name in SCALE_NAMES}
    after = {name: figures_of_scale(scan_answers(kept_out, name), bootstrap) for name in SCALE_NAMES}
    cautions = [f"{seen}."] if (seen := seen_message(run.seen, len(run.scans))) else []
    for scale in QUALITY_FIRST:
        slices = slice_answers(run.scans, scale.name).probabilities
        if slices is not None and len(slices):
            cautions.append(constant_caution(scale.title, slices))
    cautions.append(few_caution({s.title: (after[s.name].diagnostic, after[s.name].n) for s in QUALITY_FIRST}))
    return CalibrationReport(
        source=run.bundle.stamp,
        cohorts=tuple(map(str, request.cohorts)),
        part=run.part,
        label=run.rule.description,
        n_scans=len(run.scans),
        n_patients=len({scan.case.patient for scan in run.scans}),
        excluded=run.excluded,
        methods={name: scale.method for name, scale in fitted.scales.items()},
        chosen={name: dict(counts) for name, counts in chosen.items()},
        threshold_before=run.bundle.manifest.threshold,
        threshold=fitted.threshold,
        operating_point=point,
        outcomes=outcomes,
        before=before,
        after=after,
        cautions=tuple(filter(None, cautions)),
        folds=FOLDS,
        seed=request.seed,
        draws=request.draws,
        versions=versions(),
        finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _write_bundle(
    source: Path,
    folder: Path,
    name: str | None,
    fitted: "Fitted",
    kept_out: KeptOut,
    report: "CalibrationReport",
    run: LabelledRun,
) -> None:
    """Write the bundle with the same networks, the calibration, the threshold, and the figures after calibration.

    The scans of the calibration join those that the network was trained on.
    """
    manifest = run.bundle.manifest
    today = datetime.now(UTC).date().isoformat()
    data = f"{report.n_scans} scans of {report.n_patients} patients; labels: {report.label}; {today}."
    calibration = Calibration(maps=fitted.maps, data=data, kept_out=kept_out)
    settings = {
        "detector": manifest.detector.model_dump(exclude={"file"}),
        "quality": manifest.quality.model_dump(exclude={"file"}) | {"calibration": calibration.model_dump()},
    }
    on = f"the {report.n_scans} scans of the calibration, each by one that left its patient out; seed {report.seed}"
    figures = report.after["quality"].figures
    metrics = [
        {"name": f"{title} of quality after calibration", "value": value, "measured_on": f"{on}; {today}"}
        for key, title in (("calibration_error", "calibration error"), ("balanced_accuracy", "balanced accuracy"))
        if (value := figures[key].value) is not None
    ]
    fields = {field: getattr(manifest, field) for field in Description.model_fields}
    description = Description.of(
        fields
        | {
            "name": name or f"{manifest.name}-calibrated",
            "created": today,
            "threshold": fitted.threshold,
            "operating_point": report.operating_point.model_dump(),
            "caution": " ".join(filter(None, (manifest.caution, *report.cautions))),
            "metrics": [*(metric.model_dump() for metric in manifest.metrics), *metrics],
        }
    )
    networks = source / manifest.detector.file, source / manifest.quality.file
    scans = dict(manifest.training_scans)
    if "quality" in scans:  # else it is unknown what the network was trained on
        used = {scan.case.place for scan in run.scans}
        calibrated_on = origins(hashes for case, hashes in run.hashes if case.place in used)
        scans["quality"] = tuple(sorted({*scans["quality"], *calibrated_on}))
    training = {"training_scans": scans, "training_versions": manifest.training_versions}
    write_bundle(folder, *networks, settings, description, training)
