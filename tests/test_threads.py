"""Cores and memory, also of a container."""

from pathlib import Path

import pytest

from lgeqa import threads
from lgeqa.threads import cores, memory_bytes


@pytest.fixture
def limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(threads, "_CONTAINER", tmp_path)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("400000 100000", 4), ("50000 100000", 1), ("9900000 100000", 8), ("max 100000", 8), ("", 8)],
)
def test_cores_of_a_container_count(limits: Path, limit: str, expected: int) -> None:
    (limits / "cpu.max").write_text(f"{limit}\n", encoding="ascii")

    assert cores() == expected


def test_memory_of_a_container_counts(limits: Path) -> None:
    whole = memory_bytes()
    (limits / "memory.max").write_text("1000000\n", encoding="ascii")
    limited = memory_bytes()
    (limits / "memory.max").write_text("max\n", encoding="ascii")

    assert (limited, memory_bytes()) == (1_000_000, whole)
