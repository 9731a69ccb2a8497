"""Plant known bugs in a copy of the package, one at a time, and check that the tests notice each of them.

    python benchmarks/planted_bugs.py [--only WORD ...]

It prints a row for each bug: the file, the test files that ran, and the tests that failed, as they must. Without a bug
they must pass. Exit code 1: a bug was not noticed, its text is not in the file any more, or tests fail without it.
"""

import argparse
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

_ROOT = Path(__file__).parents[1]
_AUGMENT, _ARTEFACTS = "tests/training/test_augment.py", "tests/simulation/test_artefacts_measured.py"


@dataclass(frozen=True)
class Bug:
    """A bug to plant.

    Attributes:
        name: What is wrong.
        file: Path below `src/lgeqa`.
        old: Text that occurs once in the file.
        new: Text that takes its place.
        tests: Test files that must notice it.
    """

    name: str
    file: str
    old: str
    new: str
    tests: str


_BUGS = (
    Bug(
        "detached encoder in multi-task",
        "training/networks/quality.py",
        "self.heads(stages[-1].mean(dim=(2, 3))), self.decoder(stages, *slices.shape[2:])",
        "self.heads(stages[-1].mean(dim=(2, 3))), self.decoder([s.detach() for s in stages], *slices.shape[2:])",
        "tests/training/networks/test_decoder.py",
    ),
    Bug(
        "perspective dropped",
        "training/augmentation.py",
        "return matrices.matmul(tilt)",
        "return matrices",
        _AUGMENT,
    ),
    Bug(
        "perspective tenfold",
        "training/augmentation.py",
        "draw(augmentation.perspective, directions=2)",
        "draw(10 * augmentation.perspective, directions=2)",
        _AUGMENT,
    ),
    Bug(
        "no shift along y",
        "training/augmentation.py",
        "draw(2 * augmentation.shift, directions=2).T",
        "draw(2 * augmentation.shift, directions=2).T * torch.tensor([1.0, 0.0])",
        _AUGMENT,
    ),
    Bug(
        "one-sided scale",
        "training/augmentation.py",
        "draw(augmentation.scale)[0])",
        "draw(augmentation.scale)[0].abs())",
        _AUGMENT,
    ),
    Bug(
        "context channels reversed",
        "preprocessing/detector_input.py",
        "np.rint(np.array(preparation.context_mm) / slice_mm)",
        "np.rint(np.array(preparation.context_mm[::-1]) / slice_mm)",
        "tests/preprocessing/test_detector.py",
    ),
    Bug(
        "corner for the middle of the field, in training",
        "training/slice_store.py",
        "first = (self.slices.shape[-1] - side) // 2",
        "first = 0",
        "tests/training/test_store.py",
    ),
    Bug(
        "middle of the whole field half a pixel off",
        "preprocessing/quality_input.py",
        "middles = [(n - 1) / 2 for n in shape]",
        "middles = [n / 2 for n in shape]",
        "tests/preprocessing/test_quality.py",
    ),
    Bug(
        "mask threshold in validation",
        "training/strategies.py",
        'self._overlap.update(self.network(batch["slice"]) > 0, batch["mask"] > 0)',
        'self._overlap.update(self.network(batch["slice"]) > 0.5, batch["mask"] > 0)',
        "tests/training/test_recipes.py",
    ),
    Bug(
        "neighbours of the largest component",
        "inference/detection.py",
        "label(mask[box], np.ones((3, 3, 3)))",
        "label(mask[box])",
        "tests/inference/detection/test_atrium.py",
    ),
    Bug(
        "sign of the shift along rows, anterior to posterior",
        "simulation/artefacts/motion.py",
        "np.exp(-2j * np.pi * part * frequency[..., 0] * displacement)",
        "np.exp((-2j if frequency is k[0] else 2j) * np.pi * part * frequency[..., 0] * displacement)",
        _ARTEFACTS,
    ),
    Bug(
        "wall contrast without its minimum, which spares what is darker than blood",
        "simulation/artefacts/walls.py",
        "return smooth, np.maximum(smooth - blood, 0)",
        "return smooth, smooth - blood",
        _ARTEFACTS,
    ),
    Bug(
        "noise measured before nulling, against blood of full signal",
        "simulation/acquisition.py",
        "signal *= np.float32(acquisition.blood_level / np.median(signal[phantom.atrium]))",
        "signal *= np.float32(acquisition.blood_level)",
        "tests/simulation/test_acquisition.py",
    ),
    Bug(
        "artefacts out of their physical order: noise before nulling",
        "simulation/artefacts/artefact.py",
        "for artefact in sorted(artefacts, key=_place):",
        "for artefact in sorted(artefacts, key=_place, reverse=True):",
        "tests/simulation/test_artefacts.py",
    ),
    Bug(
        "head without its ReLU",
        "training/networks/quality.py",
        "nn.Linear(128, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1))",
        "nn.Linear(128, HIDDEN), nn.Identity(), nn.Linear(HIDDEN, 1))",
        "tests/training/networks/test_quality.py",
    ),
    Bug(
        "short hash",
        "evaluation/report.py",
        "{of.bundle.sha256[:12]}",
        "{of.bundle.sha256[:4]}",
        "tests/evaluation/test_pages.py",
    ),
)


def main() -> None:
    """Print a row for each bug."""
    parser = argparse.ArgumentParser(description="Plant known bugs and check that tests notice them.")
    parser.add_argument(
        "--only", nargs="+", default=[""], metavar="WORD", help="words in the names of the bugs to plant"
    )
    words = parser.parse_args().only
    bugs = [bug for bug in _BUGS if any(word in bug.name for word in words)]
    if failed := _failed(_ROOT / "src", " ".join(dict.fromkeys(bug.tests for bug in bugs))):
        sys.exit(f"Tests fail without any bug: {failed}")
    print("| bug | file | tests | noticed by |\n|---|---|---|---|")
    missed = 0
    for bug in bugs:
        with TemporaryDirectory() as folder:
            noticed = _failed(_planted(bug, Path(folder)), bug.tests)
        missed += not noticed
        print(f"| {bug.name} | `{bug.file}` | `{bug.tests}` | {noticed or '**nothing**'} |", flush=True)
    sys.exit(bool(missed))


def _planted(bug: Bug, folder: Path) -> Path:
    """Return a copy of the sources with the bug."""
    source = folder / "src"
    shutil.copytree(_ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    path = source / "lgeqa" / bug.file
    text = path.read_text(encoding="utf-8")
    if text.count(bug.old) != 1:
        sys.exit(f"{bug.file}: has {text.count(bug.old)} times {bug.old!r}. Correct the bug {bug.name!r}.")
    path.write_text(text.replace(bug.old, bug.new), encoding="utf-8")
    return source


def _failed(source: Path, tests: str) -> str:
    """Run tests with the package from `source` and return the names of those that failed."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not slow", "-p", "no:cacheprovider", *tests.split()]
    environment = os.environ | {"PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
    ended = subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, text=True, check=False)
    failed = [line.split(" - ")[0].split("::")[-1] for line in ended.stdout.splitlines() if line.startswith("FAILED")]
    if ended.returncode not in (0, 1) or bool(failed) != bool(ended.returncode):
        sys.exit(f"pytest could not run:\n{ended.stdout[-2000:]}{ended.stderr[-2000:]}")
    return ", ".join(failed)


if __name__ == "__main__":
    main()
