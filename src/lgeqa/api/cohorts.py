"""The functions of the package for Python that work on scored cohorts, as the commands of the same names do."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lgeqa.api.paths import AnyPath, Paths, as_path, as_paths
from lgeqa.extras import require
from lgeqa.inference.bundle import Bundle, open_bundle
from lgeqa.operating_point import Costs

if TYPE_CHECKING:
    from lgeqa.agreement.record import Agreement
    from lgeqa.evaluation.record import Evaluation
    from lgeqa.workflows.cohorts import Cohort


def evaluate(  # noqa: PLR0913 - one parameter for each choice
    cohorts: Paths,
    *,
    bundle: AnyPath | None = None,
    out: AnyPath | None = None,
    split: AnyPath | None = None,
    part: Literal["test", "validation", "train", "all"] | None = None,
    rule: str = "auto",
    reader: str | None = None,
    given_masks: bool = False,
    seed: int = 0,
    draws: int = 1000,
    jobs: int | None = None,
    allow_seen: bool = False,
) -> "Evaluation":
    """Assess scored cohorts, and measure how well verdicts and probabilities agree with the scores.

    Args:
        cohorts: A cohort, or several: tables, or folders.
        bundle: Folder of the model to evaluate. None for the bundle in the package.
        out: Folder for the figures, the plots and the record of each scan. None to write nothing.
        split: File of a saved split of the patients. None to take all patients.
        part: Part of the split to evaluate on. None for the test part if there is a split, else all.
        rule: Rule that derives the labels: `reader`, `mean`, `median`, `majority`, or `auto` for the one that fits the
            scores.
        reader: Reader whose scores are the labels. None if the rule needs none.
        given_masks: Whether the masks of the cohort are used instead of detecting the atrium.
        seed: Random seed of the bootstrap.
        draws: Number of resamples of the bootstrap.
        jobs: Number of processes. None for one per core, as far as there are 2 GB for each.
        allow_seen: Whether scans of patients whom the bundle was trained on may be in the test part of a split.

    Raises:
        CohortError: A cohort cannot be used, or none of its labelled scans could be assessed.
        UsageError: The split, the bundle or the output folder cannot be used, or the bundle was trained on patients of
            the split's test part.
        MissingExtraError: The extra `train` is not installed.
    """
    require("train", "lgeqa.evaluate")
    from lgeqa.workflows.evaluation import EvaluationRequest, evaluate_bundle

    request = EvaluationRequest(
        bundle=as_path(bundle),
        cohorts=as_paths(cohorts),
        out=as_path(out),
        split=as_path(split),
        part=part,
        rule=rule,
        reader=reader,
        given_masks=given_masks,
        seed=seed,
        draws=draws,
        jobs=jobs,
        allow_seen=allow_seen,
    )
    return evaluate_bundle(request).evaluation


def import_cohort(
    table: AnyPath,
    scans: AnyPath,
    out: AnyPath,
    *,
    columns: Mapping[str, str] | None = None,
    masks: AnyPath | None = None,
    reader: str = "reader 1",
) -> "Cohort":
    """Import a lab's table of scores as a cohort that points at the scans where they are.

    Args:
        table: CSV or Parquet file with a row for each scan, or for each scan and reader.
        scans: Folder with the scans, in any format that `assess` reads.
        out: Folder for the `scores.csv` of the cohort.
        columns: Columns of the table by their names in a cohort, such as `{"scan": "ID", "quality": "LGE_score"}`.
            `quality@ann` is the column of the reader ann. None if the table has the names of a cohort.
        masks: Folder with masks named after the scans. None for the masks beside the scans, if there are any.
        reader: Reader of the scores where the table names none.

    Raises:
        CohortError: The table, a row, a scan or a mask cannot be used. The message has a line for each error.
        UsageError: A name of a column in a cohort is not known.
        OutputError: The table of the cohort cannot be written, or its file holds something else.
    """
    from lgeqa.workflows.cohort_import import ImportRequest
    from lgeqa.workflows.cohort_import import import_cohort as import_table
    from lgeqa.workflows.cohorts import Cohort

    request = ImportRequest(Path(table), Path(scans), Path(out), columns or {}, as_path(masks), reader)
    return Cohort(import_table(request).table)


def calibrate(  # noqa: PLR0913 - one parameter for each choice
    cohorts: Paths,
    out: AnyPath,
    *,
    bundle: AnyPath | None = None,
    name: str | None = None,
    split: AnyPath | None = None,
    part: Literal["test", "validation", "train", "all"] | None = None,
    rule: str = "auto",
    reader: str | None = None,
    given_masks: bool = False,
    missed: float = 5.0,
    needless: float = 5.0,
    risk: float | None = None,
    seed: int = 0,
    draws: int = 1000,
    jobs: int | None = None,
) -> Bundle:
    """Calibrate the probabilities and the limits of a bundle on scored cohorts, and open the calibrated bundle.

    The report is `calibration.md` and `calibration.json` below `out`, with figures of nested cross-validation.

    Args:
        cohorts: A cohort, or several: tables, or folders. About 50 scans are enough.
        out: Folder for the report, the bundle, and the record of each scan.
        bundle: Folder of the model to calibrate. None for the bundle in the package.
        name: Name of the calibrated bundle. None for the bundle's own with `-calibrated`.
        split: File of a saved split of the patients. None to take all patients.
        part: Part of the split to calibrate on. None for the test part if there is a split, else all.
        rule: Rule that derives the labels, as in `evaluate`.
        reader: Reader whose scores are the labels. None for the usual one of the cohort.
        given_masks: Whether the masks of the cohort are used instead of detecting the atrium.
        missed: Cost of accepting a poor scan, in costs of a review.
        needless: Cost of repeating a good scan, in costs of a review.
        risk: Largest share of poor scans that are accepted and of good scans that are repeated. None to use the costs.
        seed: Random seed of the folds and of the bootstrap.
        draws: Number of resamples of the bootstrap.
        jobs: Number of processes. None for one per core, as far as there are 2 GB for each.

    Raises:
        CohortError: A cohort cannot be used, or has too few labelled scans or patients.
        UsageError: The bundle is calibrated already, or `out` holds a bundle.
        MissingExtraError: The extra `train` is not installed.
    """
    require("train", "lgeqa.calibrate")
    from lgeqa.workflows.calibration import calibrate_bundle
    from lgeqa.workflows.evaluation import EvaluationRequest
    from lgeqa.workflows.operating_point import PointRequest

    request = EvaluationRequest(
        bundle=as_path(bundle),
        cohorts=as_paths(cohorts),
        out=Path(out),
        split=as_path(split),
        part=part,
        rule=rule,
        reader=reader,
        given_masks=given_masks,
        seed=seed,
        draws=draws,
        jobs=jobs,
    )
    operating_point = PointRequest(Costs.of({"missed": missed, "needless": needless}, "calibrate"), risk)
    return open_bundle(calibrate_bundle(request, name, operating_point=operating_point).bundle)


def measure_agreement(
    *,
    cohort: AnyPath | None = None,
    ratings: AnyPath | None = None,
    results: AnyPath | None = None,
    out: AnyPath | None = None,
    seed: int = 0,
    draws: int = 1000,
    rule: Mapping[str, Any] | None = None,
) -> "Agreement":
    """Measure how well readers agree with one another, with themselves, and with a model.

    Args:
        cohort: Cohort whose scans several readers scored. Give this or `ratings`.
        ratings: The `ratings.csv` of a rating study.
        results: Output folder of an assessment, which puts the model among the readers. None to leave it out.
        out: Folder for the report, the record and the table of scans to adjudicate. None to write nothing.
        seed: Random seed of the bootstrap.
        draws: Number of resamples of the bootstrap.
        rule: What differs from the default rule for the scans to adjudicate: `points`, `points_on` and `sides_on`.

    Raises:
        UsageError: The rule, the ratings or the results cannot be used.
        MissingExtraError: The extra `agreement` is not installed.
    """
    require("agreement", "lgeqa.measure_agreement")
    from lgeqa.workflows.agreement import AgreementRequest
    from lgeqa.workflows.agreement import measure_agreement as measure_readers

    inputs = as_path(cohort), as_path(ratings), as_path(results)
    return measure_readers(AgreementRequest(*inputs, as_path(out), seed, draws, rule or {}))


def simulate(  # noqa: PLR0913 - one parameter for each choice
    out: AnyPath,
    *,
    n: int | None = None,
    seed: int = 0,
    real_scans: AnyPath | None = None,
    field: Literal["cropped", "full"] = "cropped",
    artefacts: Literal["drawn", "none"] = "drawn",
    without: Sequence[str] = (),
    distractors: bool = False,
    readers: int = 2,
    jobs: int = 1,
    cluster: str | None = None,
) -> "Cohort":
    """Make a cohort of simulated scans with artefacts, measured scores and simulated readers.

    Args:
        out: Folder of the cohort. A run that was interrupted is resumed.
        n: Number of scans. None for one of each real scan, or for 50 phantoms.
        seed: Random seed. Equal settings and sources give equal cohorts.
        real_scans: Folder of real scans with masks to start from. None for phantoms.
        field: Field of view: `cropped` around the atrium, or `full` for the whole chest.
        artefacts: Choice of artefacts: `drawn` for each scan, or `none`.
        without: Names of artefact mechanisms that are never drawn.
        distractors: Whether each scan also gets changes that leave its quality alone.
        readers: Number of simulated readers of each scan.
        jobs: Number of processes.
        cluster: Dask cluster on which scans are made: `local` or `slurm`, which are started with `jobs` workers, or the
            address of a scheduler. None for this machine.

    Raises:
        CohortError: A real scan is missing or changed.
        OutputError: The folder cannot be written, or holds a scan with the same name and another recipe.
        UsageError: A setting is not valid, or the cluster cannot be used.
        MissingExtraError: A cluster is named, and the extra `cluster` is not installed.
    """
    from lgeqa.cluster import OnCluster
    from lgeqa.simulation.recipe import CohortSettings
    from lgeqa.workflows.cohorts import Cohort
    from lgeqa.workflows.simulation import simulate_cohort

    settings = CohortSettings.of(
        {
            "n": n,
            "seed": seed,
            "field": field,
            "artefacts": artefacts,
            "without": tuple(without),
            "distractors": distractors,
            "readers": readers,
        },
        "simulate",
    )
    there = OnCluster(cluster) if cluster else None
    simulate_cohort(settings, Path(out), as_path(real_scans), jobs, cluster=there)
    return Cohort(out)


def train(  # noqa: PLR0913 - one parameter for each choice
    strategy: str,
    cohorts: Paths,
    out: AnyPath,
    *,
    config: AnyPath | None = None,
    settings: Mapping[str, Any] | None = None,
    split: AnyPath | None = None,
    other_stage: AnyPath | None = None,
    start: AnyPath | None = None,
    about: AnyPath | None = None,
    quiet: bool = False,
) -> Bundle:
    """Train one stage on cohorts, and open the bundle of the finished run.

    Args:
        strategy: `detector` for stage 1, or `baseline`, `multitask`, `contrastive`, `hybrid` or `adapt` for stage 2.
        cohorts: A cohort, or several: tables, or folders.
        out: Folder of the run. A run that was interrupted is resumed.
        config: TOML file of settings, or the name of a shipped one. None for the settings of the paper.
        settings: Settings that replace those of `config`, such as `{"loop": {"epochs": 10}}`.
        split: File of a saved split of the patients. None to draw one.
        other_stage: Run or bundle that gives the bundle its other stage. None for the bundle in the package, or for
            `start`.
        start: Bundle that `adapt` trains on from. None for the bundle in the package.
        about: TOML file that describes the bundle. None for a default description.
        quiet: Whether to hide the progress.

    Raises:
        CohortError: There are too few scans with scores, or the split does not fit.
        UsageError: There is no such strategy, or the folder holds a run with other settings.
        TrainingError: The training failed.
        MissingExtraError: The extra `train` is not installed.
    """
    require("train", "lgeqa.train")
    from lgeqa.training.run_layout import BUNDLE
    from lgeqa.workflows.training import TrainingRequest
    from lgeqa.workflows.training import train as train_stage

    name = None if config is None else str(config)
    request = TrainingRequest(
        strategy,
        as_paths(cohorts),
        Path(out),
        name,
        settings or {},
        as_path(split),
        as_path(other_stage),
        as_path(about),
        quiet,
        as_path(start),
    )
    train_stage(request)
    return open_bundle(Path(out) / BUNDLE)
