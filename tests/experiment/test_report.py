"""The page of an experiment, row by row, from findings that are made by hand."""

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lgeqa.bootstrap import Bootstrap, cell
from lgeqa.cohort import LabelRule, save_split
from lgeqa.documents import markdown
from lgeqa.evaluation.baselines import ALL_DIAGNOSTIC, TRUE_ATTRIBUTES
from lgeqa.evaluation.bundle_evaluation import EvaluationSpec, evaluate
from lgeqa.evaluation.embedding import Separation
from lgeqa.evaluation.example_selection import Choice
from lgeqa.evaluation.figures import Panel
from lgeqa.evaluation.metrics import METRICS
from lgeqa.evaluation.out_of_fold import pool
from lgeqa.evaluation.paper_tables import table_2
from lgeqa.evaluation.record import Evaluation, Figures
from lgeqa.evaluation.report import spread_cell
from lgeqa.experiment.plan import Plan, Run
from lgeqa.experiment.report import Findings, report
from lgeqa.experiment.settings import ExperimentConfig
from lgeqa.inference.bundle import open_bundle
from lgeqa.scales import SCALE_NAMES
from lgeqa.versions import training_versions
from tests.evaluation.judged import cohort
from tests.evaluation.test_pooled import other, scored
from tests.toy import toy_bundle

RULE, DRAWS = LabelRule(reader="truth"), Bootstrap(20)
CONFIG = ExperimentConfig(strategies=("multitask", "baseline"), iterations=2, seed=3, weights="random")


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """24 scans of 12 patients: 5 patients to learn from, 4 to validate on and 3 to test on."""
    cases = tuple(scan.case for scan in cohort())
    dealt = {f"p{i}": "train" if i < 5 else "validation" if i < 9 else "test" for i in range(12)}
    (tmp_path / "splits").mkdir()
    for i in range(2):
        save_split(dealt | {"p0": "test"} if i else dealt, tmp_path / "splits" / f"split-{i}.json")  # type: ignore[arg-type]
    return Plan(cases, RULE, (dealt, dealt), ())  # type: ignore[arg-type]


@pytest.fixture
def found(tmp_path: Path) -> Findings:
    """Each training is judged on a cohort of its own; each has a bundle of its own."""
    evaluations = {}
    for seed, run in enumerate(Run(strategy, i) for i in range(2) for strategy in CONFIG.strategies):
        bundle = open_bundle(toy_bundle(tmp_path / run.name, version=str(seed)))
        question = EvaluationSpec((), "test", RULE, DRAWS)
        evaluations[run] = evaluate(cohort(seed, 6 + seed), [], bundle, question)
    apart = Separation(0.4321, 0.8765, 0.6, 15, "")
    undefined = Separation(math.nan, math.nan, 0.75, 0, "1 patient with diagnostic slices; two are needed")
    panels = [Panel(name, None, None, (), one) for name, one in zip(CONFIG.strategies, (apart, undefined), strict=True)]  # type: ignore[arg-type]
    first = next(iter(evaluations.values()))
    choice = Choice((), (), {"all right": 30, "all wrong": 2})
    return Findings([Path("/one"), Path("/two")], evaluations, first.associations, choice, panels, None, (), {}, "5ea1")


def page(*given: Any) -> str:
    return markdown(report(*given))


def tables(text: str, title: str) -> list[list[list[str]]]:
    """The tables below a heading, as rows of cells, without their heads."""
    lines = text[text.index(f"# {title}") :].splitlines()[1:]
    until = next((i for i, line in enumerate(lines) if line.startswith("#")), len(lines))
    made: list[list[list[str]]] = [[]]
    for line in lines[:until]:
        if line.startswith("|"):
            made[-1].append([part.strip() for part in line.strip("|").split(" | ")])
        elif made[-1]:
            made.append([])
    return [table[2:] for table in made if table]


def of(found: Findings, strategy: str) -> list[Evaluation]:
    return [one for run, one in found.evaluations.items() if run.strategy == strategy]


def spreads(iterations: list[Figures]) -> list[str]:
    return [spread_cell(table_2(iterations)[metric.name]) for metric in METRICS]


def test_the_facts_of_an_experiment(plan: Plan, found: Findings, tmp_path: Path) -> None:
    text = page(plan, CONFIG, found, tmp_path)
    [facts] = tables(text, "Experiment")
    assert facts == [
        ["cohort", "`/one`, `/two`"],
        ["scans", "24 of 12 patients"],
        ["first split", "10 train, 8 validation, 6 test; no patient in two parts"],
        ["labels", "scores before reader noise (truth)"],
        ["iterations", "2, one test part, the rest drawn again in each; seeds from 3"],
        ["atrium of test scans", "detected"],
        ["first weights", "random"],
    ]
    assert "are simulated. The figures say" in text
    real = {
        run: one.model_copy(update={"simulated": False, "mask_source": "supplied"})
        for run, one in found.evaluations.items()
    }
    folds = CONFIG.model_copy(update={"splits": "folds"})
    text = page(plan, folds, replace(found, evaluations=real), tmp_path)
    assert "are simulated." not in text
    [facts] = tables(text, "Experiment")
    assert facts[4:6] == [
        ["iterations", "2, each with another part as its test part; seeds from 3"],
        ["atrium of test scans", "given masks"],
    ]


def test_strategies_and_all_others_are_rows_of_table_2(plan: Plan, found: Findings, tmp_path: Path) -> None:
    [rows] = tables(page(plan, CONFIG, found, tmp_path), "Table 2")
    expected = [
        [name, *spreads([one.scans["quality"].figures for one in of(found, name)])] for name in CONFIG.strategies
    ]
    told = of(found, "multitask")
    for who in (ALL_DIAGNOSTIC, TRUE_ATTRIBUTES, "reader-1", "reader-2"):
        figures = [next(row.figures for row in one.comparisons if row.who == who) for one in told]
        expected.append([who, *spreads(figures)])
    assert [row[0] for row in rows] == [row[0] for row in expected]
    assert rows == expected


def test_a_reader_who_scored_no_test_scan_of_an_iteration(plan: Plan, found: Findings, tmp_path: Path) -> None:
    run = Run("multitask", 1)
    fewer = tuple(row for row in found.evaluations[run].comparisons if row.who != "reader-2")
    less = found.evaluations[run].model_copy(update={"comparisons": fewer})
    evaluations = {one: less if one == run else evaluation for one, evaluation in found.evaluations.items()}
    for order in (1, -1):  # whichever iteration it is
        told = replace(found, evaluations=dict(list(evaluations.items())[::order]))
        [rows] = tables(page(plan, CONFIG, told, tmp_path), "Table 2")
        own = next(row for row in found.evaluations[Run("multitask", 0)].comparisons if row.who == "reader-2")
        assert ["reader-2, in 1 of 2 iterations", *spreads([own.figures])] in rows


def test_each_training_and_each_attribute_has_a_row(plan: Plan, found: Findings, tmp_path: Path) -> None:
    text = page(plan, CONFIG, found, tmp_path)
    [rows] = tables(text, "Each training")
    names = ("f1", "specificity", "balanced_accuracy", "auroc", "brier")
    assert rows == [
        [run.name, "test", str(one.n_scans), *(cell(one.scans["quality"].figures[name], ".1f") for name in names)]
        for run, one in found.evaluations.items()
    ]
    for run, one in found.evaluations.items():
        assert one.cautions
        assert f"- {run.name}: {one.cautions[0]}" in text
    [rows] = tables(text, "Each attribute")
    assert rows == [
        [
            strategy,
            *(
                spread_cell(table_2([one.scans[name].figures for one in of(found, strategy)])["auroc"])
                for name in SCALE_NAMES
            ),
        ]
        for strategy in CONFIG.strategies
    ]


def test_pictures_counts_and_separation_of_encoders(plan: Plan, found: Findings, tmp_path: Path) -> None:
    text = page(plan, CONFIG, found, tmp_path)
    assert [name for name in ("figure-2.png", "figure-3.png", "curves.png") if f"]({name})" in text] == [
        "figure-2.png",
        "figure-3.png",
        "curves.png",
    ]
    assert "Test slices of the first iteration: 30 all right, 2 all wrong" in text
    [rows] = tables(text, "Fig. 3")
    assert rows == [
        ["multitask", "0.432", "0.876", "0.600"],
        ["baseline", "undefined: 1 patient with diagnostic slices; two are needed", "", "0.750"],
    ]


def test_provenance_is_enough_to_make_it_again(plan: Plan, found: Findings, tmp_path: Path) -> None:
    text = page(plan, CONFIG, found, tmp_path)
    trainings, splits = tables(text, "Provenance")
    assert trainings == [[run.name, one.bundle.sha256, one.finished_at] for run, one in found.evaluations.items()]
    assert len({row[1] for row in trainings}) == 4
    files = [tmp_path / "splits" / f"split-{i}.json" for i in range(2)]
    assert splits == [[path.name, hashlib.sha256(path.read_bytes()).hexdigest()] for path in files]
    assert "Detector: SHA-256 5ea1" in text
    assert "torch" in training_versions()
    for name, version in training_versions().items():
        assert f"{name} {version}" in text
    settings = json.loads(text[text.index("```json") + 7 : text.rindex("```")])
    assert ExperimentConfig.of(settings) == CONFIG


def test_pooled_section_is_between_attributes_and_figures(plan: Plan, found: Findings, tmp_path: Path) -> None:
    scans = scored()
    judged = {"multitask": scans, "baseline": other(scans)}
    pooled = pool(judged, RULE, DRAWS)
    text = page(plan, CONFIG, replace(found, pooled=pooled), tmp_path)
    assert text.index("Each attribute") < text.index("All scans together") < text.index("## Fig. 2")
    assert "Each of 24 scans (12 patients, " in text
    assert "of 2 trainings are taken as one scale" in text
    assert "left out" not in text
    fewer = pool({name: one[:-2] for name, one in judged.items()}, RULE, DRAWS)
    assert "; 2 that not every strategy could assess are left out" in page(
        plan, CONFIG, replace(found, pooled=fewer), tmp_path
    )
    [rows] = tables(text, "All scans together")
    quality = pooled.strategies["baseline"].scans["quality"]
    assert rows[1] == ["baseline", *(cell(quality[metric.name]) for metric in METRICS)]
    part = next(one for one in pooled.others if one.who == "reader-2")
    assert rows[-1][0] == f"reader-2, {part.n_scans} scans"
    [gains] = tables(text, "What each strategy gains over multitask")
    assert gains[0][1] == cell(pooled.differences["baseline"].scans["quality"]["f1"], "+.3f")
    assert "All scans together" not in page(plan, CONFIG, found, tmp_path)
