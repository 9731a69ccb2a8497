"""Work on a cluster: whatever is lost, each task is answered once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from lgeqa.batch import run_batch
from lgeqa.cluster import OnCluster
from lgeqa.errors import MissingExtraError, ReadError, UsageError
from lgeqa.workers import Limits, WorkerDied
from tests.batch.fakes import asked, attempt, source
from tests.factories.listener import free_port
from tests.factories.processes import children_of

pytest.importorskip("distributed", reason="the extra cluster is not installed")
pytestmark = pytest.mark.slow


def do(folder: Path, task: str) -> str:
    """Answer with the task, or end as its name says."""
    (folder / f"{task}-{os.getpid()}-{time.monotonic_ns()}").touch()
    match task.partition("-")[0]:
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "kills":  # the Dask worker above this process, and then this process
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(60)
        case "hung":
            time.sleep(600)
        case "slow":
            time.sleep(0.3)
        case "bad":
            raise ReadError("bad: is empty.")
        case "trim":
            return os.environ.get("MALLOC_TRIM_THRESHOLD_", "the system's own")
    return task


@contextmanager
def dask(command: str, *arguments: str, daemon: bool = False) -> Iterator[subprocess.Popen[bytes]]:
    """Run a scheduler or a worker as somebody else would start them."""
    environment = os.environ | {"DASK_DISTRIBUTED__WORKER__DAEMON": str(daemon)}
    words = [sys.executable, "-m", f"distributed.cli.dask_{command}", *arguments, "--dashboard-address", "127.0.0.1:0"]
    process = subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def scheduler(port: int) -> tuple[str, ...]:
    return ("scheduler", "--host", "127.0.0.1", "--port", str(port))


def worker(port: int) -> tuple[str, ...]:
    return ("worker", f"tcp://127.0.0.1:{port}", "--nworkers", "2", "--nthreads", "1", "--death-timeout", "120")


def test_answers_come_with_their_tasks(tmp_path: Path) -> None:
    tasks = [f"task-{number}" for number in range(20)]
    answers = dict(OnCluster("local")([*tasks, "trim-1"], partial(do, tmp_path), 2))
    assert answers == {task: task for task in tasks} | {"trim-1": "the system's own"}
    assert len(list(tmp_path.iterdir())) == 21
    assert len({path.name.split("-")[2] for path in tmp_path.iterdir()}) == 2  # one process for each worker


def test_task_that_ends_its_process_costs_nothing_else(tmp_path: Path) -> None:
    tasks = ["a", "killed", "hung", "b"]
    answers = dict(OnCluster("local")(tasks, partial(do, tmp_path), 1, Limits(seconds=40)))
    assert answers == {"a": "a", "b": "b", "killed": WorkerDied(-9), "hung": WorkerDied(None, 40)}


def test_task_that_ends_each_worker_is_set_aside(tmp_path: Path) -> None:
    answers = dict(OnCluster("local")(["kills", "a", "b"], partial(do, tmp_path), 2))
    assert answers == {"kills": WorkerDied(None), "a": "a", "b": "b"}
    assert len(list(tmp_path.glob("kills-*"))) == 4


def test_error_of_the_work_ends_it(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="bad: is empty"):
        list(OnCluster("local")(["bad"], partial(do, tmp_path), 1))


def test_lost_workers_and_scheduler_cost_no_task(tmp_path: Path) -> None:
    port = free_port()
    tasks = [f"slow-{number}" for number in range(40)]
    with dask(*scheduler(port)) as first, dask(*worker(port)) as nanny:
        running = OnCluster(f"tcp://127.0.0.1:{port}")(tasks, partial(do, tmp_path), 1)
        answers = [next(running) for _ in range(5)]
        for lost in children_of(nanny.pid):
            os.kill(lost, signal.SIGKILL)
        answers += [next(running) for _ in range(10)]
        first.kill()  # its workers end as well
        first.wait()
    with dask(*scheduler(port)), dask(*worker(port)):
        answers += list(running)
    assert sorted(answers) == sorted((task, task) for task in tasks)


def test_run_on_a_cluster_is_that_of_this_machine(tmp_path: Path) -> None:
    names = ("good-1", "bad", "killed", "good-2")
    sources = [source(tmp_path, name) for name in names]
    items = {item.scan_id: item for item in run_batch(sources, attempt(tmp_path), 2, cluster=OnCluster("local"))}
    there = (tmp_path / "out" / "results.csv").read_text(encoding="utf-8-sig")
    assert asked(tmp_path) == sorted(names)
    assert "signal 9" in items["killed"].result.message
    (tmp_path / "out" / "results.sqlite").unlink()
    for record in (tmp_path / "out" / "scans").iterdir():
        record.unlink()
    list(run_batch(sources, attempt(tmp_path), 2))
    assert (tmp_path / "out" / "results.csv").read_text(encoding="utf-8-sig") == there


def test_cluster_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"--cluster nowhere: is no cluster\. Give local or slurm, or the address"):
        OnCluster("nowhere")
    monkeypatch.setattr("lgeqa.cluster._PATIENCE", 0.5)
    with pytest.raises(UsageError, match=r"--cluster tcp://127\.0\.0\.1:9: no Dask scheduler answers there"):
        list(OnCluster("tcp://127.0.0.1:9")(["a"], str, 1))


def test_workers_that_may_not_start_processes_are_told_how(tmp_path: Path) -> None:
    port = free_port()
    with (
        dask(*scheduler(port)),
        dask(*worker(port), daemon=True),
        pytest.raises(UsageError, match="DASK_DISTRIBUTED__WORKER__DAEMON=False or with --no-nanny"),
    ):
        list(OnCluster(f"tcp://127.0.0.1:{port}")(["a"], partial(do, tmp_path), 1))


def test_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgeqa.extras.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"--cluster local.*cluster"):
        OnCluster("local")
