"""What a tracked training writes to MLflow, read back with MLflow's own client."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lgeqa import extras
from lgeqa.errors import ConfigError, MissingExtraError, TrainingError
from lgeqa.training.quality import STRATEGIES, ContrastiveConfig, Prepared, QualityConfig
from lgeqa.training.run import keep_settings, run_quality
from lgeqa.training.tracking import check_tracker, local_store
from tests.training.killable import LARS, LOOP, store

# Lightning and MLflow warn of their own dependencies, and of loaders without workers.
pytestmark = pytest.mark.filterwarnings("ignore")

TRACKED = LOOP | {"epochs": 2, "tracking": "local"}
NETWORK = {"weights": "random", "width": 8}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore after the test what the tracking sets in the environment."""
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


def train(strategy: str, config: QualityConfig, run: Path) -> None:
    data = store(run.parent / "store", 128)
    keep_settings(config, run)
    STRATEGIES[strategy].train(Prepared(data, data, data), config, run, True)


def tracked(address: str) -> Iterator[Any]:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(address)
    [experiment] = (found for found in client.search_experiments() if found.name == "lgeqa")
    yield from client.search_runs([experiment.experiment_id], order_by=["start_time"])


@pytest.mark.slow
def test_tracked_training_is_read_back(tmp_path: Path) -> None:
    from mlflow.tracking import MlflowClient

    run = tmp_path / "baseline"
    config = QualityConfig.of(NETWORK | {"loop": TRACKED})
    train("baseline", config, run)

    [found] = tracked(local_store(run))
    assert found.info.run_name == "baseline"
    assert found.info.status == "FINISHED"
    assert found.data.params["loop.learning_rate"] == "0.001"
    assert found.data.params["loop.augmentation.flip"] == "True"
    assert found.data.params["preparation.pixels"] == "128"
    history = MlflowClient(local_store(run)).get_metric_history(found.info.run_id, "validation/mse")
    assert len(history) == 2
    assert found.data.metrics["kept/validation/mse"] == min(epoch.value for epoch in history)
    assert found.data.metrics["kept/epoch"] in (1, 2)
    assert not [value for value in [*found.data.params.values(), *found.data.tags.values()] if str(tmp_path) in value]

    # Started again, it goes on in the same run of MLflow.
    train("baseline", config, run)
    assert [again.info.run_id for again in tracked(local_store(run))] == [found.info.run_id]


@pytest.mark.slow
def test_first_step_is_a_run_of_its_own(tmp_path: Path) -> None:
    run = tmp_path / "contrastive"
    config = ContrastiveConfig.of(NETWORK | {"loop": TRACKED, "pretraining": LARS | TRACKED})
    train("contrastive", config, run)

    first, second = tracked(local_store(run))
    assert [first.info.run_name, second.info.run_name] == ["contrastive/pretraining", "contrastive"]
    assert "validation/contrastive" in first.data.metrics
    assert "kept/validation/mse" in second.data.metrics
    assert first.data.params == second.data.params


@pytest.mark.parametrize(
    ("tracking", "message"),
    [
        ("mlflow", r"loop.tracking = 'mlflow': give .off., .local., or an address of MLflow"),
        ("https://ann:secret@server", r"leave the password out, which would be stored\. Set MLFLOW_TRACKING_PASSWORD"),
    ],
)
def test_wrong_address_is_refused(tracking: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        QualityConfig.of({"loop": {"tracking": tracking}})


def test_missing_mlflow_is_reported_before_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(extras.EXTRAS, "track", ("no_such_mlflow",))
    config = ContrastiveConfig.of({"pretraining": {"tracking": "local"}})
    with pytest.raises(MissingExtraError, match=r'loop.tracking needs no_such_mlflow.*"lgeqa\[track\]"'):
        run_quality("contrastive", [tmp_path / "cohort"], config, tmp_path / "run")
    assert list(tmp_path.iterdir()) == []
    check_tracker(QualityConfig())  # without tracking nothing is needed


def test_folder_as_address_is_refused(tmp_path: Path) -> None:
    config = QualityConfig.of({"loop": {"tracking": f"sqlite:///{tmp_path}"}})
    with pytest.raises(ConfigError, match=r"loop.tracking = sqlite:///.*: is a folder\. Name a file in it"):
        run_quality("baseline", [tmp_path / "cohort"], config, tmp_path / "run")


def test_failing_mlflow_leaves_the_checkpoint(tmp_path: Path) -> None:
    config = QualityConfig.of(NETWORK | {"loop": LOOP | {"tracking": "nonsense://server"}})
    with pytest.raises(TrainingError, match=r"loop.tracking = nonsense://server: MLflow fails .*start again"):
        train("baseline", config, tmp_path / "run")
