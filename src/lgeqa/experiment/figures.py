"""The figures of an experiment: attribution maps, embeddings of the encoders' features, and training curves."""

from pathlib import Path
from typing import Final

from matplotlib.figure import Figure

from lgeqa.evaluation import figures
from lgeqa.evaluation.embedding import NEIGHBOURS, embed, separation
from lgeqa.evaluation.example_selection import Choice, pick_slices
from lgeqa.evaluation.figures import Example, Panel, attention_figure, curves_figure, embedding_figure
from lgeqa.evaluation.training_log import read_metrics
from lgeqa.experiment.plan import Plan, Run
from lgeqa.experiment.settings import ExperimentConfig
from lgeqa.experiment.trainings import PREPARED, run_folder
from lgeqa.inference.bundle import open_bundle
from lgeqa.scales import SCALE_NAMES
from lgeqa.training.novelty import pooled_features
from lgeqa.training.quality import find_strategy
from lgeqa.training.run_layout import BUNDLE, FIRST_STEP
from lgeqa.training.slice_store import SliceDataset

#: Iteration that the figures show, as in the paper's Fig. 3.
SHOWN: Final = 0
#: Number of slices in Fig. 2.
EXAMPLES: Final = 4
_QUALITY: Final = SCALE_NAMES.index("quality")


class NotDrawnError(Exception):
    """A figure cannot be drawn, for the reason given in the message, which the report shows."""


def attention(plan: Plan, config: ExperimentConfig, out: Path) -> tuple[Figure, Choice]:
    """Draw Fig. 2: HiResCAM of quality by the networks of all strategies on the same test slices.

    A network that gives no attribution maps is left out.

    Raises:
        NotDrawnError: No network gives attribution maps.
    """
    bundles = {name: open_bundle(_bundle(name, out)) for name in config.strategies}
    bundles = {name: bundle for name, bundle in bundles.items() if bundle.explains}
    if not bundles:
        raise NotDrawnError("Not drawn: no strategy gives attribution maps.")
    store = _tested(plan, config, out)
    labels = store.labels[store.owner, _QUALITY] >= 0.5
    outputs = {name: bundle.score(store.slices, store.context) for name, bundle in bundles.items()}
    predicted = {
        name: scored.probabilities[:, _QUALITY] >= bundles[name].manifest.threshold for name, scored in outputs.items()
    }
    choice = pick_slices(labels, predicted, EXAMPLES)
    masks = store[list(choice.slices)]["mask"]
    examples = [
        Example(
            title=f"{plan.cases[plan.numbers(SHOWN, 'test')[store.owner[index]]].scan_id}\n{group}",
            pixels=store.slices[store.rows[index]],
            atrium=masks[row, 0].numpy() > 0,
            label=bool(labels[index]),
            predictions={name: bool(verdicts[index]) for name, verdicts in predicted.items()},
            maps={name: scored.maps[index, _QUALITY] for name, scored in outputs.items() if scored.maps is not None},
        )
        for row, (index, group) in enumerate(zip(choice.slices, choice.groups, strict=True))
    ]
    return attention_figure(examples), choice


def embeddings(plan: Plan, config: ExperimentConfig, out: Path) -> tuple[Figure, list[Panel]]:
    """Draw Fig. 3: the encoders' features of the test slices, embedded by UMAP.

    Raises:
        NotDrawnError: There are too few test slices.
    """
    store = _tested(plan, config, out)
    if len(store) <= NEIGHBOURS:
        raise NotDrawnError(
            f"Not drawn: UMAP needs at least {NEIGHBOURS + 1} test slices, and the first iteration has {len(store)}."
        )
    slices, numbers = store[range(len(store))]["slice"].numpy(), plan.numbers(SHOWN, "test")
    labels = store.labels[store.owner, _QUALITY] >= 0.5
    patients = [plan.cases[numbers[owner]].patient for owner in store.owner]
    panels = []
    for name in config.strategies:
        bundle = _bundle(name, out)
        features = pooled_features(bundle / open_bundle(bundle).manifest.quality.file, slices)
        apart = separation(features, labels, patients)
        panels.append(Panel(name, embed(features, config.seed), labels, patients, apart))
    return embedding_figure(panels), panels


def curves(plan: Plan, config: ExperimentConfig, out: Path) -> Figure:
    """Draw the training curves of every run, with both steps of a two-step strategy apart."""
    strategies = []
    for name in config.strategies:
        folders = [run_folder(out, Run(name, i)) for i in range(len(plan.splits))]
        title: str = name
        if find_strategy(name).pretrains:
            steps = [read_metrics(folder / FIRST_STEP) for folder in folders]
            strategies.append(figures.Strategy(f"{name}, encoder", steps, "train/loss", f"validation/{name}"))
            title = f"{name}, heads"
        runs = [read_metrics(folder) for folder in folders]
        strategies.append(figures.Strategy(title, runs, "train/loss", "validation/mse"))
    return curves_figure(strategies)


def _bundle(strategy: str, out: Path) -> Path:
    """Return the bundle of the iteration that the figures show."""
    return run_folder(out, Run(strategy, SHOWN)) / BUNDLE


def _tested(plan: Plan, config: ExperimentConfig, out: Path) -> SliceDataset:
    """Return the test slices of that iteration as the networks see them."""
    side = config.preparation.middle(config.loop.augmentation.window).pixels
    return SliceDataset(out / PREPARED, plan.numbers(SHOWN, "test")).middle(side)
