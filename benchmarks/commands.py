"""Commands of lgeqa that benchmarks disturb, and the files that each of them must leave behind nevertheless."""

import hashlib
import subprocess
from collections.abc import Callable, Iterator, Sequence
from csv import DictReader
from dataclasses import dataclass
from pathlib import Path

from served import LGEQA

#: Number of scans that are assessed and sent, and of scans for training, which include them. Fewer cannot be split.
SCANS, _LEARNT = 6, 14
_TINY = ("loop.slices_per_scan=2", "loop.batch=4", "loop.threads=1")
_TINY_STUDY = (
    *_TINY,
    "width=8",
    "preparation.pixels=64",
    "iterations=1",
    'strategies=["baseline", "contrastive"]',
    "loop.epochs=2",
    "pretraining.epochs=2",
    "pretraining.batch=4",
)


@dataclass(frozen=True)
class Job:
    """A command that is disturbed.

    Attributes:
        name: Name of the command.
        command: Function that returns its arguments for an output folder.
        outcome: Function that returns what the command left in the folder, by name. Two good runs leave the same.
    """

    name: str
    command: Callable[[Path], Sequence[str]]
    outcome: Callable[[Path], dict[str, str]]


def simulate_scans(folder: Path) -> None:
    """Simulate the scans that the commands work on."""
    run("simulate", "-o", str(folder), "--n", str(_LEARNT), "--seed", "3", "--jobs", "2")


def list_jobs(scans: Path) -> Iterator[Job]:
    """Yield assess, simulate, train and experiment, the last two with the least possible work."""
    cohort = str(scans)
    assessed = [str(path) for path in first_scans(scans)]
    yield Job("assess", lambda out: ["assess", *assessed, "-o", str(out), "--jobs", "2", "--quiet"], _verdicts)
    yield Job("simulate", lambda out: ["simulate", "-o", str(out), "--n", "8", "--seed", "5", "--jobs", "2"], _files)
    detector = ["train", "detector", "--config", "quick-detector", "--cohort", cohort, "--quiet", *_sets(_TINY)]
    yield Job("train", lambda out: [*detector, "-o", str(out)], _weights)
    study = ["experiment", "--config", "quick-experiment", "--cohort", cohort, "--quiet", *_sets(_TINY_STUDY)]
    yield Job("experiment", lambda out: [*study, "-o", str(out)], _weights)


def _sets(settings: Sequence[str]) -> list[str]:
    return [part for setting in settings for part in ("--set", setting)]


def first_scans(scans: Path) -> list[Path]:
    """Return the folders of the scans that are assessed and sent."""
    return sorted(image.parent for image in scans.glob("*/data.nrrd"))[:SCANS]


def run(*words: str) -> None:
    """Run lgeqa and raise an error if it fails."""
    subprocess.run([*LGEQA, *words], check=True, stdout=subprocess.DEVNULL)


def fault_said(said: str) -> str:
    """Return the last line of a traceback, empty if the output has none."""
    return f"traceback: {said.strip().splitlines()[-1][:160]}" if "Traceback" in said else ""


def differences(left: dict[str, str], expected: dict[str, str]) -> str:
    """Return how many outcomes differ and some of them, empty for none."""
    names = sorted(name for name in {**left, **expected} if left.get(name) != expected.get(name))
    texts = [f"{name} {left.get(name)}, expected {expected.get(name)}" for name in names[:3]]
    return f"{len(names)} differ: {'; '.join(texts)}" if names else ""


def _verdicts(out: Path) -> dict[str, str]:
    """Return the verdict and probability of each line of the table, and the number of lines."""
    with (out / "results.csv").open(encoding="utf-8-sig", newline="") as lines:
        rows = list(DictReader(lines))
    verdicts = {row["scan_id"]: f"{row['status']} {row['verdict']} {row['p_quality']}" for row in rows}
    records = sorted(path.name for path in (out / "scans").iterdir())
    return verdicts | {"lines": str(len(rows)), "records": " ".join(records)}


def _files(out: Path) -> dict[str, str]:
    """Return the hash of each file that is left, except locks."""
    paths = [path for path in out.rglob("*") if path.is_file() and path.name != ".lock"]
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def _weights(out: Path) -> dict[str, str]:
    """Return the hash of each network that is left, and the names of the pages."""
    networks = {name: value for name, value in _files(out).items() if name.endswith(".safetensors")}
    return networks | {path.name: "there" for path in out.glob("report.*")}
