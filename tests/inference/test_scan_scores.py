"""What assessment makes of the outputs `attention` and `levels`, which only strategies beyond the paper give."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lgeqa.batch import table_text
from lgeqa.inference.bundle import Bundle, open_bundle
from lgeqa.inference.bundle.bundle import QualityOutputs
from lgeqa.inference.pipeline import AssessSettings, assess_scan
from lgeqa.inference.scan_scores import attention_weights, estimate_scores, pooled_probabilities
from lgeqa.inference.vote import scan_call
from lgeqa.io import discover, read_scan
from lgeqa.records import FloatArray, IntArray, ScanResult
from lgeqa.results import CSV_COLUMNS, SCORE_COLUMNS, Results, csv_rows
from lgeqa.scales import SCALE_NAMES
from tests.results import assessed
from tests.toy import toy_bundle, toy_scan

Score = Callable[[Bundle, FloatArray, IntArray], QualityOutputs]


def floats(*values: object) -> FloatArray:
    return np.array(values, np.float32)


def test_weights_are_the_softmax_of_the_attention() -> None:
    attention = floats(0, math.log(2), math.log(5))
    np.testing.assert_allclose(attention_weights(attention), [1 / 8, 2 / 8, 5 / 8], rtol=1e-6)
    np.testing.assert_allclose(attention_weights(attention + 500), [1 / 8, 2 / 8, 5 / 8], rtol=1e-4)


def test_a_scan_s_probability_is_of_its_pooled_logits() -> None:
    """Weights of a quarter and three quarters; the logits of a slice may be beyond what its probability can show."""
    logits = floats([0, 4, -40, 0], [4, 0, 20, -8])
    found = pooled_probabilities(logits, floats(0, math.log(3)))
    for scale, logit in enumerate((3, 1, 5, -6)):
        assert found[scale] == pytest.approx(1 / (1 + math.exp(-logit)), rel=1e-5)


def test_scores_are_those_of_the_mean_of_the_slices() -> None:
    """Half of the slices say 2 for sure, half 4 or 5: a mean of 3.25, and an interval of 2 to 5."""
    levels = np.zeros((2, 4, 4), np.float32)
    levels[0], levels[1] = [1, 0, 0, 0], [1, 1, 1, 0.5]
    estimates = estimate_scores(levels)
    assert list(estimates) == list(SCALE_NAMES)
    assert estimates["quality"].model_dump() == {"expected": 3.25, "low": 2, "high": 5}


@pytest.mark.parametrize(
    ("above", "low", "high"),
    [
        ((0, 0, 0, 0), 1, 1),
        ((1, 1, 1, 1), 5, 5),
        ((0.9, 0.5, 0.1, 0), 1, 3),  # a tenth is at 1, and a tenth above 3
        ((0.91, 0.5, 0.11, 0.05), 2, 4),
    ],
)
def test_intervals_leave_a_tenth_out_on_each_side(above: tuple[float, ...], low: int, high: int) -> None:
    estimate = estimate_scores(np.broadcast_to(floats(*above), (3, 4, 4)))["sharpness"]
    assert (estimate.low, estimate.high) == (low, high)
    assert estimate.expected == pytest.approx(1 + sum(above))


@pytest.fixture
def assess(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Score], ScanResult]:
    """Assess a toy scan with a bundle whose quality network is replaced."""

    def assessed_by(score: Score) -> ScanResult:
        monkeypatch.setattr(Bundle, "score", lambda bundle, slices, context, **_: score(bundle, slices, context))
        [source] = discover([toy_scan(tmp_path / "scan.nrrd")])
        return assess_scan(read_scan(source), open_bundle(toy_bundle(tmp_path / "toy")), AssessSettings()).result

    return assessed_by


def telling(_bundle: Bundle, slices: FloatArray, context: IntArray) -> QualityOutputs:
    """All slices are poor but the third, on which all attention lies. Brighter slices are better."""
    logits = np.full((len(context), 4), -1, np.float32)
    logits[2] = (1, 2, 3, 4 * slices[2].mean() / slices.max())
    attention = np.full(len(context), -30, np.float32)
    attention[2] = 0
    return QualityOutputs(floats(*(1 / (1 + np.exp(-logits)))), logits=logits, attention=attention)


def test_the_verdict_follows_attention_and_the_vote_is_shown(assess: Callable[[Score], ScanResult]) -> None:
    result = assess(telling)
    assert (result.verdict, result.votes_diagnostic, result.tie) == ("diagnostic", 1, False)
    assert result.votes_total == len(result.slices)
    assert [scores.weight for scores in result.slices] == pytest.approx([0, 0, 1, *[0] * (len(result.slices) - 3)])
    third = result.slices[2]
    assert result.probability == result.p_quality == pytest.approx(third.p_quality, rel=1e-5)
    assert result.p_sharpness == pytest.approx(third.p_sharpness, rel=1e-5)
    assert all(scan_call(result, scale) for scale in SCALE_NAMES)
    assert "verdict_fits_attributes" not in [finding.check for finding in result.findings]
    assert result.reference is not None
    assert result.reference.p_quality_if_lower is not None
    assert result.reference.p_quality_if_higher is not None


def test_other_levels_of_blood_are_pooled_too(assess: Callable[[Score], ScanResult]) -> None:
    def by_signal(_bundle: Bundle, slices: FloatArray, context: IntArray) -> QualityOutputs:
        logits = np.zeros((len(context), 4), np.float32)
        logits[:, 3] = 10 * slices[context[:, 0]].mean(axis=(1, 2))
        attention = -np.arange(len(context), dtype=np.float32)
        return QualityOutputs(floats(*(1 / (1 + np.exp(-logits)))), logits=logits, attention=attention)

    result = assess(by_signal)
    assert result.reference is not None
    lower, higher = result.reference.p_quality_if_lower, result.reference.p_quality_if_higher
    assert result.probability is not None
    logit = math.log(result.probability / (1 - result.probability))
    assert lower == pytest.approx(1 / (1 + math.exp(-logit / 0.95)), abs=2e-3)
    assert higher == pytest.approx(1 / (1 + math.exp(-logit / 1.05)), abs=2e-3)


def test_scores_are_in_the_record_and_in_the_table(assess: Callable[[Score], ScanResult]) -> None:
    def in_levels(_bundle: Bundle, _slices: FloatArray, context: IntArray) -> QualityOutputs:
        levels = np.broadcast_to(floats(1, 0.75, 0.25, 0), (len(context), 4, 4))
        return QualityOutputs(levels[:, :, 1], levels=levels)

    result = assess(in_levels)
    assert result.scores["quality"].model_dump() == {"expected": 3.0, "low": 2, "high": 4}
    assert result.slices[0].weight is None
    header, row, other = table_text([result, assessed("other")]).splitlines()
    assert header == ",".join((*CSV_COLUMNS, *SCORE_COLUMNS))
    assert row.endswith(",3.0,2,4" * 4)
    assert other.endswith("," * 12)
    assert list(Results([result]).to_frame().columns) == [*CSV_COLUMNS, *SCORE_COLUMNS]


def test_without_scores_the_table_is_as_before() -> None:
    columns, [row] = csv_rows([assessed("scan")])
    assert columns == CSV_COLUMNS
    assert list(row) == list(CSV_COLUMNS)
    assert table_text([assessed("scan")]).splitlines()[0] == ",".join(CSV_COLUMNS)


@pytest.mark.parametrize("heights", [(0.0,), (-2.5, 0.0, 2.5)])
def test_the_network_sees_the_slices_of_the_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heights: tuple[float, ...]
) -> None:
    calls: list[IntArray] = []

    def watched(_bundle: Bundle, _slices: FloatArray, context: IntArray, **_: object) -> QualityOutputs:
        calls.append(context)
        return QualityOutputs(np.full((len(context), 4), 0.7, np.float32))

    monkeypatch.setattr(Bundle, "score", watched)
    [source] = discover([toy_scan(tmp_path / "scan.nrrd")])
    bundle = open_bundle(toy_bundle(tmp_path / "toy"))
    part = bundle.manifest.quality
    seen = part.model_copy(update={"preparation": part.preparation.model_copy(update={"context_mm": heights})})
    bundle.manifest = bundle.manifest.model_copy(update={"quality": seen})
    n = assess_scan(read_scan(source), bundle, AssessSettings()).result.n_slices or 0
    whole, *others = calls
    expected = [np.clip(np.arange(n) + round(mm / 2.5), 0, n - 1) for mm in heights]
    assert whole.tolist() == np.stack(expected, axis=1).tolist()
    assert [len(context) for context in others] == [6, 6]
    assert all(context.tolist() == others[0].tolist() for context in others)
    assert {tuple(row) for row in others[0].tolist()} <= {tuple(row) for row in whole.tolist()}


def test_attributes_are_held_against_a_verdict_by_attention(assess: Callable[[Score], ScanResult]) -> None:
    """Most slices contradict their attributes, and the one that has the attention does not."""

    def score(_bundle: Bundle, _slices: FloatArray, context: IntArray) -> QualityOutputs:
        logits = np.tile(floats(-3, -3, -3, 1), (len(context), 1))
        logits[2] = 3
        attention = np.full(len(context), -30, np.float32)
        attention[2] = 0
        return QualityOutputs(floats(*(1 / (1 + np.exp(-logits)))), logits=logits, attention=attention)

    result = assess(score)
    assert result.verdict == "diagnostic"
    assert "verdict_fits_attributes" not in [finding.check for finding in result.findings]
