"""How many scans are worked on at once, and by how many threads."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from lgeqa.batch import OutputFolder
from lgeqa.cluster import OnCluster
from lgeqa.inference.bundle import open_bundle
from lgeqa.inference.pipeline import AssessSettings
from lgeqa.workflows.assessment import AssessmentRequest, find_scans, run_scans
from tests.toy import toy_scan

GB = 10**9


@pytest.mark.parametrize(
    ("jobs", "memory_gb", "cores", "machine_gb", "expected"),
    [
        (None, None, 16, 64, 16),
        (None, None, 16, 9, 4),
        (None, None, 4, 1, 1),
        (12, None, 4, 8, 12),  # who names a number gets it
        (None, 8, 16, 64, 4),
        (12, 8, 4, 64, 4),
        (3, 8, 16, 4, 3),
        (None, 0, 16, 64, 1),
    ],
)
def test_cores_and_memory_bound_the_processes(
    jobs: int | None,
    memory_gb: float | None,
    cores: int,
    machine_gb: int,
    expected: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lgeqa.workflows.assessment.cores", lambda: cores)
    monkeypatch.setattr("lgeqa.threads.memory_bytes", lambda: machine_gb * GB)
    assert AssessmentRequest([], AssessSettings(), jobs=jobs, memory_gb=memory_gb).n_processes == expected


@pytest.mark.parametrize(("where", "expected"), [(None, 8), ("tcp://10.0.0.1:8786", 1)])
def test_processes_share_the_cores_of_this_machine_only(
    where: str | None, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a cluster the cores of this machine say nothing."""
    attempts: list[Any] = []

    def run_nothing(_: object, attempt: object, *__: object, **___: object) -> Generator[Any]:
        attempts.append(attempt)
        yield from ()

    monkeypatch.setattr("lgeqa.workflows.assessment.cores", lambda: 16)
    monkeypatch.setattr("lgeqa.workflows.assessment.run_batch", run_nothing)
    for name in ("a", "b"):
        toy_scan(tmp_path / f"{name}.nrrd")
    cluster = OnCluster(where) if where else None
    request = AssessmentRequest([tmp_path], AssessSettings(), tmp_path / "out", jobs=2, cluster=cluster)

    run_scans(find_scans(request), request, OutputFolder(tmp_path / "out"), open_bundle())

    [attempt] = attempts
    assert attempt.open_assess.args[1] == expected
