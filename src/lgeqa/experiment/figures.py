"""The figures of an experiment: attribution maps, embeddings of the encoders' features, and training curves."""

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.figure import Figure
from torch import nn

from lgeqa.evaluation import figures
from lgeqa.evaluation.embedding import NEIGHBOURS, embed, separation
from lgeqa.evaluation.example_selection import Choice, pick_slices
from lgeqa.evaluation.figures import Example, Panel, attention_figure, curves_figure, embedding_figure
from lgeqa.evaluation.training_log import read_metrics
from lgeqa.experiment.plan import Plan, Run
from lgeqa.experiment.settings import ExperimentConfig
from lgeqa.experiment.trainings import PREPARED, run_folder
from lgeqa.scales import SCALE_NAMES
from lgeqa.strategies import StrategyName
from lgeqa.training.networks import QualityNetwork, load_weights
from lgeqa.training.networks.hirescam import hirescam
from lgeqa.training.quality import STRATEGIES
from lgeqa.training.run_layout import FIRST_STEP, WEIGHTS
from lgeqa.training.slice_store import SliceDataset

#: Iteration that the figures show, as in the paper's Fig. 3.
SHOWN: Final = 0
#: Number of slices in Fig. 2.
EXAMPLES: Final = 4
_CHUNK: Final = 32
_QUALITY: Final = SCALE_NAMES.index("quality")


class NotDrawnError(Exception):
    """A figure cannot be drawn, for the reason given in the message, which the report shows."""


def attention(plan: Plan, config: ExperimentConfig, out: Path) -> tuple[Figure, Choice]:
    """Draw Fig. 2: HiResCAM of quality by the baseline and the multi-task network on the same test slices.

    A network that was not trained is left out.

    Raises:
        NotDrawnError: Neither of them was trained.
    """
    networks: dict[str, QualityNetwork] = {
        name: _network(name, config, out) for name in config.strategies if not STRATEGIES[name].pretrains
    }
    if not networks:
        raise NotDrawnError("Not drawn: it shows strategies whose networks are trained in one step, and none was.")
    store = SliceDataset(out / PREPARED, plan.numbers(SHOWN, "test"))
    labels = store.labels[store.owner, _QUALITY] >= 0.5
    predicted = {name: _all(network, store)[:, _QUALITY] >= 0 for name, network in networks.items()}
    choice = pick_slices(labels, predicted, EXAMPLES)
    batch = store[list(choice.slices)]
    with torch.inference_mode():
        maps = {name: hirescam(network, batch["slice"])[1][:, _QUALITY].numpy() for name, network in networks.items()}
    examples = [
        Example(
            title=f"{plan.cases[plan.numbers(SHOWN, 'test')[store.owner[index]]].scan_id}\n{group}",
            pixels=store.slices[store.rows[index]],
            atrium=batch["mask"][row, 0].numpy() > 0,
            label=bool(labels[index]),
            predictions={name: bool(verdicts[index]) for name, verdicts in predicted.items()},
            maps={name: slice_maps[row] for name, slice_maps in maps.items()},
        )
        for row, (index, group) in enumerate(zip(choice.slices, choice.groups, strict=True))
    ]
    return attention_figure(examples), choice


def embeddings(plan: Plan, config: ExperimentConfig, out: Path) -> tuple[Figure, list[Panel]]:
    """Draw Fig. 3: the encoders' features of the test slices, embedded by UMAP.

    Raises:
        NotDrawnError: There are too few test slices.
    """
    numbers = plan.numbers(SHOWN, "test")
    store = SliceDataset(out / PREPARED, numbers)
    if len(store) <= NEIGHBOURS:
        raise NotDrawnError(
            f"Not drawn: UMAP needs at least {NEIGHBOURS + 1} test slices, and the first iteration has {len(store)}."
        )
    labels = store.labels[store.owner, _QUALITY] >= 0.5
    patients = [plan.cases[numbers[owner]].patient for owner in store.owner]
    panels = []
    for name in config.strategies:
        features = _all(_network(name, config, out).encoder, store)
        panels.append(Panel(name, embed(features, config.seed), labels, separation(features, labels, patients)))
    return embedding_figure(panels), panels


def curves(config: ExperimentConfig, out: Path) -> Figure:
    """Draw the training curves of every run, with both steps of a two-step strategy apart."""
    strategies = []
    for name in config.strategies:
        folders = [run_folder(out, Run(name, i)) for i in range(config.iterations)]
        title: str = name
        if STRATEGIES[name].pretrains:
            steps = [read_metrics(folder / FIRST_STEP) for folder in folders]
            strategies.append(figures.Strategy(f"{name}, encoder", steps, "train/loss", f"validation/{name}"))
            title = f"{name}, heads"
        runs = [read_metrics(folder) for folder in folders]
        strategies.append(figures.Strategy(title, runs, "train/loss", "validation/mse"))
    return curves_figure(strategies)


def _network(strategy: StrategyName, config: ExperimentConfig, out: Path) -> QualityNetwork:
    """Load the network of the iteration that the figures show, in evaluation mode."""
    network = STRATEGIES[strategy].network(config.quality_from, config.width, len(config.preparation.context_mm))
    load_weights(network, run_folder(out, Run(strategy, SHOWN)) / WEIGHTS)
    return network.eval()


def _all(network: nn.Module, store: SliceDataset) -> npt.NDArray[np.float32]:
    """Return the outputs of a network for every slice, (slice, outputs)."""
    places = range(len(store))
    with torch.inference_mode():
        outputs = [network(store[places[i : i + _CHUNK]]["slice"]) for i in places[::_CHUNK]]
    return torch.cat(outputs).numpy()
