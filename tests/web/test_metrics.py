"""Figures for Prometheus, and workers as they show in them and in the health of the server."""

import os
import signal
import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from lgeqa.web import worker
from lgeqa.web.metrics import Metrics
from lgeqa.web.worker import WorkerPool, pool_size
from tests.factories.people import person
from tests.web.serving import owner, scan_bytes, send, serve, settled
from tests.web.test_worker import Faked, all_done


def figures(text: str) -> dict[tuple[str, ...], float]:
    """Return each value by its name and the values of its labels."""
    families = text_string_to_metric_families(text)
    return {
        (sample.name, *(value for name, value in sorted(sample.labels.items()) if name != "le")): sample.value
        for family in families
        for sample in family.samples
        if not sample.name.endswith(("_bucket", "_created"))
    }


def test_metrics_follow_scans_and_requests(tmp_path: Path) -> None:
    app = serve(tmp_path, workers=2)
    with owner(app) as client:
        send(client, [(f"case-{seed}.nrrd", scan_bytes(tmp_path, seed)) for seed in range(2)])
        settled(client, 2)
        client.get("/api/scans/99")
        answer = person(app, "prometheus", "monitor").get("/metrics")

    values = figures(answer.text)
    assert answer.headers["content-type"].startswith("text/plain")
    assert [values["lgeqa_scans", state] for state in ("queued", "working", "done")] == [0, 0, 2]
    assert values["lgeqa_queue_wait_seconds_count",] == 2
    assert values["lgeqa_assess_seconds_count",] == 2
    assert values["lgeqa_worker_restarts_total",] == 0
    assert values["lgeqa_request_seconds_count", "POST", "201"] == 1
    assert values["lgeqa_request_seconds_count", "GET", "404"] == 1
    assert "case" not in answer.text


@pytest.mark.parametrize(("token", "status"), [("", 401), ("wrong", 401)])
def test_metrics_need_a_token(tmp_path: Path, token: str, status: int) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}

    assert TestClient(serve(tmp_path)).get("/metrics", headers=headers).status_code == status


def test_unknown_methods_share_a_label() -> None:
    metrics = Metrics()
    for method in ("BREW", "POUR"):
        metrics.add_request(method, 405, 0.1)

    assert figures(metrics.text().decode())["lgeqa_request_seconds_count", "other", "405"] == 2


def test_killed_process_is_a_restart_and_loses_no_scan(tmp_path: Path) -> None:
    faked = Faked(tmp_path, "slow-1", "slow-2")
    faked.worker.start()
    faked.wait(lambda rows: rows[0].state == "working" and (tmp_path / "asked").exists())
    process = faked.worker._process
    assert process is not None
    assert process.process.pid is not None
    os.kill(process.process.pid, signal.SIGKILL)
    rows = faked.wait(all_done)
    faked.worker.stop()

    values = figures(faked.worker._metrics.text().decode())
    assert [row.end for row in rows] == ["diagnostic", "diagnostic"]
    assert values["lgeqa_worker_restarts_total",] == 1
    assert values["lgeqa_assess_seconds_count",] == 3


def test_pool_works_on_several_scans_at_once_and_puts_them_back(tmp_path: Path) -> None:
    faked = Faked(tmp_path, *(f"slow-{number}" for number in range(30)))
    pool = WorkerPool(faked.another, 2)
    pool.start()
    faked.wait(lambda rows: sum(row.state == "working" for row in rows) == 2)
    was_alive = pool.alive

    pool.stop()

    assert was_alive
    assert not pool.alive
    assert {row.state for row in faked.rows()} <= {"done", "queued"}
    assert {row.takes for row in faked.rows() if row.state == "queued"} == {0}


def test_worker_in_one_step_for_too_long_is_not_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faked = Faked(tmp_path, "slow-1")
    faked.worker.start()
    assert faked.worker.alive

    faked.worker._beat = time.monotonic() - faked.worker._limits.seconds - worker._STUCK_S - 1
    was_alive = faked.worker.alive
    faked.worker.stop()

    assert not was_alive


def test_standstill_of_one_worker_stays_while_another_goes_on(tmp_path: Path) -> None:
    queue = Faked(tmp_path).queue
    queue.stand_still("one", "The disk is full.")
    queue.stand_still("other", "")
    meanwhile = queue.standstill
    queue.stand_still("one", "")

    assert (meanwhile, queue.standstill) == ("The disk is full.", "")


@pytest.mark.parametrize(
    ("cores", "gigabytes", "size"), [(1, 64, 1), (2, 64, 1), (8, 64, 4), (8, 5, 2), (8, 1, 1), (64, 512, 8)]
)
def test_pool_fits_cores_and_memory(monkeypatch: pytest.MonkeyPatch, cores: int, gigabytes: int, size: int) -> None:
    monkeypatch.setattr(worker, "cores", lambda: cores)
    monkeypatch.setattr("lgeqa.threads.memory_bytes", lambda: gigabytes * 10**9)

    assert pool_size() == size
