"""Results of an experiment's trainings on their test parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from lgeqa.atomic_io import write_whole
from lgeqa.batch import OutputFolder, ScanAssessor, open_pipeline, run_batch
from lgeqa.bootstrap import Bootstrap, numbered
from lgeqa.cohort import Case, scores_of, seen_scans, sources_of, used_training_scans
from lgeqa.evaluation.bundle_evaluation import EvaluationSpec, evaluate, join, left_out
from lgeqa.evaluation.out_of_fold import pool
from lgeqa.evaluation.paper_tables import table_1
from lgeqa.evaluation.prediction_table import predictions
from lgeqa.evaluation.predictions import LabelledResult
from lgeqa.evaluation.record import Association, Evaluation, Pooled
from lgeqa.experiment.plan import Plan, Run
from lgeqa.experiment.settings import ExperimentConfig
from lgeqa.experiment.trainings import PREPARED, run_folder
from lgeqa.inference.bundle import Bundle, open_bundle
from lgeqa.inference.pipeline import AssessSettings
from lgeqa.records import ScanResult
from lgeqa.threads import cores
from lgeqa.training.run_layout import BUNDLE
from lgeqa.training.slice_store import SliceDataset

EVALUATION: Final = "evaluation.json"
#: Folder of the records of the test scans.
TESTED: Final = "tested"
POOLED: Final = "pooled.json"
SCORE_AGREEMENT: Final = "score-agreement.json"


@dataclass(frozen=True)
class Tested:
    """The result of a training on its test part.

    Attributes:
        scans: Scans of the test part that could be assessed.
        evaluation: Evaluation over these scans.
    """

    scans: Sequence[LabelledResult]
    evaluation: Evaluation


def evaluate_run(run: Run, plan: Plan, config: ExperimentConfig, out: Path, detected: bool) -> Tested:
    """Assess the test scans of a run with its bundle and evaluate the results.

    Records of the same scans and masks from an earlier call are reused. The network is what is evaluated, so a scan
    gets a verdict even if the gate refuses it. `evaluation.json` and `predictions.csv` are written into the run's
    folder, and the records into its subfolder `tested`.

    Args:
        run: Finished training.
        plan: Plan of the experiment.
        config: Settings of the experiment.
        out: Folder of the experiment.
        detected: Whether slices come from stage 1 instead of the scans' own masks, as they do if a scan has none.

    Raises:
        CohortError: No test scan could be assessed.
    """
    folder = run_folder(out, run)
    cases = [plan.cases[number] for number in plan.numbers(run.iteration, "test")]
    bundle = open_bundle(folder / BUNDLE)
    given = not detected and all(case.mask for case in plan.cases)
    results = _assessed(cases, bundle, folder, AssessSettings(given_masks=given, force=True))
    store = SliceDataset(out / PREPARED)
    learnt = used_training_scans(bundle.manifest.training_scans, detected=not given)
    seen = seen_scans(cases, list(zip(plan.cases, store.hashes, strict=True)), learnt)
    part = f"site {plan.sites[run.iteration]}" if plan.sites else f"test part of split {run.iteration}"
    question = EvaluationSpec((), part, config.label, Bootstrap(config.draws, config.seed), seen)
    scans = join(cases, results, config.label)
    evaluation = evaluate(scans, left_out(cases, cases, results, config.label), bundle, question)
    write_whole(folder / "predictions.csv", predictions(cases, results, config.label))
    write_whole(folder / EVALUATION, evaluation.model_dump_json(indent=1) + "\n")
    return Tested(scans, evaluation)


def _assessed(cases: Sequence[Case], bundle: Bundle, folder: Path, settings: AssessSettings) -> list[ScanResult]:
    """Assess the test scans as `lgeqa assess` does.

    Records that are still valid are kept, and no failure of a scan ends the experiment.
    """
    sources = sources_of(cases)
    open_assess = partial(open_pipeline, folder / BUNDLE, cores(), settings)
    out = OutputFolder(folder / TESTED)
    attempt = ScanAssessor.of(open_assess, bundle, settings, out)
    results = {settled.result.scan_id: settled.result for settled in run_batch(sources, attempt, jobs=1)}
    return [results[source.scan_id] for source in sources]


def pool_folds(tested: Mapping[Run, Tested], config: ExperimentConfig) -> Pooled:
    """Pool the results of each strategy over all scans, each scan judged by the training that was tested on it."""
    judged: dict[str, list[LabelledResult]] = {
        strategy: [scan for run, result in tested.items() if run.strategy == strategy for scan in result.scans]
        for strategy in config.strategies
    }
    return pool(judged, config.label, Bootstrap(config.draws, config.seed))


def associations(cases: Sequence[Case], config: ExperimentConfig) -> dict[str, Association]:
    """Return Table 1 over all scans of the experiment."""
    scores = np.stack([scores_of(case, config.label) for case in cases]).astype(float)
    return table_1(scores, numbered([case.patient for case in cases]), Bootstrap(config.draws, config.seed))
