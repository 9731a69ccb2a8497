"""Tracking of trainings by MLflow: the settings, the figures of each epoch, and those of the weights that are kept."""

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from lightning.pytorch.loggers import MLFlowLogger

from lgeqa.atomic_io import write_whole
from lgeqa.config import Settings, flat
from lgeqa.errors import ConfigError, TrainingError
from lgeqa.extras import require
from lgeqa.training.run_layout import CONFIG, FIRST_STEP

OFF: Final = "off"
LOCAL: Final = "local"
#: File below a run's folder that `LOCAL` writes to.
STORE: Final = "mlflow.db"
_SQLITE: Final = "sqlite:///"
#: Name of the trainings' experiment in MLflow.
_EXPERIMENT: Final = "lgeqa"
#: File with the identifier of the run in MLflow, so that a resumed training continues it.
_RUN_ID: Final = "mlflow_run.txt"


def check_address(tracking: str) -> str:
    """Return the setting `tracking`, or raise ValueError if it is none of `off`, `local` and an address."""
    if tracking not in (OFF, LOCAL) and "://" not in tracking:
        raise ValueError(
            f'give "{OFF}", "{LOCAL}", or an address of MLflow such as http://server:5000 or sqlite:////data/mlflow.db'
        )
    if urlsplit(tracking).password:
        raise ValueError("leave the password out, which would be stored. Set MLFLOW_TRACKING_PASSWORD instead")
    return tracking


def local_store(folder: Path) -> str:
    """Return the address of the local store of a folder."""
    return f"{_SQLITE}{(folder / STORE).resolve()}"


def check_tracker(config: Settings) -> None:
    """Make sure before a training that it can be tracked if the settings ask for it.

    Raises:
        MissingExtraError: The extra `track` is not installed.
        ConfigError: The address is a folder.
    """
    for name, tracking in flat(config.model_dump()).items():
        if name.endswith(".tracking") and tracking != OFF:
            _require_mlflow()
            if tracking.startswith(_SQLITE) and Path(tracking.removeprefix(_SQLITE)).is_dir():
                raise ConfigError(f"{name} = {tracking}: is a folder. Name a file in it, such as {STORE}.")


def _require_mlflow() -> None:
    """Raise MissingExtraError without MLflow.

    MLflow sends nothing to its makers about its use, and waits a minute, not four, for a server that does not answer.
    """
    require("track", feature="loop.tracking")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "5")


def open_tracker(tracking: str, run: Path) -> MLFlowLogger:
    """Return a logger for the training in a folder, with all its settings logged.

    A resumed training continues its run in MLflow. The first step of a strategy with two steps has a run of its own.

    Args:
        tracking: The setting, not `off`.
        run: Folder of the training.
    """
    whole = run.parent if run.name == FIRST_STEP else run
    noted = run / _RUN_ID
    # The experiment is created without a word.
    logging.getLogger("lightning.pytorch.loggers.mlflow").setLevel(logging.ERROR)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
    tracker = MLFlowLogger(
        _EXPERIMENT,
        run_name=str(run.relative_to(whole.parent)),
        tracking_uri=local_store(whole) if tracking == LOCAL else tracking,
        run_id=noted.read_text(encoding="utf-8").strip() if noted.is_file() else None,
    )
    tracker.log_hyperparams(flat(json.loads((whole / CONFIG).read_text(encoding="utf-8"))))
    run.mkdir(exist_ok=True)
    write_whole(noted, f"{tracker.run_id}\n")
    return tracker


@contextmanager
def clear_tracking_errors(tracking: str) -> Iterator[None]:
    """Turn an error of MLflow into one with a clear message."""
    if tracking == OFF:
        yield
        return
    _require_mlflow()
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        reason = str(error).splitlines()[0]
        raise TrainingError(
            f"loop.tracking = {tracking}: MLflow fails ({reason}). Check that the address is right and answers, and "
            "start again: the last checkpoint is intact."
        ) from error
