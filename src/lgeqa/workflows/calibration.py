"""Calibration of a bundle on scored cohorts, from the cohorts to the calibrated bundle."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lgeqa.atomic_io import claimed, write_whole
from lgeqa.batch import BatchItem
from lgeqa.cohort import origins, seen_message
from lgeqa.errors import UsageError
from lgeqa.inference.bundle import default_bundle, open_bundle
from lgeqa.inference.bundle.build import Description, write_bundle
from lgeqa.inference.bundle.calibration import Calibration
from lgeqa.versions import versions
from lgeqa.workflows.assessment import Follow, pass_on
from lgeqa.workflows.evaluation import EvaluationRequest, LabelledRun, assess_labelled

if TYPE_CHECKING:
    from lgeqa.evaluation.calibration import Fitted
    from lgeqa.evaluation.calibration_report import CalibrationReport
    from lgeqa.evaluation.predictions import Predictions

#: Folder of the calibrated bundle, and of the records of the scans, below the output folder.
BUNDLE, ASSESSED = "bundle", "assessed"


@dataclass(frozen=True)
class CalibrationRun:
    """A finished calibration: its report, its bundle, and the outcome of each scan."""

    report: "CalibrationReport"
    bundle: Path
    items: Sequence[BatchItem]


def calibrate_bundle(request: EvaluationRequest, name: str | None = None, follow: Follow = pass_on) -> CalibrationRun:
    """Assess the labelled scans of the cohorts, calibrate the bundle on them, and write report and new bundle.

    Args:
        request: Bundle and cohorts. Its folder for the results must be given.
        name: Name of the calibrated bundle. None for the bundle's own with `-calibrated`.
        follow: Function that shows the progress.

    Raises:
        CohortError: There are too few labelled scans or patients.
        UsageError: The bundle is calibrated already or weighs its slices, the output folder holds a bundle, or the
            split cannot be used.
        OutputError: A file cannot be written.
    """
    from lgeqa.evaluation.calibration import cross_validate, fit_calibration
    from lgeqa.evaluation.calibration_report import page

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
        if any(scores.weight is not None for scan in run.scans for scores in scan.result.slices):
            raise UsageError(
                f"{run.bundle.stamp.name}: weighs the slices of a scan, and a calibration holds for their plain mean. "
                "Calibrate a bundle of another strategy."
            )
        answers, chosen = cross_validate(run.scans, manifest.threshold, request.seed)
        fitted = fit_calibration(run.scans, manifest.threshold, request.seed)
        report = _report(request, run, fitted, answers, chosen)
        write_whole(out / "calibration.json", report.model_dump_json(indent=2) + "\n")
        write_whole(out / "calibration.md", page(report))
        _write_bundle(request.bundle or default_bundle(), out / BUNDLE, name, fitted, report, run)
    return CalibrationRun(report, out / BUNDLE, run.items)


def _report(
    request: EvaluationRequest,
    run: LabelledRun,
    fitted: "Fitted",
    answers: Mapping[str, "Predictions"],
    chosen: Mapping[str, Counter[str]],
) -> "CalibrationReport":
    from lgeqa.bootstrap import Bootstrap
    from lgeqa.evaluation.bundle_evaluation import figures_of_scale
    from lgeqa.evaluation.calibration import FOLDS
    from lgeqa.evaluation.calibration_report import CalibrationReport
    from lgeqa.evaluation.constant import constant_caution, few_caution
    from lgeqa.evaluation.predictions import scan_answers, slice_answers
    from lgeqa.scales import QUALITY_FIRST, SCALE_NAMES

    bootstrap = Bootstrap(request.draws, request.seed)
    before = {name: figures_of_scale(scan_answers(run.scans, name), bootstrap) for name in SCALE_NAMES}
    after = {name: figures_of_scale(answers[name], bootstrap) for name in SCALE_NAMES}
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
    report: "CalibrationReport",
    run: LabelledRun,
) -> None:
    """Write the bundle with the same networks, the calibration, the threshold, and the figures after calibration.

    The scans of the calibration join those that the network was trained on.
    """
    manifest = run.bundle.manifest
    today = datetime.now(UTC).date().isoformat()
    data = f"{report.n_scans} scans of {report.n_patients} patients; labels: {report.label}; {today}."
    calibration = Calibration(maps=fitted.maps, data=data)
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
