"""Progress of a training: epochs done, time left, and time spent waiting for data."""

from time import perf_counter
from typing import Any, ClassVar

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn


class DataTimeMonitor(Callback):
    """A callback that logs `train/waiting`: the share of an epoch spent between steps, mainly fetching data."""

    def __init__(self) -> None:
        self._mark = 0.0
        self._waited = self._worked = 0.0

    def on_train_epoch_start(self, *_: Any) -> None:
        """Reset the counters."""
        self._waited = self._worked = 0.0
        self._mark = perf_counter()

    def on_train_batch_start(self, *_: Any) -> None:
        """Count the time since the previous step as waiting."""
        now = perf_counter()
        self._waited += now - self._mark
        self._mark = now

    def on_train_batch_end(self, *_: Any) -> None:
        """Count the time since the start of the step as work."""
        now = perf_counter()
        self._worked += now - self._mark
        self._mark = now

    def on_train_epoch_end(self, _trainer: Trainer, module: LightningModule) -> None:
        """Log the share of the time spent waiting."""
        module.log("train/waiting", self._waited / (self._waited + self._worked), sync_dist=True)


class ProgressReporter(Callback):
    """A progress bar over the whole run with the time left, or one line per epoch if stderr is not a terminal."""

    _COLUMNS: ClassVar = ("{task.description}", "{task.fields[figures]}")

    def __init__(self, what: str) -> None:
        self._what = what
        self._start = 0.0
        self._first = 0
        description, figures = (TextColumn(text) for text in self._COLUMNS)
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        columns = (description, BarColumn(), TimeRemainingColumn(), figures)
        self._bar = Progress(*columns, console=self._console, transient=True)

    def on_train_start(self, trainer: Trainer, _module: LightningModule) -> None:
        """Show the bar, and the epoch after which a resumed run continues."""
        self._start, self._first = perf_counter(), trainer.current_epoch
        if trainer.current_epoch:
            self._console.print(f"{self._what}: continues after epoch {trainer.current_epoch}")
        steps = int(trainer.num_training_batches)
        self._task = self._bar.add_task(
            self._what, total=steps * (trainer.max_epochs or 1), completed=steps * self._first, figures=""
        )
        if self._console.is_terminal:
            self._bar.start()

    def on_train_batch_end(self, *_: Any) -> None:
        """Advance the bar by one step."""
        self._bar.advance(self._task)

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Show the figures of the epoch."""
        watched = ("train/loss", str(module.watched))
        figures = ", ".join(f"{name} {float(trainer.callback_metrics[name]):.4f}" for name in watched)
        done, epochs = trainer.current_epoch + 1, trainer.max_epochs or 1
        self._bar.update(self._task, description=f"{self._what} {done}/{epochs}", figures=figures)
        if not self._console.is_terminal:
            left = (perf_counter() - self._start) / (done - self._first) * (epochs - done)
            self._console.print(f"{self._what}: epoch {done} of {epochs}, {figures}, {_duration(left)} left")

    def on_fit_end(self, *_: Any) -> None:
        """Remove the bar."""
        self._stop()

    def on_exception(self, *_: Any) -> None:
        """Remove the bar so that the error can be read."""
        self._stop()

    def _stop(self) -> None:
        if self._bar.live.is_started:  # stopping one that was not started prints an empty line
            self._bar.stop()


def _duration(seconds: float) -> str:
    """Format a duration as `1 h 05 min`, `12 min` or `40 s`."""
    minutes = round(seconds / 60)
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
