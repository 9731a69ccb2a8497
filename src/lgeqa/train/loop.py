"""The one loop that every strategy trains in; a strategy is a `Recipe`."""

import errno
import logging
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Self

import lightning
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator
from pytorch_optimizer import LARS
from torch import Tensor, nn
from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, LRScheduler, SequentialLR
from torchmetrics import Metric

from lgeqa.config import Settings
from lgeqa.errors import OutputError, TrainingError
from lgeqa.prepare.quality import side_of_middle
from lgeqa.train.augment import Augmentation, crop, draw_homographies, warp
from lgeqa.train.files import CHECKPOINTS
from lgeqa.train.processes import is_main
from lgeqa.train.progress import Shown, Waiting
from lgeqa.train.store import Batch, Store, training_loader, validation_loader


class LoopSettings(Settings):
    """What the loop needs whatever the strategy; the values are those of section 4.3.

    Attributes:
        epochs: at the most.
        batch: slices a step, in each process.
        optimiser: `adam`, or `lars` with a momentum of .9, for large batches.
        learning_rate: at the start of the cosine.
        warmup: epochs in which the learning rate first rises, in equal steps.
        weight_decay: of LARS.
        floor: learning rate at the end of the cosine.
        patience: epochs without a better validation before the run stops; 0 for never.
        keep: whether the run ends with the weights of its best epoch, or of its last.
        slices_per_scan: slices drawn of each scan an epoch; 0 for all.
        seed: of first weights, draws and augmentation.
        augmentation: of the training slices.
        threads: of PyTorch on the CPU; 0 leaves the choice to it.
        workers: processes that fetch batches; 0 for none beside the training one.
        devices: graphics cards, or CPU processes, of each machine; 0 leaves the choice to Lightning.
        nodes: machines that train together, as SLURM or torchrun starts them.
        precision: as Lightning names it.
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

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.warmup >= self.epochs:
            raise ValueError(f"warmup = {self.warmup} leaves nothing of epochs = {self.epochs}")
        if self.weight_decay and self.optimiser != "lars":
            raise ValueError(f'weight_decay = {self.weight_decay} is for optimiser = "lars" only')
        return self


class Recipe(lightning.LightningModule, ABC):
    """A network, what it minimises, and what tells whether it got better.

    Attributes:
        watched: the validation figure that picks the best epoch.
        better: whether a lower (`min`) or higher (`max`) figure is better.
        views: augmented views of each slice in a batch, one after the other.
        side: rows and columns of a whole slice, of which an augmented one may be a window.
        zoom: share of a stored slice's side that an augmented one spans.
    """

    watched: str
    better: Literal["min", "max"]
    views = 1

    def __init__(self, network: nn.Module, settings: LoopSettings, side: int, zoom: float = 1.0) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.settings = settings
        self.side = side
        self.zoom = zoom

    @abstractmethod
    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The terms that are minimised, by name; their sum is the loss."""

    @abstractmethod
    def validate(self, batch: Batch) -> dict[str, Tensor | Metric]:
        """Figures of a validation batch, averaged over slices, or metrics that count on; one is `watched`."""

    def training_step(self, batch: Batch, step: int) -> Tensor:
        """Augment, forward, sum the losses."""
        # One generator a step makes the draw independent of what ran before, so a resumed run draws the same.
        place = (self.settings.seed, self.current_epoch, step, self.global_rank)
        generator = torch.Generator().manual_seed(hash(place) % 2**63)
        # Half a pixel is lost where places are worked out in bf16.
        with torch.autocast(self.device.type, enabled=False):
            views = self.augmented(batch, generator)
        terms = self.losses(views)
        total = torch.stack(list(terms.values())).sum()
        if not total.isfinite():
            values = ", ".join(f"{name} {term.item():g}" for name, term in terms.items())
            raise TrainingError(
                f"the loss is no number any more ({values}) at step {step} of epoch {self.current_epoch + 1}. Lower "
                f"loop.learning_rate (it is {self.settings.learning_rate:g}) and start again, in a new folder."
            )
        told = {f"train/{name}": term for name, term in terms.items()} | {"train/loss": total}
        self.log_dict(told, on_step=False, on_epoch=True, sync_dist=True)
        return total

    def augmented(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the views of a batch, each slice cropped and moved by a draw of its own."""
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
        """Log the recipe's figures."""
        self.log_dict(self.validate(batch), on_epoch=True, batch_size=len(batch["slice"]), sync_dist=True)

    def configure_optimizers(self) -> Any:
        """The optimiser, with warm-up and a cosine over the epochs, stepped once an epoch."""
        learning = [p for p in self.parameters() if p.requires_grad]
        optimiser = _optimiser(learning, self.settings)
        return {
            "optimizer": optimiser,
            "lr_scheduler": {"scheduler": _schedule(optimiser, self.settings), "interval": "epoch"},
        }


def _optimiser(learning: list[nn.Parameter], settings: LoopSettings) -> Optimizer:
    if settings.optimiser == "adam":
        return Adam(learning, lr=settings.learning_rate)
    lars: Optimizer = LARS(learning, lr=settings.learning_rate, weight_decay=settings.weight_decay, momentum=0.9)
    return lars


def _schedule(optimiser: Optimizer, settings: LoopSettings) -> LRScheduler:
    """A cosine from the learning rate to the floor; before it, `warmup` epochs of 1, 2, ... of `warmup` + 1 parts."""
    warmup = settings.warmup
    cosine = CosineAnnealingLR(optimiser, T_max=settings.epochs - warmup, eta_min=settings.floor)
    if not warmup:
        return cosine
    rise = LinearLR(optimiser, start_factor=1 / (warmup + 1), total_iters=warmup)
    return SequentialLR(optimiser, [rise, cosine], milestones=[warmup])


@contextmanager
def first_weights(seed: int) -> Iterator[None]:
    """Networks that are made inside get the random weights of this seed; what comes after draws as if nothing was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def _loggers(run: Path) -> list[Logger]:
    """Logs below `run/logs`, in a folder of their own each time the run is taken up, so that none is lost."""
    table = CSVLogger(run, "logs")
    return [table, TensorBoardLogger(run, "logs", version=table.version)]


def fit(recipe: Recipe, training: Store, validation: Store, run: Path, quiet: bool) -> nn.Module:
    """Train, going on from `run/checkpoints/last.ckpt` where there is one.

    Args:
        recipe: what is trained.
        training: slices to learn from.
        validation: slices that pick the best epoch.
        run: the run's folder; logs and checkpoints are written there.
        quiet: say nothing of the progress.

    Returns:
        The recipe's network with the weights that the settings say to keep, in evaluation mode.

    Raises:
        TrainingError: the loss is no number, or a process that fetches data was lost. The checkpoint of the last
            whole epoch is intact.
        OutputError: the run's folder cannot be written.
    """
    settings = recipe.settings
    # What it tells of hardware and of its makers' other products is no news to whoever trains here.
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    checkpoints = run / CHECKPOINTS
    best = ModelCheckpoint(
        checkpoints, filename="best", monitor=recipe.watched, mode=recipe.better, enable_version_counter=False
    )
    # Without a figure to watch this keeps the latest epoch, which `best` does not.
    latest = ModelCheckpoint(checkpoints, filename="last", enable_version_counter=False)
    callbacks: list[Callback] = [Waiting(), best, latest]
    if settings.patience:
        callbacks.append(EarlyStopping(recipe.watched, mode=recipe.better, patience=settings.patience))
    if not quiet and is_main():
        callbacks.append(Shown(type(recipe).__name__.removesuffix("Recipe")))
    last = checkpoints / "last.ckpt"
    loaders = (
        training_loader(training, settings.slices_per_scan, settings.batch, settings.seed, settings.workers),
        validation_loader(validation, settings.batch),
    )
    with _told(run), warnings.catch_warnings():
        # Lightning warns of its own dependency, and of encoders that are frozen on purpose.
        warnings.filterwarnings("ignore", ".*treespec, LeafSpec.*")
        warnings.filterwarnings("ignore", ".*in eval mode at the start of training.*")
        trainer = lightning.Trainer(
            accelerator="auto",
            devices=settings.devices or "auto",
            num_nodes=settings.nodes,
            max_epochs=settings.epochs,
            precision=settings.precision,
            logger=_loggers(run),
            callbacks=callbacks,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            num_sanity_val_steps=0,
            log_every_n_steps=1,
        )
        trainer.fit(recipe, *loaders, ckpt_path=last if last.is_file() else None, weights_only=True)
    kept = last if settings.keep == "last" else Path(best.best_model_path)
    recipe.load_state_dict(torch.load(kept, weights_only=True)["state_dict"])
    network: nn.Module = recipe.network
    return network.eval()


@contextmanager
def _told(run: Path) -> Iterator[None]:
    """Turn what can go wrong from outside into a clear error."""
    try:
        yield
    except (ConnectionError, RuntimeError) as fault:
        if isinstance(fault, RuntimeError) and "DataLoader worker" not in str(fault):
            raise
        raise TrainingError(
            f"{run}: a process that fetches data was lost ({fault}). The last checkpoint is intact: start again to go "
            "on, with fewer loop.workers if memory was short."
        ) from fault
    except OSError as fault:
        full = "the disk is full" if fault.errno == errno.ENOSPC else fault.strerror or fault
        raise OutputError(
            f"{run}: cannot be written ({full}). Its last checkpoint is intact: make room and start again to go on."
        ) from fault
