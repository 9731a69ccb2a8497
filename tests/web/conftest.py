from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read files in this process, which saves the start of another one; `test_reading` does not."""

    def here(work: Callable[[], Any], _: object) -> Any:
        return work()

    monkeypatch.setattr("lgeqa.web.isolated_reading.apart", here)
