"""The strategies beyond the paper on a small simulated cohort, with 2.5-D slices, from the cohort to the report."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from lgeqa.experiment.plan import Plan, make_plan
from lgeqa.experiment.run import run_experiment
from lgeqa.experiment.settings import ExperimentConfig
from lgeqa.inference.bundle import Manifest
from lgeqa.records import ScanResult
from lgeqa.scales import SCALE_NAMES
from lgeqa.training.networks import MultipleInstanceNetwork, OrdinalNetwork, load_weights
from lgeqa.training.slice_store import SliceDataset
from tests.experiment.quick import SETTINGS
from tests.factories.cohorts import write_phantoms

# Lightning warns of its own dependencies, and of loaders without workers.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

CONFIG = ExperimentConfig.of(
    SETTINGS
    | {
        "strategies": ["soft", "ordinal", "mil"],
        "iterations": 2,
        "splits": "folds",
        "pseudo_bags": 2,
        "preparation": {"pixels": 64, "context_mm": [-2.5, 0.0, 2.5]},
        "loop": SETTINGS["loop"] | {"slices_per_scan": 4},
    }
)


@dataclass(frozen=True)
class World:
    out: Path
    plan: Plan

    def records(self, run: str) -> list[ScanResult]:
        """Records of the test scans of a run, in the order of the plan."""
        read = [
            ScanResult.model_validate_json(path.read_text())
            for path in (self.out / "runs" / run / "tested" / "scans").glob("*.json")
        ]
        order = [case.scan_id for case in self.plan.cases]
        return sorted(read, key=lambda record: order.index(record.scan_id))

    def store(self) -> SliceDataset:
        """Prepared slices of the test scans of the first fold."""
        return SliceDataset(self.out / "prepared", self.plan.numbers(0, "test"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    cohort, out = (tmp_path_factory.mktemp(name) for name in ("cohort", "study"))
    write_phantoms(cohort, n=9)
    run_experiment([cohort], CONFIG, out, quiet=True)
    return World(out, make_plan([cohort], CONFIG))


def test_a_scan_s_probability_is_that_of_the_trained_network(world: World) -> None:
    network = MultipleInstanceNetwork(width=8, channels=3)
    load_weights(network, world.out / "runs" / "mil-0" / "network.safetensors")
    network.eval()
    store = world.store()
    for number, record in enumerate(world.records("mil-0")):
        batch = store[np.flatnonzero(store.owner == number).tolist()]
        with torch.inference_mode():
            logits, attention = network.with_attention(batch["slice"])
        weights = attention.softmax(dim=0)
        expected = torch.sigmoid(weights @ logits)
        found = [getattr(record, f"p_{name}") for name in SCALE_NAMES]
        np.testing.assert_allclose(found, expected, atol=1e-4)
        assert [scores.weight for scores in record.slices] == pytest.approx(weights.tolist(), abs=1e-4)
        assert record.verdict == ("diagnostic" if record.p_quality and record.p_quality >= 0.5 else "non-diagnostic")


def test_a_scan_s_score_is_that_of_the_trained_network(world: World) -> None:
    network = OrdinalNetwork(width=8, channels=3)
    load_weights(network, world.out / "runs" / "ordinal-0" / "network.safetensors")
    network.eval()
    store = world.store()
    for number, record in enumerate(world.records("ordinal-0")):
        batch = store[np.flatnonzero(store.owner == number).tolist()]
        with torch.inference_mode():
            levels = torch.sigmoid(network.level_logits(network(batch["slice"])))
        found = [record.scores[name].expected for name in SCALE_NAMES]
        np.testing.assert_allclose(found, 1 + levels.sum(dim=2).mean(dim=0), atol=1e-3)


def test_bundles_say_what_the_network_sees_and_follows(world: World) -> None:
    for name, source in (("soft", "1908.07086"), ("ordinal", "10.1016"), ("mil", "1802.04712")):
        text = (world.out / "runs" / f"{name}-1" / "bundle" / "bundle.json").read_text()
        manifest = Manifest.model_validate_json(text)
        assert manifest.quality.preparation.context_mm == (-2.5, 0.0, 2.5)
        assert source in manifest.strategy
    assert (
        "share of diagnostic scores of the readers"
        in (world.out / "runs" / "soft-0" / "bundle" / "MODEL_CARD.md").read_text()
    )


def test_the_report_has_the_weighted_kappa_of_each(world: World) -> None:
    rows = json.loads((world.out / "score-agreement.json").read_text())
    assert [row["who"] for row in rows][:3] == ["soft", "ordinal", "mil"]
    assert "reader-2" in [row["who"] for row in rows]
    assert [row["own_kappa"] is None for row in rows][:3] == [True, False, True]
    text = (world.out / "report.md").read_text()
    assert text.index("## All scans together") < text.index("### Scores of quality") < text.index("## Fig. 2")
