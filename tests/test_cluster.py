"""Work on a cluster: whatever is lost, each task is answered once."""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import dask.config
import pytest

import lgeqa
from lgeqa.batch import run_batch
from lgeqa.cluster import OnCluster, _InFolder
from lgeqa.errors import MissingExtraError, ReadError, UsageError
from lgeqa.workers import Limits, WorkerDied
from tests.batch.fakes import asked, attempt, source
from tests.factories.dask_cluster import scheduler, workers
from tests.factories.listener import free_port
from tests.factories.processes import children_of
from tests.factories.slurm import slurm, slurm_cluster

pytest.importorskip("distributed", reason="the extra cluster is not installed")
pytestmark = pytest.mark.slow

#: What a lab would have in jobqueue.yaml, for a cluster of this machine alone.
JOBQUEUE = {
    "jobqueue.slurm.cores": 1,
    "jobqueue.slurm.memory": "1GB",
    "jobqueue.slurm.walltime": "00:10:00",
    "jobqueue.slurm.interface": "lo",
    "jobqueue.slurm.scheduler-options": {"dashboard_address": "127.0.0.1:0"},
    "distributed.deploy.lost-worker-timeout": "1s",
}


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


def test_answers_come_with_their_tasks(tmp_path: Path) -> None:
    tasks = [f"task-{number}" for number in range(20)]
    answers = dict(OnCluster("local")([*tasks, "trim-1"], partial(do, tmp_path), 2))
    assert answers == {task: task for task in tasks} | {"trim-1": "the system's own"}
    assert len(list(tmp_path.iterdir())) == 21
    assert len({path.name.split("-")[2] for path in tmp_path.iterdir()}) == 2  # one process for each worker


def test_task_that_ends_its_process_costs_nothing_else(tmp_path: Path) -> None:
    tasks = ["a", "killed", "hung", "b"]
    answers = dict(OnCluster("local")(tasks, partial(do, tmp_path), 1, Limits(seconds=20)))
    assert answers == {"a": "a", "b": "b", "killed": WorkerDied(-9), "hung": WorkerDied(None, 20)}


def test_task_that_ends_each_worker_is_set_aside(tmp_path: Path) -> None:
    answers = dict(OnCluster("local")(["kills", "a", "b"], partial(do, tmp_path), 2))
    assert answers == {"kills": WorkerDied(None), "a": "a", "b": "b"}
    assert len(list(tmp_path.glob("kills-*"))) == 3


@pytest.fixture(scope="module")
def slurm_variables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with slurm_cluster(tmp_path_factory.mktemp("slurm")) as variables:
        yield variables


@pytest.fixture
def jobqueue(tmp_path: Path) -> Iterator[None]:
    """The settings of a lab; a job that is lost is soon noticed."""
    # Not by this module, which Dask workers import in a thread, where dask-jobqueue cannot be imported.
    pytest.importorskip("dask_jobqueue")
    with dask.config.set(JOBQUEUE | {"jobqueue.slurm.log-directory": str(tmp_path)}):
        yield


@pytest.fixture
def on_slurm(slurm_variables: dict[str, str], jobqueue: None, monkeypatch: pytest.MonkeyPatch) -> OnCluster:
    for name, value in slurm_variables.items():
        monkeypatch.setenv(name, value)
    return OnCluster("slurm")


def test_lost_jobs_of_slurm_are_submitted_again(
    on_slurm: OnCluster, slurm_variables: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "tasks").mkdir()
    tasks = [f"slow-{number}" for number in range(30)]
    running = on_slurm(tasks, partial(do, tmp_path / "tasks"), 2)
    answers = [next(running) for _ in range(5)]
    jobs = slurm(slurm_variables, "squeue", "--noheader", "--format=%A").split()
    slurm(slurm_variables, "scancel", *jobs)
    answers += list(running)
    assert sorted(answers) == sorted((task, task) for task in tasks)
    assert len(jobs) == 2
    assert slurm(slurm_variables, "squeue", "--noheader", "--states=PENDING,RUNNING") == ""


def test_slurm_run_has_the_table_of_this_machine(on_slurm: OnCluster, tmp_path: Path) -> None:
    names = ("good-1", "bad", "killed", "good-2")
    sources = [source(tmp_path, name) for name in names]
    tables = []
    for cluster in (on_slurm, None):
        list(run_batch(sources, attempt(tmp_path), 2, cluster=cluster))
        tables.append((tmp_path / "out" / "results.csv").read_text(encoding="utf-8-sig"))
        shutil.rmtree(tmp_path / "out")
    assert tables[0] == tables[1]
    assert asked(tmp_path) == sorted(names * 2)


@pytest.mark.filterwarnings("ignore:unclosed cluster:ResourceWarning")  # Dask's own, if it refuses its settings
def test_jobs_that_slurm_refuses_are_named(on_slurm: OnCluster) -> None:
    with (
        dask.config.set({"jobqueue.slurm.queue": "nosuch"}),
        pytest.raises(UsageError, match=r"--cluster slurm: .*[Ii]nvalid partition.* that your cluster wants"),
    ):
        list(on_slurm(["a"], str, 1))
    with (
        dask.config.set({"jobqueue.slurm.cores": None}),
        pytest.raises(UsageError, match=r"cores and memory per job you want to use\. Set cores and memory of a job"),
    ):
        list(on_slurm(["a"], str, 1))


def test_missing_slurm_is_named(jobqueue: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match=r"--cluster slurm: sbatch is not installed here\. Run it on a machine"):
        list(OnCluster("slurm")(["a"], str, 1))


def test_error_of_the_work_ends_it(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="bad: is empty"):
        list(OnCluster("local")(["bad"], partial(do, tmp_path), 1))


def test_lost_workers_and_scheduler_cost_no_task(tmp_path: Path) -> None:
    port = free_port()
    tasks = [f"slow-{number}" for number in range(40)]
    with scheduler(port) as first, workers(port) as nanny:
        running = OnCluster(f"tcp://127.0.0.1:{port}")(tasks, partial(do, tmp_path), 1)
        answers = [next(running) for _ in range(5)]
        for lost in children_of(nanny.pid):
            os.kill(lost, signal.SIGKILL)
        answers += [next(running) for _ in range(10)]
        first.kill()  # its workers end as well
        first.wait()
    with scheduler(port), workers(port):
        answers += list(running)
    assert sorted(answers) == sorted((task, task) for task in tasks)


def test_relative_paths_mean_those_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port, elsewhere = free_port(), tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(tmp_path)
    with scheduler(port), workers(port, folder=elsewhere):
        cohort = lgeqa.simulate("cohort", n=2, seed=5, cluster=f"tcp://127.0.0.1:{port}")
    assert list(elsewhere.iterdir()) == []
    lgeqa.simulate("here", n=2, seed=5)
    files = sorted(path.relative_to("here") for path in Path("here").rglob("*") if path.is_file())
    assert [Path("cohort", file).read_bytes() for file in files] == [Path("here", file).read_bytes() for file in files]
    assert len(cohort.cases) == 2


def test_folder_that_a_worker_does_not_see_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    gone = tmp_path / "gone"
    gone.mkdir()
    work = _InFolder(gone, str)
    gone.rmdir()
    with pytest.raises(UsageError, match=r"a worker on \S+ does not see \S+gone \(No such file or directory\)"):
        work("a")


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
        scheduler(port),
        workers(port, daemon=True),
        pytest.raises(UsageError, match="DASK_DISTRIBUTED__WORKER__DAEMON=False or with --no-nanny"),
    ):
        list(OnCluster(f"tcp://127.0.0.1:{port}")(["a"], partial(do, tmp_path), 1))


def test_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgeqa.extras.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"--cluster local.*cluster"):
        OnCluster("local")
