"""How many scans are worked on at once."""

import pytest

from lgeqa.inference.pipeline import AssessSettings
from lgeqa.workflows.assessment import AssessmentRequest

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
