"""The quick form of `benchmarks/serve_many.py`: several people, workers and scans at once."""

import importlib
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.slow
def test_people_who_send_at_once_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    serve_many = importlib.import_module("serve_many")

    load = serve_many.run(tmp_path, 4, 24, 0, "--workers", "2")

    assert sorted(load.done) == load.names
    assert set(load.statuses) <= {200, 304}
