"""The one loop that every strategy trains in; a strategy is a `Recipe`."""

import logging
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Literal

import lightning
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR
from torchmetrics import Metric

from lgeqa.config import Settings
from lgeqa.train.augment import Augmentation, draw_homographies, warp
from lgeqa.train.store import Batch, Store, training_loader, validation_loader


class LoopSettings(Settings):
    """What the loop needs whatever the strategy; the values are those of section 4.3.

    Attributes:
        epochs: at the most.
        batch: slices a step.
        learning_rate: of Adam, at the start of the cosine.
        floor: learning rate at the end of the cosine.
        patience: epochs without a better validation before the run stops.
        keep: whether the run ends with the weights of its best epoch, or of its last.
        slices_per_scan: slices drawn of each scan an epoch; 0 for all.
        seed: of first weights, draws and augmentation.
        augmentation: of the training slices.
        threads: of PyTorch on the CPU; 0 leaves the choice to it.
        precision: as Lightning names it.
    """

    epochs: PositiveInt = 40
    batch: PositiveInt = 128
    learning_rate: PositiveFloat = 1e-3
    floor: NonNegativeFloat = 1e-7
    patience: NonNegativeInt = 7
    keep: Literal["best", "last"] = "best"
    slices_per_scan: NonNegativeInt = 0
    seed: NonNegativeInt = 0
    augmentation: Augmentation = Field(default_factory=Augmentation)
    threads: NonNegativeInt = 0
    precision: Literal["32-true", "bf16-mixed"] = "32-true"


class Recipe(lightning.LightningModule, ABC):
    """A network, what it minimises, and what tells whether it got better.

    Attributes:
        watched: the validation figure that picks the best epoch.
        better: whether a lower (`min`) or higher (`max`) figure is better.
        side: rows and columns of an augmented slice.
        zoom: share of a stored slice's side that an augmented one spans.
    """

    watched: str
    better: Literal["min", "max"]

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
        generator = torch.Generator().manual_seed(hash((self.settings.seed, self.current_epoch, step)) % 2**63)
        homographies = draw_homographies(len(batch["slice"]), self.settings.augmentation, generator, self.zoom)
        # Half a pixel is lost where places are worked out in bf16.
        with torch.autocast(batch["slice"].device.type, enabled=False):
            moved = batch | {
                "slice": warp(batch["slice"], homographies, self.side),
                "mask": warp(batch["mask"], homographies, self.side, mode="nearest"),
            }
        terms = self.losses(moved)
        total = torch.stack(list(terms.values())).sum()
        self.log_dict({f"train/{name}": term for name, term in terms.items()}, on_step=False, on_epoch=True)
        self.log("train/loss", total, on_step=False, on_epoch=True, prog_bar=True)
        return total

    def validation_step(self, batch: Batch, _step: int) -> None:
        """Log the recipe's figures."""
        figures = self.validate(batch)
        self.log_dict(figures, on_epoch=True, prog_bar=True, batch_size=len(batch["slice"]))

    def configure_optimizers(self) -> Any:
        """Adam with a cosine over the epochs, stepped once an epoch."""
        learning = [p for p in self.parameters() if p.requires_grad]
        optimiser = torch.optim.Adam(learning, lr=self.settings.learning_rate)
        schedule = CosineAnnealingLR(optimiser, T_max=self.settings.epochs, eta_min=self.settings.floor)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "epoch"}}


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
        quiet: no progress bar.

    Returns:
        The recipe's network with the weights that the settings say to keep, in evaluation mode.
    """
    settings = recipe.settings
    # What it tells of hardware and of its makers' other products is no news to whoever trains here.
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    checkpoints = run / "checkpoints"
    best = ModelCheckpoint(
        checkpoints, filename="best", monitor=recipe.watched, mode=recipe.better, enable_version_counter=False
    )
    # Without a figure to watch this keeps the latest epoch, which `best` does not.
    latest = ModelCheckpoint(checkpoints, filename="last", enable_version_counter=False)
    stop = EarlyStopping(recipe.watched, mode=recipe.better, patience=settings.patience)
    trainer = lightning.Trainer(
        accelerator="auto",
        devices="auto",
        max_epochs=settings.epochs,
        precision=settings.precision,
        logger=_loggers(run),
        callbacks=[best, latest, stop] + ([] if quiet else [RichProgressBar()]),
        enable_progress_bar=not quiet,
        enable_model_summary=False,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
    )
    last = checkpoints / "last.ckpt"
    loaders = (
        training_loader(training, settings.slices_per_scan, settings.batch, settings.seed),
        validation_loader(validation, settings.batch),
    )
    trainer.fit(recipe, *loaders, ckpt_path=last if last.is_file() else None, weights_only=True)
    kept = last if settings.keep == "last" else Path(best.best_model_path)
    state = torch.load(kept, weights_only=True)["state_dict"]
    recipe.load_state_dict(state)
    network: nn.Module = recipe.network
    return network.eval()
