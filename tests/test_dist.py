"""The check of the wheel and the source archive, and the container file. `make wheel` builds and tries the wheel."""

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
CONTAINER = (ROOT / "Containerfile").read_text(encoding="utf-8")
SOURCES = ["src/lgeqa/__init__.py"]
WHEEL = ["lgeqa/__init__.py", "lgeqa-0.1.0.dist-info/licenses/LICENSE"]
ARCHIVE = ["lgeqa-0.1.0/src/lgeqa/__init__.py", "lgeqa-0.1.0/LICENSE"]


@pytest.fixture(scope="module")
def problems() -> Any:
    return runpy.run_path(str(ROOT / ".ci/check_dist.py"))["problems"]


def test_whole_archives_pass(problems: Any) -> None:
    assert list(problems(WHEEL, ARCHIVE, SOURCES)) == []


def test_missing_file_and_licence_are_found(problems: Any) -> None:
    assert list(problems([], ["lgeqa-0.1.0/README.md"], SOURCES)) == [
        "wheel: has no src/lgeqa/__init__.py.",
        "source archive: has no src/lgeqa/__init__.py.",
        "wheel: has no licence.",
        "source archive: has no licence.",
    ]


def test_tests_in_an_archive_are_found(problems: Any) -> None:
    assert list(problems([*WHEEL, "tests/toy.py"], [*ARCHIVE, "lgeqa-0.1.0/docs/index.md"], SOURCES)) == [
        "wheel: holds tests/toy.py.",
        "source archive: holds docs/index.md.",
    ]


def test_container_copies_files_that_exist() -> None:
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", CONTAINER, re.MULTILINE)
    copied = [name for line in lines for name in line.split()]

    assert [name for name in copied if not (ROOT / name.replace("${LOCK}", "plain")).exists()] == []
    assert "locks/${LOCK}.txt" in copied


def test_container_installs_by_hash_and_runs_without_privileges() -> None:
    assert "pip install --no-cache-dir --no-deps --require-hashes -r lock.txt" in CONTAINER
    assert re.search(r"^USER [1-9]\d*$", CONTAINER, re.MULTILINE)


def test_container_listens_only_when_asked() -> None:
    instructions = "\n".join(line for line in CONTAINER.splitlines() if not line.startswith("#"))

    assert "0.0.0.0" not in instructions
    assert re.search(r'^CMD \["--help"\]$', instructions, re.MULTILINE)
