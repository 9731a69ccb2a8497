"""What the figures of an experiment are drawn from; the drawing itself has tests of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from lgeqa.cohort import Case, LabelRule
from lgeqa.evaluation.embedding import separation
from lgeqa.evaluation.example_selection import pick_slices
from lgeqa.evaluation.figures import Example, Strategy
from lgeqa.experiment import figures
from lgeqa.experiment.figures import NotDrawnError, attention, curves, embeddings
from lgeqa.experiment.plan import Plan
from lgeqa.experiment.settings import ExperimentConfig
from lgeqa.inference.bundle.build import Description, write_bundle
from lgeqa.inference.detection import SliceRule
from lgeqa.preprocessing import DetectorPreparation
from lgeqa.training.networks import QualityNetwork
from lgeqa.training.networks.hirescam import hirescam
from lgeqa.training.onnx_export import export_onnx
from lgeqa.training.slice_store import SliceDataset, Slices, open_store
from tests.inference.bundle.test_bundle import ABOUT
from tests.toy import toy_bundle

CONFIG = ExperimentConfig.of(
    {
        "strategies": ["contrastive", "baseline"],  # of the same layers, so they are traced once
        "quality_from": "features",
        "width": 8,
        "preparation": {"pixels": 64},
        "weights": "random",
    }
)
STAGES: dict[str, Any] = {
    "detector": {"preparation": DetectorPreparation(), "rule": SliceRule()},
    "quality": {"preparation": CONFIG.preparation},
}
#: Slices of a scan: those of the test scans are more than one chunk.
SLICES = 10
#: Whose each scan is. Scans of one patient need not be of one part here.
PATIENTS = "zaaxbcxdd"
TESTED = [1, 2, 4, 5, 7, 8]


@dataclass(frozen=True)
class Study:
    """A finished experiment, of whose scans `TESTED` are tested.

    Attributes:
        networks: of the shown iteration.
        slices: the test slices, (slice, 1, row, column).
        labels: of their quality.
    """

    out: Path
    plan: Plan
    networks: dict[str, QualityNetwork]
    slices: torch.Tensor
    labels: np.ndarray

    def features(self, name: str) -> np.ndarray:
        with torch.inference_mode():
            found: np.ndarray = self.networks[name].encoder(self.slices).numpy()
        return found

    def calls(self, name: str) -> np.ndarray:
        with torch.inference_mode():
            found: np.ndarray = (torch.sigmoid(self.networks[name](self.slices))[:, 3] >= 0.5).numpy()
        return found


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    out = tmp_path_factory.mktemp("study")

    def made() -> Iterator[Slices]:
        rng = np.random.default_rng(0)
        for number in range(len(PATIENTS)):
            slices = rng.random((SLICES, 64, 64), np.float32) * rng.uniform(0, 2, (SLICES, 1, 1)).astype(np.float32)
            good = float(number < 5)  # on all scales but quality the label is the other one
            labels = np.array([1 - good, 1 - good, 1 - good, good], np.float32)
            yield Slices(slices, (slices > 0.5).astype(np.uint8), labels)

    store = open_store(out / "prepared", {}, made)
    tested = SliceDataset(out / "prepared", TESTED)
    slices = tested[list(range(len(tested)))]["slice"]
    toy = toy_bundle(out / "toy")
    networks: dict[str, QualityNetwork] = {}
    for seed, name in enumerate(CONFIG.strategies):
        torch.manual_seed(seed)
        network = QualityNetwork(CONFIG.quality_from, CONFIG.width).eval()
        with torch.inference_mode():  # half of the slices on either side of the threshold
            network.quality_head[2].bias -= network(slices)[:, 3].quantile(0.5)
        other = QualityNetwork(CONFIG.quality_from, CONFIG.width)
        for iteration, trained in enumerate((network, other)):
            run = out / "runs" / f"{name}-{iteration}"
            run.mkdir(parents=True)
            export_onnx(trained, (1, 64, 64), None, run / "network.onnx")
            write_bundle(run / "bundle", toy / "detector.onnx", run / "network.onnx", STAGES, Description.of(ABOUT))
        networks[name] = network
    cases = tuple(Case(f"scan-{n}", patient, Path(f"{n}.nrrd"), None) for n, patient in enumerate(PATIENTS))
    plan = Plan(cases, LabelRule(reader="truth"), ({},), ())
    return Study(out, plan, networks, slices, store.labels[TESTED, 3].repeat(SLICES) >= 0.5)


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test part of the first iteration; all other parts are empty."""
    monkeypatch.setattr(Plan, "numbers", lambda _, i, part: TESTED if (i, part) == (0, "test") else [])


def drawn(monkeypatch: pytest.MonkeyPatch, name: str) -> list[Any]:
    """What a figure is drawn from."""
    given: list[Any] = []

    def draw(what: Sequence[Any]) -> Figure:
        given.extend(what)
        return Figure()

    monkeypatch.setattr(figures, name, draw)
    return given


@pytest.mark.usefixtures("numbers")
@pytest.mark.slow
def test_attention_comes_from_test_slices_of_every_outcome(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    examples: list[Example] = drawn(monkeypatch, "attention_figure")

    _, choice = attention(study.plan, CONFIG, study.out)

    shown = {name: study.calls(name) for name in CONFIG.strategies}
    assert choice == pick_slices(study.labels, shown, 4)
    assert sum(choice.counts.values()) == len(study.labels)
    assert all(0 < sum(calls) < len(study.labels) for calls in shown.values())
    for example, index, group in zip(examples, choice.slices, choice.groups, strict=True):
        assert example.title == f"scan-{TESTED[index // SLICES]}\n{group}"
        np.testing.assert_array_equal(example.pixels, study.slices[index, 0])
        np.testing.assert_array_equal(example.atrium, study.slices[index, 0] > 0.5)
        assert example.label == study.labels[index]
        assert example.predictions == {name: calls[index] for name, calls in shown.items()}
        assert list(example.maps) == list(CONFIG.strategies)
        for name, found in example.maps.items():
            expected = hirescam(study.networks[name], study.slices[index : index + 1])[1][0, 3]
            np.testing.assert_allclose(found, expected.detach(), atol=1e-5)


@pytest.mark.usefixtures("numbers")
def test_attention_of_networks_without_maps_is_not_drawn(study: Study, tmp_path: Path) -> None:
    toy_bundle(tmp_path / "runs" / "contrastive-0" / "bundle")

    with pytest.raises(NotDrawnError, match="no strategy gives attribution maps"):
        attention(study.plan, CONFIG.model_copy(update={"strategies": ("contrastive",)}), tmp_path)


@pytest.mark.usefixtures("numbers")
def test_figures_show_the_middle_that_networks_see(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks that were trained on windows of slices see only their middle."""
    sides: list[int] = []

    def middle(store: SliceDataset, side: int) -> SliceDataset:
        sides.append(side)
        return store

    monkeypatch.setattr(SliceDataset, "middle", middle)
    windows = CONFIG.changed({"loop": {"augmentation": {"window": 0.75}}}, "test")
    drawn(monkeypatch, "attention_figure")

    attention(study.plan, windows, study.out)

    assert sides == [48]


@pytest.mark.usefixtures("numbers")
def test_embeddings_are_of_each_encoder_and_apart_by_patient(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn(monkeypatch, "embedding_figure")
    monkeypatch.setattr(figures, "embed", lambda features, seed: (features, seed))

    _, panels = embeddings(study.plan, CONFIG.model_copy(update={"seed": 5}), study.out)

    patients = [PATIENTS[number] for number in TESTED for _ in range(SLICES)]
    assert [panel.strategy for panel in panels] == ["contrastive", "baseline"]
    for panel in panels:
        features, seed = panel.plane
        assert seed == 5
        np.testing.assert_allclose(features, study.features(panel.strategy), rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(panel.labels, study.labels)
        assert list(panel.patients) == patients
        assert panel.separation == separation(features, study.labels, patients)
        assert panel.separation.reason == ""


@pytest.mark.parametrize("strategy", ["contrastive", "hybrid"])
def test_curves_cover_every_run_and_both_steps_of_a_strategy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, strategy: str
) -> None:
    shown: list[Strategy] = drawn(monkeypatch, "curves_figure")
    monkeypatch.setattr(figures, "read_metrics", lambda run: run.relative_to(tmp_path / "runs"))

    curves(
        Plan((), LabelRule(reader="truth"), ({}, {}), ()),
        ExperimentConfig.of({"strategies": ("multitask", strategy)}),
        tmp_path,
    )

    assert [(one.name, [str(run) for run in one.runs], one.loss, one.watched) for one in shown] == [
        ("multitask", ["multitask-0", "multitask-1"], "train/loss", "validation/mse"),
        (
            f"{strategy}, encoder",
            [f"{strategy}-0/pretraining", f"{strategy}-1/pretraining"],
            "train/loss",
            f"validation/{strategy}",
        ),
        (f"{strategy}, heads", [f"{strategy}-0", f"{strategy}-1"], "train/loss", "validation/mse"),
    ]
