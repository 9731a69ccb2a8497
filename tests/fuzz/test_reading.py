"""A short run of the fuzz harness, and that it finds what it is for."""

import random
import time
from collections import Counter
from pathlib import Path

import pytest

from lgeqa.io import discover, read_scan
from lgeqa.workers import Limits
from tests.fuzz import reading
from tests.fuzz.reading import Case, damage, faults_of, fuzz, read_damaged, write_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder)
    return folder


def test_the_undamaged_files_are_read(corpus: Path) -> None:
    kinds = [folder for folder in corpus.iterdir() if not folder.name.startswith("zip")]
    assert len(kinds) == 19
    for folder in kinds:
        [source] = discover([folder])
        assert len(read_scan(source).voxels) == 6


def test_a_number_always_damages_alike(corpus: Path) -> None:
    data = (corpus / "volume.nrrd" / "data.nrrd").read_bytes()
    damaged = [damage(data, random.Random(number)) for number in range(50)]
    assert damaged == [damage(data, random.Random(number)) for number in range(50)]
    assert len(set(damaged)) > 45


def test_300_damaged_files_do_no_harm(corpus: Path) -> None:
    counts: Counter[str] = Counter()
    assert list(faults_of(fuzz(range(300), corpus, jobs=1), counts)) == []
    assert counts["read"] + counts["refused"] == 300
    assert counts["refused"] > 100
    assert counts["read"] > 30


def stalls(case: Case) -> None:
    time.sleep(60)


def test_what_must_not_be_is_found(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise KeyError("of ours")

    monkeypatch.setattr(reading, "read_scan", fail)
    outcomes = [(number, read_damaged(Case(number, corpus))) for number in range(5)]
    assert any("KeyError: 'of ours'" in fault for fault in faults_of(outcomes, Counter()))
    monkeypatch.setattr(reading, "PEAK_MB", 1)
    assert all("took" in fault or "KeyError" in fault for fault in faults_of(outcomes, Counter()))


def test_a_stalled_worker_is_found(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "read_damaged", stalls)
    monkeypatch.setattr(reading, "LIMITS", Limits(seconds=0.1))
    [fault] = faults_of(fuzz([0], corpus, jobs=1), Counter())
    assert "hang or dead worker" in fault
