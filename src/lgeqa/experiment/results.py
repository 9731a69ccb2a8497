"""What the trainings of an experiment came to on the test part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import TypeAdapter

from lgeqa.bundle import Bundle, open_bundle
from lgeqa.cohort import Case, scores_of
from lgeqa.errors import ScanError
from lgeqa.evaluate.answers import Judged
from lgeqa.evaluate.evaluation import Question, evaluate, join, left_out
from lgeqa.evaluate.pooled import pool
from lgeqa.evaluate.predictions import predictions
from lgeqa.evaluate.record import Association, Evaluation, Pooled
from lgeqa.evaluate.tables import table_1
from lgeqa.experiment.plan import Plan, Run
from lgeqa.experiment.settings import ExperimentConfig
from lgeqa.experiment.trainings import run_folder
from lgeqa.intervals import Bootstrap
from lgeqa.pipeline import AssessSettings, assess_source
from lgeqa.read import Source
from lgeqa.records import ScanResult
from lgeqa.train.files import BUNDLE
from lgeqa.writing import write_whole

EVALUATION: Final = "evaluation.json"
RECORDS: Final = "records.json"
POOLED: Final = "pooled.json"
_RECORDS: Final = TypeAdapter(tuple[ScanResult, ...])


@dataclass(frozen=True)
class Tested:
    """What a training came to.

    Attributes:
        scans: of the test part, those that could be assessed.
        evaluation: the figures over them.
    """

    scans: Sequence[Judged]
    evaluation: Evaluation


def evaluate_run(run: Run, plan: Plan, config: ExperimentConfig, out: Path, detected: bool) -> Tested:
    """Judge the test scans of a run by its bundle; what is there of the same scans and masks is taken as it is.

    It is the network that is judged, so a scan gets a verdict also where the gate refuses it.

    Writes `evaluation.json`, `records.json` and `predictions.csv` into the run's folder.

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
    cases = [plan.cases[number] for number in plan.numbers(run.iteration, "test")]
    if kept := _kept(folder, cases, config, detected):
        return kept
    bundle = open_bundle(folder / BUNDLE)
    settings = AssessSettings(given_masks=not detected, force=True)
    results = [_assessed(case, bundle, settings) for case in cases]
    question = Question((), f"test part of split {run.iteration}", config.label, Bootstrap(config.draws, config.seed))
    scans = join(cases, results, config.label)
    evaluation = evaluate(scans, left_out(cases, cases, results, config.label), bundle, question)
    write_whole(folder / RECORDS, _RECORDS.dump_json(tuple(results), indent=1).decode() + "\n")
    write_whole(folder / "predictions.csv", predictions(cases, results, config.label))
    write_whole(folder / EVALUATION, evaluation.model_dump_json(indent=1) + "\n")
    return Tested(scans, evaluation)


def pool_folds(tested: Mapping[Run, Tested], config: ExperimentConfig) -> Pooled:
    """The strategies over all scans, each scan judged by the training that was tested on it."""
    judged: dict[str, list[Judged]] = {
        strategy: [scan for run, one in tested.items() if run.strategy == strategy for scan in one.scans]
        for strategy in config.strategies
    }
    return pool(judged, config.label, Bootstrap(config.draws, config.seed))


def _kept(folder: Path, cases: Sequence[Case], config: ExperimentConfig, detected: bool) -> Tested | None:
    """What an earlier evaluation of these scans with these masks left; None if there is none."""
    if not all((folder / name).is_file() for name in (RECORDS, EVALUATION)):
        return None
    results = _RECORDS.validate_json((folder / RECORDS).read_bytes())
    evaluation = Evaluation.model_validate_json((folder / EVALUATION).read_bytes())
    alike = [one.scan_id for one in results] == [case.scan_id for case in cases]
    if not alike or evaluation.mask_source != ("detected" if detected else "supplied"):
        return None
    return Tested(join(cases, results, config.label), evaluation)


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
