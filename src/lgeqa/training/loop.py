"""The training loop that all strategies share, each of them a `Recipe`."""

import errno
import logging
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import lightning
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
from pydantic import (
    AfterValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)
from pytorch_optimizer import LARS
from torch import Tensor, nn
from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, LRScheduler, SequentialLR
from torchmetrics import Metric

from lgeqa.config import Settings
from lgeqa.errors import DivergedError, OutputError, TrainingError
from lgeqa.preprocessing.quality_input import side_of_middle
from lgeqa.training.augmentation import Augmentation, crop, draw_homographies, warp
from lgeqa.training.processes import is_main
from lgeqa.training.progress import DataTimeMonitor, ProgressReporter
from lgeqa.training.run_layout import CHECKPOINTS
from lgeqa.training.slice_store import Batch, SliceBatches, SliceDataset, training_loader, validation_loader
from lgeqa.training.tracking import OFF, check_address, clear_tracking_errors, open_tracker

#: Largest number of batches from which the statistics of batch normalisations are estimated after a training.
_STATISTICS = 64
#: Warnings of Lightning about its own dependency, and about what is intended: frozen encoders, slices fetched in the
#: process itself, and the checkpoint of a run that is resumed.
_LIGHTNING_NOISE: Final = (
    ".*treespec, LeafSpec.*",
    ".*in eval mode at the start of training.*",
    ".*does not have many workers.*",
    ".*Checkpoint directory .* exists and is not empty.*",
    ".*`srun` command is available.*",
    ".*``noload`` loader strategy.*",  # of MLflow about SQLAlchemy
)
#: Callback that joins the training in a folder, see `joined`.
_JOINED: ContextVar[tuple[Path, Callback] | None] = ContextVar("joined", default=None)


class LoopSettings(Settings):
    """Settings of the training loop for any strategy, with the values of section 4.3 as defaults.

    Attributes:
        epochs: Maximum number of epochs.
        batch: Number of slices per step in each process.
        optimiser: Optimiser: `adam`, or `lars` with a momentum of 0.9 for large batches.
        learning_rate: Learning rate at the start of the cosine schedule.
        warmup: Number of epochs in which the learning rate first rises in equal steps.
        weight_decay: Weight decay of LARS.
        floor: Learning rate at the end of the cosine schedule.
        patience: Number of epochs without a better validation figure before the run stops. 0 to never stop early.
        keep: Epoch whose weights are kept at the end of the run.
        slices_per_scan: Number of slices drawn from each scan per epoch. 0 for all.
        seed: Random seed of the initial weights, the choice of slices and the augmentation.
        augmentation: Augmentation of the training slices.
        threads: Number of PyTorch threads on the CPU. 0 leaves the choice to PyTorch.
        workers: Number of processes that fetch batches. 0 to fetch them in the training process.
        devices: Number of graphics cards, or CPU processes, per machine. 0 leaves the choice to Lightning.
        nodes: Number of machines that train together, as started by SLURM or torchrun.
        precision: Numerical precision, as named by Lightning.
        tracking: Record of the settings and figures in MLflow. `off`, `local` for `mlflow.db` in the run's folder, or
            an address of MLflow such as `http://server:5000`.
    """

    epochs: PositiveInt = 40
    batch: PositiveInt = 128
    optimiser: Literal["adam", "lars"] = "adam"
    learning_rate: PositiveFloat = 1e-3
    warmup: NonNegativeInt = 0
    weight_decay: NonNegativeFloat = 0.0
    floor: NonNegativeFloat = 1e-7
    patience: NonNegativeInt = 7
    keep: Literal["best", "last"] = "best"
    slices_per_scan: NonNegativeInt = 0
    seed: NonNegativeInt = 0
    augmentation: Augmentation = Field(default_factory=Augmentation)
    threads: NonNegativeInt = 0
    workers: NonNegativeInt = 0
    devices: NonNegativeInt = 0
    nodes: PositiveInt = 1
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    tracking: Annotated[str, AfterValidator(check_address)] = OFF

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.warmup >= self.epochs:
            raise ValueError(f"warmup = {self.warmup} leaves nothing of epochs = {self.epochs}")
        if self.weight_decay and self.optimiser != "lars":
            raise ValueError(f'weight_decay = {self.weight_decay} is for optimiser = "lars" only')
        return self


class Recipe(lightning.LightningModule, ABC):
    """A network, its losses, and the validation figure that selects its best epoch.

    Attributes:
        watched: Name of the validation figure that selects the best epoch.
        better: Whether a lower (`min`) or a higher (`max`) figure is better.
        views: Number of augmented views of each slice in a batch, concatenated view by view.
        keeps_statistics: Whether the statistics of the batch normalisations stay as they were before the training.
        side: Rows and columns of a whole slice, of which an augmented slice may be a window.
        zoom: Share of a stored slice's side that an augmented slice spans.
        whole_scans: Whether a batch holds all slices that are drawn of a scan, and a validation batch one scan.
    """

    watched: str
    better: Literal["min", "max"]
    views = 1
    keeps_statistics = False
    whole_scans = False

    def __init__(self, network: nn.Module, settings: LoopSettings, side: int, zoom: float = 1.0) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.settings = settings
        self.side = side
        self.zoom = zoom

    @abstractmethod
    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the terms of the loss by name, whose sum is minimised."""

    @abstractmethod
    def validate(self, batch: Batch) -> dict[str, Tensor | Metric]:
        """Return figures of a validation batch by name, averaged over its slices, or metrics that accumulate.

        One of them is the figure named in `watched`.
        """

    def training_step(self, batch: Batch, step: int) -> Tensor:
        """Augment a batch, run the network and return the sum of the losses."""
        views = self.drawn_views(batch, self.current_epoch, step, self.global_rank)
        terms = self.losses(views)
        total = torch.stack(list(terms.values())).sum()
        if not total.isfinite():
            values = ", ".join(f"{name} {term.item():g}" for name, term in terms.items())
            raise DivergedError(
                f"the loss is no number any more ({values}) at step {step} of epoch {self.current_epoch + 1}. Lower "
                f"loop.learning_rate (it is {self.settings.learning_rate:g}) and start again, in a new folder."
            )
        figures = {f"train/{name}": term for name, term in terms.items()} | {"train/loss": total}
        self.log_dict(figures, on_step=False, on_epoch=True, sync_dist=True)
        return total

    def drawn_views(self, batch: Batch, epoch: int, step: int, rank: int) -> Batch:
        """Return the views of a batch that the process `rank` draws for a step of an epoch."""
        # A generator per step makes the draws independent of earlier steps, so a resumed run draws the same.
        generator = torch.Generator().manual_seed(hash((self.settings.seed, epoch, step, rank)) % 2**63)
        # Coordinates computed in bf16 are wrong by up to half a pixel.
        with torch.autocast(self.device.type, enabled=False):
            return self.augmented(batch, generator)

    def augmented(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the views of a batch, each slice cropped and moved by its own random draw."""
        views = {name: torch.cat([tensor] * self.views) for name, tensor in batch.items()}
        augmentation = self.settings.augmentation
        side = side_of_middle(self.side, augmentation.window)
        homographies = draw_homographies(len(views["slice"]), augmentation, generator, self.zoom * side / self.side)
        cropped = (
            crop(views["slice"], views["mask"], augmentation, generator) if augmentation.margin else views["slice"]
        )
        return views | {
            "slice": warp(cropped, homographies, side),
            "mask": warp(views["mask"], homographies, side, mode="nearest"),
        }

    def validation_step(self, batch: Batch, _step: int) -> None:
        """Log the validation figures of the recipe."""
        self.log_dict(self.validate(batch), on_epoch=True, batch_size=len(batch["slice"]), sync_dist=True)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return the parameters that learn, in groups that may have a learning rate of their own."""
        return [{"params": [parameter for parameter in self.parameters() if parameter.requires_grad]}]

    def configure_optimizers(self) -> Any:
        """Return the optimiser and its schedule, a warm-up and a cosine stepped once per epoch."""
        optimiser = _optimiser(self.parameter_groups(), self.settings)
        return {
            "optimizer": optimiser,
            "lr_scheduler": {"scheduler": _schedule(optimiser, self.settings), "interval": "epoch"},
        }


def _optimiser(groups: list[dict[str, Any]], settings: LoopSettings) -> Optimizer:
    if settings.optimiser == "adam":
        return Adam(groups, lr=settings.learning_rate)
    lars: Optimizer = LARS(groups, lr=settings.learning_rate, weight_decay=settings.weight_decay, momentum=0.9)
    return lars


def _schedule(optimiser: Optimizer, settings: LoopSettings) -> LRScheduler:
    """Return a cosine schedule from the learning rate to the floor.

    Before it, `warmup` epochs have 1, 2, ... of `warmup` + 1 parts of the learning rate.
    """
    warmup = settings.warmup
    cosine = CosineAnnealingLR(optimiser, T_max=settings.epochs - warmup, eta_min=settings.floor)
    if not warmup:
        return cosine
    rise = LinearLR(optimiser, start_factor=1 / (warmup + 1), total_iters=warmup)
    return SequentialLR(optimiser, [rise, cosine], milestones=[warmup])


@contextmanager
def seeded_init(seed: int) -> Iterator[None]:
    """Seed the random weights of networks created in this context, without effect on later draws."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


@contextmanager
def joined(run: Path, callback: Callback) -> Iterator[None]:
    """Let a callback join the training in the folder `run`, and not that of a first step below it."""
    token = _JOINED.set((run, callback))
    try:
        yield
    finally:
        _JOINED.reset(token)


def _loggers(run: Path) -> list[Logger]:
    """Return loggers that write below `run/logs`, in a new folder each time a run is resumed so that no log is lost."""
    table = CSVLogger(run, "logs")
    return [table, TensorBoardLogger(run, "logs", version=table.version)]


def fit(recipe: Recipe, training: SliceDataset, validation: SliceDataset, run: Path, quiet: bool) -> nn.Module:
    """Train a recipe, resuming from `run/checkpoints/last.ckpt` if it exists.

    Args:
        recipe: Recipe to train.
        training: Slices to train on.
        validation: Slices that select the best epoch.
        run: Folder of the run, for logs and checkpoints.
        quiet: Whether to hide the progress.

    Returns:
        The recipe's network with the weights that the settings say to keep, in evaluation mode.

    Raises:
        TrainingError: The loss is not a finite number, a process that fetches data was lost, or MLflow fails. The
            checkpoint of the last complete epoch is intact.
        MissingExtraError: The training is tracked, and MLflow is not installed.
        OutputError: The run's folder cannot be written.
    """
    settings = recipe.settings
    # Lightning's messages about hardware and its makers' other products do not help here.
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    checkpoints = run / CHECKPOINTS
    best = ModelCheckpoint(
        checkpoints, filename="best", monitor=recipe.watched, mode=recipe.better, enable_version_counter=False
    )
    # Without a figure to monitor it keeps the latest epoch, unlike `best`.
    latest = ModelCheckpoint(checkpoints, filename="last", enable_version_counter=False)
    callbacks: list[Callback] = [DataTimeMonitor(), best, latest]
    if settings.patience:
        callbacks.append(EarlyStopping(recipe.watched, mode=recipe.better, patience=settings.patience))
    if not quiet and is_main():
        callbacks.append(ProgressReporter(type(recipe).__name__.removesuffix("Recipe")))
    if (joined_callback := _JOINED.get()) and joined_callback[0] == run:
        callbacks.append(joined_callback[1])
    last = checkpoints / "last.ckpt"
    whole = recipe.whole_scans
    loaders = (
        training_loader(training, settings.slices_per_scan, settings.batch, settings.seed, settings.workers, whole),
        validation_loader(validation, settings.batch, whole),
    )
    with (
        _clear_errors(run),
        clear_tracking_errors(settings.tracking),
        _threads(settings.threads),
        warnings.catch_warnings(),
    ):
        for message in _LIGHTNING_NOISE:
            warnings.filterwarnings("ignore", message)
        tracker = open_tracker(settings.tracking, run) if settings.tracking != OFF and is_main() else None
        trainer = lightning.Trainer(
            accelerator="auto",
            devices=settings.devices or "auto",
            num_nodes=settings.nodes,
            max_epochs=settings.epochs,
            precision=settings.precision,
            logger=[*_loggers(run), *([tracker] if tracker else [])],
            callbacks=callbacks,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            num_sanity_val_steps=0,
            log_every_n_steps=1,
        )
        trainer.fit(recipe, *loaders, ckpt_path=last if last.is_file() else None, weights_only=True)
        checkpoint = last if settings.keep == "last" else Path(best.best_model_path)
        kept = torch.load(checkpoint, weights_only=True)
        recipe.load_state_dict(kept["state_dict"])
        figure = best.best_model_score if settings.keep == "best" else trainer.callback_metrics.get(recipe.watched)
        if tracker and figure is not None:
            tracker.log_metrics({"kept/epoch": kept["epoch"] + 1, f"kept/{recipe.watched}": float(figure)})
        _estimate_statistics(recipe, training)
    network: nn.Module = recipe.network
    return network.eval()


@torch.no_grad()
def _estimate_statistics(recipe: Recipe, training: SliceDataset) -> None:
    """Estimate the statistics of the batch normalisations again, as means over training batches.

    During the training they follow the weights with a delay of some ten steps. After a short training they belong to
    weights of long ago, and the network in evaluation mode may say the same of every slice. Izmailov et al. (arXiv
    1803.05407) do the same for averaged weights. Processes that train together use the same batches.
    """
    norms = [module for module in recipe.network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    if recipe.keeps_statistics or not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # an even mean over all batches
    recipe.network.train()
    settings = recipe.settings
    drawn = SliceBatches(training.owner, settings.slices_per_scan, settings.batch, settings.seed).draw()
    for step, start in enumerate(range(0, len(drawn), settings.batch)[:_STATISTICS]):
        batch = training[drawn[start : start + settings.batch].tolist()]
        on_device = {name: tensor.to(recipe.device) for name, tensor in batch.items()}
        recipe.losses(recipe.drawn_views(on_device, settings.epochs, step, 0))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


@contextmanager
def _threads(n: int) -> Iterator[None]:
    """Let PyTorch use `n` threads, or its own choice for 0, and as many as before after the training."""
    before = torch.get_num_threads()
    torch.set_num_threads(n or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _clear_errors(run: Path) -> Iterator[None]:
    """Turn a lost process or a failed write into an error with a clear message."""
    try:
        yield
    except (ConnectionError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "DataLoader worker" not in str(error):
            raise
        raise TrainingError(
            f"{run}: a process that fetches data was lost ({error}). The last checkpoint is intact: start again to go "
            "on, with fewer loop.workers if memory was short."
        ) from error
    except OSError as error:
        reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or error
        raise OutputError(
            f"{run}: cannot be written ({reason}). Its last checkpoint is intact: make room and start again to "
            "continue."
        ) from error
