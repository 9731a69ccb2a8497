"""The page, the plots, the table of predictions, and the record behind them."""

import csv
import io
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from sklearn.metrics import precision_recall_curve, roc_curve

from lgeqa.bootstrap import SAME, Bootstrap, Estimate, cell
from lgeqa.cli.evaluate import show
from lgeqa.cohort import LABEL, TRUTH, Case, LabelRule
from lgeqa.documents import markdown
from lgeqa.errors import CohortError, ConfigError
from lgeqa.evaluation.bundle_evaluation import EvaluationSpec, evaluate, join, left_out
from lgeqa.evaluation.paper_tables import Spread
from lgeqa.evaluation.plots import (
    Curves,
    curves_of,
    precision_recall_plot,
    precision_recall_points,
    reliability_plot,
    reliability_points,
    roc_plot,
    roc_points,
)
from lgeqa.evaluation.prediction_table import COLUMNS, predictions
from lgeqa.evaluation.predictions import LabelledResult, Predictions, scan_answers
from lgeqa.evaluation.record import Evaluation, Excluded
from lgeqa.evaluation.reference_labels import choose_rule
from lgeqa.evaluation.report import association_table, report, strategy_table
from lgeqa.inference.bundle import Bundle, open_bundle
from lgeqa.table_text import markdown_table
from tests.evaluation.judged import DIAGNOSTIC, POOR, case, cohort, judged, record
from tests.results import unassessed
from tests.toy import toy_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return open_bundle(toy_bundle(tmp_path_factory.mktemp("toy")))


def page(evaluation: Evaluation) -> str:
    return markdown(report(evaluation))


def evaluated(scans: list[LabelledResult], bundle: Bundle, **changes: Any) -> Evaluation:
    made = evaluate(scans, [], bundle, EvaluationSpec(("/cohort",), "all", LabelRule(reader=TRUTH), Bootstrap(100)))
    return made.model_copy(update=changes)


def test_constant_network_and_better_readers_are_cautions(bundle: Bundle) -> None:
    scans = [
        judged(f"p{number}", DIAGNOSTIC if number % 2 else POOR, 0.53, {"A": DIAGNOSTIC if number % 2 else POOR})
        for number in range(24)
    ]
    made = evaluated(scans, bundle)
    assert made.cautions[0] == (
        "Quality for fibrosis assessment: the network says the same of every slice, a probability of .53 to .53."
    )
    assert made.cautions[4:] == (
        "A agrees better with the labels of quality than the model: balanced accuracy 1.00 and 0.50 on 24 scans.",
    )
    assert f"**Caution: {made.cautions[0]}**" in page(made)
    good = [judged(f"p{number}", DIAGNOSTIC if number % 2 else POOR, 0.3 + 0.4 * (number % 2)) for number in range(24)]
    assert evaluated(good, bundle).cautions == ()


def test_figures_on_few_scans_have_one_decimal(bundle: Bundle) -> None:
    few = evaluated([judged(f"p{number}", DIAGNOSTIC if number % 2 else POOR, 0.9) for number in range(12)], bundle)
    many = evaluated([judged(f"p{number}", DIAGNOSTIC if number % 2 else POOR, 0.9) for number in range(24)], bundle)
    rows = [next(line for line in page(made).splitlines() if line.startswith("| Precision")) for made in (few, many)]
    assert rows[0].split("|")[2].split()[0] == "0.5"
    assert rows[1].split("|")[2].split()[0] == "0.500"


def test_the_record_counts_and_comes_back_from_json(bundle: Bundle) -> None:
    made = evaluated(cohort(), bundle)
    assert (made.n_scans, made.n_patients, made.n_slices) == (24, 12, 120)
    assert (made.scans["quality"].n, made.slices["quality"].n) == (24, 120)
    assert made.slices["sharpness"].diagnostic == 5 * made.scans["sharpness"].diagnostic
    assert (made.simulated, made.label) == (True, "scores before reader noise (truth)")
    assert (made.bundle.name, made.draws, made.seed) == ("toy", 100, 0)
    assert Evaluation.model_validate_json(made.model_dump_json()) == made
    assert f"| toy {made.bundle.version}, SHA-256 {made.bundle.sha256[:12]}… |" in page(made)
    assert made.mask_source == "detected"
    given = [replace(scan, result=scan.result.model_copy(update={"mask_source": "supplied"})) for scan in cohort()]
    assert evaluated(given, bundle).mask_source == "supplied"


def test_rule_is_the_named_one_or_fits_the_scores() -> None:
    both, label = case("a", "a", {TRUTH: POOR, LABEL: POOR, "r": POOR}), case("b", "b", {LABEL: POOR, "r": POOR})
    assert choose_rule([label, both], "auto", None) == LabelRule(reader=TRUTH)
    assert choose_rule([label], "auto", "r") == choose_rule([label], "reader", "r") == LabelRule(reader="r")
    assert choose_rule([label], "median", None) == LabelRule(rule="median")
    with pytest.raises(ConfigError, match=r"--rule and --reader: .*'mean' takes all readers, and reader = 'r'"):
        choose_rule([label], "mean", "r")
    with pytest.raises(ConfigError, match=r"--rule and --reader: rule = 'reader' takes .* none is named"):
        choose_rule([label], "reader", None)
    with pytest.raises(
        CohortError, match=r"No scan has a label of quality by the reader 'ann'; scores are by label, r"
    ):
        choose_rule([label], "auto", "ann")
    with pytest.raises(CohortError, match=r"The cohort has no scores\. .*: give a scored cohort"):
        choose_rule([case("c", "c", {})], "auto", None)


def test_quality_alone_is_evaluated(bundle: Bundle) -> None:
    scans = [replace(scan, label=(math.nan,) * 3 + scan.label[3:]) for scan in cohort()]
    made = evaluated(scans, bundle)
    assert (made.n_scans, made.scans["quality"].n, made.scans["sharpness"].n, made.slices["sharpness"].n) == (
        24,
        24,
        0,
        0,
    )
    assert made.scans["sharpness"].figures["auroc"].undefined == "no scan has a label"
    assert made.associations["sharpness"].phi.undefined == "no scan has both scores"
    assert made.scans["quality"] == evaluated(cohort(), bundle).scans["quality"]
    assert "0 of 0" in page(made)
    for plot in (roc_plot, precision_recall_plot, reliability_plot):
        assert "no scan has a label" in str(
            [text.get_text() for axes in plot(curves_of(scans, TRUTH)).axes for text in axes.texts]
        )


def test_predictions_have_empty_cells_without_a_label() -> None:
    scan = case("a", "a", {"r": (math.nan, math.nan, 2, 4)})
    [row] = csv.DictReader(io.StringIO(predictions([scan], [record([[0.9] * 4])], LabelRule(reader="r"))))
    assert [row["score_sharpness"], row["label_sharpness"], row["label_quality"]] == ["", "", "diagnostic"]


def test_a_label_that_joins_the_readers_is_reported(bundle: Bundle) -> None:
    told = "each of them is part of what they are held against"
    question = EvaluationSpec(("/cohort",), "all", LabelRule(rule="median"), Bootstrap(100))
    joined = page(evaluate(cohort(), [], bundle, question))
    assert told in joined
    assert "| reader-1 | median |" in joined
    assert told not in page(evaluated(cohort(), bundle))


def test_the_measured_reader_has_a_row_and_a_note(bundle: Bundle) -> None:
    for scan in (scans := cohort()):
        scan.case.scores["measured"] = POOR
    note = "The scores of the measured reader follow from image quality measures."
    assert "| measured reader | truth | all (24) |" in page(evaluated(scans, bundle))
    assert note in page(evaluated(scans, bundle))
    assert note not in page(evaluated(cohort(), bundle))


def test_scans_without_label_or_record_are_named() -> None:
    good, dark, bare = case("good", "p", {"r": POOR}), case("dark", "p", {"r": POOR}), case("bare", "q", {})
    results = [record([[0.1] * 4], scan_id="good"), unassessed("dark")]
    assert [scan.case for scan in join([good, dark], results, LabelRule(reader="r"))] == [good]
    assert left_out([bare, dark, good], [good, dark], results, LabelRule(reader="r")) == (
        Excluded(scan_id="bare", why="no label of quality by r"),
        Excluded(scan_id="dark", why="dark.nrrd: the file is empty."),
    )
    with pytest.raises(
        CohortError, match=r"None of 1 scans has a label of quality by 'r' .* dark\.nrrd: the file is empty"
    ):
        join([dark], results[1:], LabelRule(reader="r"))


def test_cells() -> None:
    assert cell(Estimate(value=0.91234, low=0.5, high=1)) == "0.912 (0.500 to 1.000)"
    assert cell(Estimate(value=1, caution=SAME)) == "1.000"
    assert cell(Estimate(undefined="no scan is diagnostic")) == "undefined"
    assert markdown_table(["a", "b"], [["1", "x|y"]]) == "| a | b |\n| --- | --- |\n| 1 | x/y |"
    assert cell(Estimate(value=0.02, low=-0.004, high=0.05), "+.3f") == "+0.020 (-0.004 to +0.050)"


def test_the_page_says_that_labels_are_simulated(bundle: Bundle) -> None:
    assert "nothing of clinical scans" in page(evaluated(cohort(), bundle))
    clinical = page(evaluated(cohort(), bundle, simulated=False))
    assert "nothing of clinical scans" not in clinical
    assert "The model learnt from simulated scores." in clinical
    assert "simulated scores" not in page(evaluated(cohort(), bundle, simulated=False, bundle_labels="expert"))


def test_the_page_says_what_is_undefined_and_who_is_left_out(bundle: Bundle) -> None:
    scans = [judged("a", DIAGNOSTIC, 0.9), judged("b", DIAGNOSTIC, 0.8)]
    gone = tuple(Excluded(scan_id=f"gone-{i}", why="no atrium") for i in range(23))
    text = page(evaluated(scans, bundle, excluded=gone))
    assert "Specificity, quality for fibrosis assessment" in text
    assert ": undefined, no scan is non-diagnostic." in text
    assert ": undefined, no slice is non-diagnostic." in text
    assert "Sharpness, phi" in text
    assert ": undefined, all labels of sharpness are the same." in text
    assert "nan" not in text.lower().replace("non-diagnostic", "")
    assert "`gone-19`: no atrium" in text
    assert "`gone-20`" not in text
    assert "and 3 more" in text
    assert "23 scans, named below" in text
    assert "named below" not in page(evaluated(scans, bundle))
    assert "and 1 more" in page(evaluated(scans, bundle, excluded=gone[:21]))
    assert "more, which" not in page(evaluated(scans, bundle, excluded=gone[:20]))


def test_the_tables_of_the_paper(bundle: Bundle) -> None:
    table = association_table(evaluated(cohort(), bundle).associations)
    assert [row[0] for row in (table.head, *table.rows)] == [
        "Attribute",
        "Myocardium nulling",
        "Sharpness",
        "Enhancement of aorta and valve",
    ]
    nine = dict.fromkeys(evaluated(cohort(), bundle).scans["quality"].figures, Spread(mean=0.5, sd=0.1, n=5, of=5))
    nine |= {"f1": Spread(mean=0.7, sd=None, n=1, of=5), "recall": Spread(mean=None, sd=None, n=0, of=5)}
    [row] = strategy_table({"baseline": nine}).rows
    assert row[:5] == ("baseline", "0.500 ± 0.100", "undefined", "0.700 (defined in 1 of 5)", "0.500 ± 0.100")


def test_points_of_the_curves() -> None:
    answers = curves_of(cohort(), TRUTH).slices["quality"]
    assert answers.probabilities is not None
    x, y, _ = roc_curve(answers.labels, answers.probabilities, drop_intermediate=False)
    np.testing.assert_allclose(roc_points(answers), (x, y))
    precision, recall, _ = precision_recall_curve(answers.labels, answers.probabilities)
    recalls, precisions = precision_recall_points(answers)
    np.testing.assert_allclose(recalls, recall[::-1])
    np.testing.assert_allclose(precisions[1:], precision[::-1][1:])
    assert precisions[0] == precisions[1]
    means, shares, weights = reliability_points(answers)
    chosen = (answers.probabilities >= 0.3) & (answers.probabilities < 0.4)
    at = int(np.flatnonzero((means >= 0.3) & (means < 0.4))[0])
    assert means[at] == pytest.approx(answers.probabilities[chosen].mean())
    assert shares[at] == pytest.approx(answers.labels[chosen].mean())
    assert weights[at] == pytest.approx(chosen.mean())
    assert weights.sum() == pytest.approx(1)


def texts(picture: Picture) -> list[str]:
    return [text.get_text() for axes in picture.axes for text in axes.texts]


@pytest.mark.parametrize("plot", [roc_plot, precision_recall_plot, reliability_plot])
def test_plots_are_drawn(plot: Any, tmp_path: Path) -> None:
    picture = plot(curves_of(cohort(), TRUTH))
    assert [axes.get_title() for axes in picture.axes][:2] == ["Quality for fibrosis assessment", "Myocardium nulling"]
    assert ("reader-2" in texts(picture)) == (plot is not reliability_plot)
    picture.savefig(tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_points_of_two_scans() -> None:
    """A lone item in a bin, and a curve whose last step goes to the right, are all there."""
    answers = scan_answers([judged("a", DIAGNOSTIC, 0.9), judged("b", POOR, 0.1)], "quality")
    for found, expected in (
        (roc_points(answers), ([0, 0, 1], [0, 1, 1])),
        (precision_recall_points(answers), ([0, 1, 1], [1, 1, 0.5])),
        (reliability_points(answers), ([0.1, 0.9], [0, 1], [0.5, 0.5])),
    ):
        np.testing.assert_allclose(np.stack(found), expected, atol=1e-6)


def test_every_comparison_is_a_row_of_the_page(bundle: Bundle) -> None:
    made = evaluated(cohort(), bundle)
    table = [line for line in page(made).splitlines() if line.startswith("| ")]
    head = next(line for line in table if line.startswith("| Who "))
    assert head == "| Who | Against | Scans | Precision | Recall | F1 | Specificity | Balanced accuracy | AUROC |"
    names = ("precision", "recall", "f1", "specificity", "balanced_accuracy", "auroc")
    for one in made.comparisons:
        cells = [one.who, one.against, f"{one.on} ({one.n_scans})", *(cell(one.figures[name]) for name in names)]
        assert f"| {' | '.join(cells)} |" in table


def lines(panel: Axes) -> list[Any]:
    """The points of each line of a panel, (point, 2)."""
    return [np.asarray(line.get_xydata()) for line in panel.lines]


def called(answers: Predictions) -> tuple[float, float, float]:
    """Specificity, recall and precision of the calls."""
    labels, calls = answers.labels.astype(bool), answers.calls.astype(bool)
    return float((~calls[~labels]).mean()), float(calls[labels].mean()), float(labels[calls].mean())


def test_plots_show_curves_verdicts_and_other_readers() -> None:
    curves = curves_of(cohort(), TRUTH)
    for place, name in enumerate(("quality", "myocardium_nulling")):
        levels = (curves.scans[name], curves.slices[name])
        readers = list(curves.readers.values()) if name == "quality" else []
        roc, precision, reliability = (
            plot(curves).axes[place] for plot in (roc_plot, precision_recall_plot, reliability_plot)
        )
        points = [
            part
            for answers in levels
            for part in (np.column_stack(roc_points(answers)), [[1 - called(answers)[0], called(answers)[1]]])
        ]
        crosses = [[[1 - called(reader)[0], called(reader)[1]]] for reader in readers]
        assert alike(lines(roc), [*points, [[0, 0], [1, 1]], *crosses])

        points = [
            part
            for answers in levels
            for part in (np.column_stack(precision_recall_points(answers)), [list(called(answers)[1:])])
        ]
        share = levels[0].labels.mean()
        crosses = [[list(called(reader)[1:])] for reader in readers]
        assert alike(lines(precision), [*points, [[0, share], [1, share]], *crosses])
        assert [line.get_drawstyle() for line in precision.lines[:4]] == ["steps-pre", "default"] * 2

        dots = [reliability_points(answers) for answers in levels]
        assert alike(lines(reliability), [*(np.column_stack(one[:2]) for one in dots), [[0, 0], [1, 1]]])
        for drawn, (means, shares, weights) in zip(reliability.collections, dots, strict=True):
            np.testing.assert_allclose(np.asarray(drawn.get_offsets()), np.column_stack([means, shares]))
            sizes = drawn.get_sizes()  # type: ignore[attr-defined]
            np.testing.assert_allclose(sizes / sizes.sum(), weights)


def alike(found: list[Any], expected: list[Any]) -> bool:
    return len(found) == len(expected) and all(
        np.shape(one) == np.shape(other) and np.allclose(one, other) for one, other in zip(found, expected, strict=True)
    )


def test_a_plot_of_one_class_says_why_there_is_no_curve(tmp_path: Path) -> None:
    curves = curves_of([judged("a", POOR, readers={"r": POOR}), judged("b", POOR, readers={"r": POOR})], TRUTH)
    for plot in (roc_plot, precision_recall_plot):
        picture = plot(curves)
        assert texts(picture).count("scans: no scan is diagnostic") == 4
        assert "slices: no slice is diagnostic" in texts(picture)
        picture.savefig(tmp_path / "plot.png")


def test_a_curve_needs_probabilities() -> None:
    curves = curves_of(cohort(), TRUTH)
    reader = curves.readers["reader-1"]
    with pytest.raises(ValueError, match="a reader gives no probabilities"):
        roc_plot(Curves({**curves.scans, "quality": reader}, curves.slices, {}))


def test_the_table_of_predictions() -> None:
    cases: list[Case] = [case("a", "p", {"r": (2.5, 3, 4, 5)}), case("b", "q", {"r": POOR})]
    results = [record([(0.9, 0.2, 0.6, 0.3), (0.8, 0.3, 0.4, 0.7)], scan_id="a"), unassessed("b")]
    rows = list(csv.DictReader(io.StringIO(predictions(cases, results, LabelRule(reader="r")))))
    assert tuple(rows[0]) == COLUMNS
    first, second = rows
    assert [first[f"label_{name}"] for name in ("myocardium_nulling", "sharpness")] == ["non-diagnostic", "diagnostic"]
    assert [first[f"call_{name}"] for name in ("sharpness", "enhancement", "quality")] == [
        "non-diagnostic",
        "diagnostic",
        "diagnostic",
    ]
    assert (first["score_myocardium_nulling"], first["p_quality"], first["tie"]) == ("2.5", "0.5", "true")
    assert (first["votes_diagnostic"], first["votes_total"], first["patient"]) == ("1", "2", "p")
    assert (second["status"], second["call_quality"], second["p_quality"]) == ("failed", "", "")
    assert (second["label_quality"], second["message"]) == ("non-diagnostic", "b.nrrd: the file is empty.")


def test_a_terminal_gets_a_table_and_a_pipe_gets_lines(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = evaluated(cohort(), bundle)
    show(made)
    assert capsys.readouterr().out.startswith("Precision: ")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    show(made)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["Quality", "24", "scans", "120", "slices"]
    assert lines[6].split()[:2] == ["AUROC", cell(made.scans["quality"].figures["auroc"], ".1f").split()[0]]
    assert max(map(len, lines)) <= 80


def test_groups_have_figures_and_a_warning_for_few_scans(bundle: Bundle) -> None:
    scans = cohort()
    sites = [
        replace(scan, case=replace(scan.case, groups={"site": "ab"[i % 2], "scanner": "one"}))
        for i, scan in enumerate(scans)
    ]
    made = evaluated(sites, bundle)
    assert list(made.groups) == ["site"]  # a single scanner is no group
    assert list(made.groups["site"]) == ["a", "b"]
    assert made.groups["site"]["b"] == evaluated(sites[1::2], bundle).scans["quality"]
    text = page(made)
    section = text[text.index("## By site: quality, scan by scan") : text.index("## Attributes and quality")]
    group = made.groups["site"]["a"]
    assert f"| a | {group.diagnostic} of {group.n} | {cell(group.figures['precision'], '.1f')} |" in section
    assert f"figures are rough: a ({group.diagnostic} of {group.n} scans diagnostic), b (" in section
    many = group.model_copy(update={"n": 40, "diagnostic": 20})
    assert "may be chance" in section
    assert "may be chance" not in page(made.model_copy(update={"groups": {"site": {"a": many, "b": many}}}))
    assert "## By" not in page(evaluated(scans, bundle))


def test_page_and_terminal_say_which_scans_were_seen(bundle: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    seen = evaluated(cohort(), bundle, seen={"detector": ("scan-b", "scan-a"), "quality": ()})
    text = page(seen)
    sentence = "detector was trained on 2 of the 24 test scans or on other scans of their patients (scan-a, scan-b)"
    assert f"**The {sentence}. Figures on what a network was trained on are better" in text
    assert "| seen in training | 2 scans by the detector, 0 scans by the quality network |" in text
    show(seen)
    assert f"Warning: the {sentence}, so the figures say little about new patients" in capsys.readouterr().out
    unknown = evaluated(cohort(), bundle)
    assert "| seen in training | unknown, since the bundle does not say what it was trained on |" in page(unknown)
    show(unknown)
    assert "Warning" not in capsys.readouterr().out
