"""The figures of an experiment: where the networks look, how their encoders lay slices out, how they were trained."""

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.figure import Figure
from torch import nn

from lgeqa.attributes import NAMES
from lgeqa.evaluate import figures
from lgeqa.evaluate.choice import Choice, pick_slices
from lgeqa.evaluate.curves import read_metrics
from lgeqa.evaluate.embedding import NEIGHBOURS, embed, separation
from lgeqa.evaluate.figures import Example, Panel, attention_figure, curves_figure, embedding_figure
from lgeqa.experiment.plan import Plan, Run
from lgeqa.experiment.settings import ExperimentConfig, Strategy
from lgeqa.experiment.trainings import PREPARED, run_folder
from lgeqa.networks import MultiTaskNetwork, QualityNetwork, load_weights
from lgeqa.networks.hirescam import hirescam
from lgeqa.train.files import FIRST_STEP, WEIGHTS
from lgeqa.train.quality import STRATEGIES
from lgeqa.train.store import Store

#: The iteration that is shown, as in the paper's Fig. 3.
SHOWN: Final = 0
#: Slices in Fig. 2.
EXAMPLES: Final = 4
_CHUNK: Final = 32
_QUALITY: Final = NAMES.index("quality")


class NotDrawnError(Exception):
    """A figure cannot be drawn; the message says why, for the report."""


def attention(plan: Plan, config: ExperimentConfig, out: Path) -> tuple[Figure, Choice]:
    """Fig. 2: HiResCAM of quality by baseline and multi-task, or what was trained of them, on the same test slices.

    Raises:
        NotDrawnError: none of them was trained.
    """
    networks: dict[str, QualityNetwork] = {
        name: _network(name, config, out) for name in config.strategies if not STRATEGIES[name].pretrains
    }
    if not networks:
        raise NotDrawnError("Not drawn: it shows strategies whose networks are trained in one step, and none was.")
    store = Store(out / PREPARED, plan.numbers(SHOWN, "test"))
    labels = store.labels[store.owner, _QUALITY] >= 0.5
    predicted = {name: _all(network, store)[:, _QUALITY] >= 0 for name, network in networks.items()}
    choice = pick_slices(labels, predicted, EXAMPLES)
    batch = store[list(choice.slices)]
    with torch.inference_mode():
        maps = {name: hirescam(network, batch["slice"])[1][:, _QUALITY].numpy() for name, network in networks.items()}
    examples = [
        Example(
            title=f"{plan.cases[plan.numbers(SHOWN, 'test')[store.owner[index]]].scan_id}\n{group}",
            pixels=batch["slice"][row, 0].numpy(),
            atrium=batch["mask"][row, 0].numpy() > 0,
            label=bool(labels[index]),
            predictions={name: bool(found[index]) for name, found in predicted.items()},
            maps={name: found[row] for name, found in maps.items()},
        )
        for row, (index, group) in enumerate(zip(choice.slices, choice.groups, strict=True))
    ]
    return attention_figure(examples), choice


def embeddings(plan: Plan, config: ExperimentConfig, out: Path) -> tuple[Figure, list[Panel]]:
    """Fig. 3: the encoders' features of the test slices, laid out by UMAP.

    Raises:
        NotDrawnError: there are too few test slices.
    """
    numbers = plan.numbers(SHOWN, "test")
    store = Store(out / PREPARED, numbers)
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
    """Training curves of every run, both steps of a strategy with two apart."""
    shown = []
    for name in config.strategies:
        folders = [run_folder(out, Run(name, i)) for i in range(config.iterations)]
        title: str = name
        if STRATEGIES[name].pretrains:
            steps = [read_metrics(folder / FIRST_STEP) for folder in folders]
            shown.append(figures.Strategy(f"{name}, encoder", steps, "train/loss", f"validation/{name}"))
            title = f"{name}, heads"
        runs = [read_metrics(folder) for folder in folders]
        shown.append(figures.Strategy(title, runs, "train/loss", "validation/mse"))
    return curves_figure(shown)


def _network(strategy: Strategy, config: ExperimentConfig, out: Path) -> QualityNetwork:
    """The network of the iteration that is shown, in evaluation mode."""
    kind = MultiTaskNetwork if strategy == "multitask" else QualityNetwork
    network = kind(config.quality_from, config.width)
    load_weights(network, run_folder(out, Run(strategy, SHOWN)) / WEIGHTS)
    return network.eval()


def _all(network: nn.Module, store: Store) -> npt.NDArray[np.float32]:
    """What a network gives for every slice, (slice, outputs)."""
    places = range(len(store))
    with torch.inference_mode():
        found = [network(store[places[i : i + _CHUNK]]["slice"]) for i in places[::_CHUNK]]
    return torch.cat(found).numpy()
