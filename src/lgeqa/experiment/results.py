"""What the trainings of an experiment came to on the test part."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from lgeqa.bundle import Bundle, open_bundle
from lgeqa.cohort import Case, scores_of
from lgeqa.errors import ScanError
from lgeqa.evaluate.evaluation import Question, evaluate, join, left_out
from lgeqa.evaluate.predictions import predictions
from lgeqa.evaluate.record import Association, Evaluation
from lgeqa.evaluate.tables import table_1
from lgeqa.experiment.plan import Plan, Run
from lgeqa.experiment.settings import ExperimentConfig
from lgeqa.experiment.trainings import run_folder
from lgeqa.intervals import Bootstrap
from lgeqa.pipeline import AssessSettings, assess_source
from lgeqa.read import Source
from lgeqa.records import ScanResult
from lgeqa.train.files import BUNDLE

EVALUATION: Final = "evaluation.json"


def evaluate_run(run: Run, plan: Plan, config: ExperimentConfig, out: Path, detected: bool) -> Evaluation:
    """Judge the test scans of a run by its bundle; an evaluation that is there with the same masks is taken as it is.

    Writes `evaluation.json` and `predictions.csv` into the run's folder.

    Args:
        run: a finished one.
        plan: what is tested on what.
        config: the settings.
        out: folder of the experiment.
        detected: whether slices come from stage 1, and not from the scans' own masks.

    Raises:
        CohortError: no test scan could be assessed.
    """
    folder = run_folder(out, run)
    path = folder / EVALUATION
    if path.is_file():
        kept = Evaluation.model_validate_json(path.read_text(encoding="utf-8"))
        if kept.mask_source == ("detected" if detected else "supplied"):
            return kept
    bundle = open_bundle(folder / BUNDLE)
    settings = AssessSettings(given_masks=not detected)
    cases = [plan.cases[number] for number in plan.numbers(run.iteration, "test")]
    results = [_assessed(case, bundle, settings) for case in cases]
    question = Question((), f"test part of split {run.iteration}", config.label, Bootstrap(config.draws, config.seed))
    scans = join(cases, results, config.label)
    evaluation = evaluate(scans, left_out(cases, cases, results, config.label), bundle, question)
    (folder / "predictions.csv").write_text(predictions(cases, results, config.label), encoding="utf-8")
    path.write_text(evaluation.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return evaluation


def _assessed(case: Case, bundle: Bundle, settings: AssessSettings) -> ScanResult:
    source = Source(case.scan_id, "volume", case.image, (case.image,), case.mask)
    try:
        return assess_source(source, bundle, settings).result
    except ScanError as fault:
        return ScanResult(scan_id=case.scan_id, status=fault.status, message=str(fault))


def associations(cases: Sequence[Case], config: ExperimentConfig) -> dict[str, Association]:
    """Table 1 over all scans of the experiment."""
    scores = np.stack([scores_of(case, config.label) for case in cases]).astype(float)
    _, patients = np.unique([case.patient for case in cases], return_inverse=True)
    return table_1(scores, patients, Bootstrap(config.draws, config.seed))
