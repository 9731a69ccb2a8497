"""What is loaded when: the command line must answer at once, and assessing must not need PyTorch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.factories.command import LGEQA
from tests.toy import toy_bundle, toy_scan

HEAVY = ("numpy", "scipy", "nibabel", "onnxruntime", "torch", "pydicom", "jinja2", "rich.progress")


def _loaded_by(*arguments: str) -> set[str]:
    """The modules that are loaded when the command ends."""
    code = (
        "import sys\nfrom lgeqa.cli import main\n"
        f"sys.argv = ['lgeqa', *{list(arguments)!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code in (0, None), end.code\n"
        "finally:\n    print('\\n' + ' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "verb",
    [
        (),
        ("agreement",),
        ("archive", "pull"),
        ("assess",),
        ("cohort", "check"),
        ("demo",),
        ("evaluate",),
        ("experiment",),
        ("info",),
        ("measure",),
        ("score-by-measures",),
        ("simulate",),
        ("train", "detector"),
    ],
)
def test_help_loads_nothing_heavy(verb: tuple[str, ...]) -> None:
    assert not _loaded_by(*verb, "--help").intersection(HEAVY)


def test_help_takes_little_processor_time() -> None:
    def seconds() -> float:
        before = os.times()
        subprocess.run([LGEQA, "--help"], capture_output=True, check=True)
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    assert min(seconds() for _ in range(3)) < 0.6  # 0.2 on a quiet machine


def test_import_loads_nothing_heavy() -> None:
    code = "import sys, lgeqa; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()).intersection(HEAVY)


def test_assess_does_not_load_pytorch(tmp_path: Path) -> None:
    scan, bundle = toy_scan(tmp_path / "scan.nrrd"), toy_bundle(tmp_path / "bundle")
    loaded = _loaded_by("assess", str(scan), "-o", str(tmp_path / "out"), "--bundle", str(bundle), "--masks")
    assert "onnxruntime" in loaded
    assert not loaded & {"SimpleITK", "torch", "lightning", "monai", "sklearn", "matplotlib"}
