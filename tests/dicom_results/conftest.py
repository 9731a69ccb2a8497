"""A toy series, its assessment, and its DICOM results, written once."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread

from lgeqa.dicom_results import write_dicom_results
from lgeqa.inference.bundle import Bundle, open_bundle
from lgeqa.inference.pipeline import Assessment, AssessSettings, assess_source
from lgeqa.io import Source, discover
from lgeqa.secret_key import SecretKey
from tests.factories.dicom_series import toy_enhanced, toy_series
from tests.toy import SLOPES, toy_bundle


@dataclass(frozen=True)
class Written:
    """DICOM results of a scan.

    Attributes:
        source: Files of the scan.
        assessment: Assessment of the scan.
        folder: Folder of the results.
    """

    source: Source
    assessment: Assessment
    folder: Path

    def read(self, kind: str) -> Dataset:
        """Return the object of a kind: `sr`, `seg`, `heat_map` or `pdf`."""
        return dcmread(self.folder / f"{kind}.dcm")

    @property
    def images(self) -> list[Dataset]:
        """Return the source images, in the order of their files."""
        return [dcmread(path) for path in self.source.files]


#: Key of de-identified results.
KEY = SecretKey(bytes(range(32)))
Write = Callable[..., Written]


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Return a toy bundle that explains."""
    return open_bundle(toy_bundle(tmp_path_factory.mktemp("bundle"), maps=SLOPES))


@pytest.fixture(scope="session")
def write(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Write:
    """Return a function that writes the DICOM results of a toy series, with the arguments of a factory of series."""

    def assess_and_write(
        settings: AssessSettings | None = None,
        make: Callable[..., object] = toy_series,
        key: SecretKey | None = None,
        **series: Any,
    ) -> Written:
        folder = tmp_path_factory.mktemp("scan")
        make(folder / "series", **series)
        [source] = discover([folder / "series"])
        assessment = assess_source(source, bundle, settings or AssessSettings.of({}))
        write_dicom_results(assessment, source, bundle.manifest.quality.preparation, folder / "results", key)
        return Written(source, assessment, folder / "results")

    return assess_and_write


@pytest.fixture(scope="session")
def written(write: Write) -> Written:
    """Return the DICOM results of a toy series whose files run from superior to inferior."""
    return write(axes="RAI")


@pytest.fixture(scope="session")
def enhanced(write: Write) -> Written:
    """Return the DICOM results of an enhanced file of phase and magnitude images, whose frames run downwards."""
    return write(make=toy_enhanced, axes="RAI")


@pytest.fixture(scope="session")
def deidentified(write: Write) -> Written:
    """Return de-identified DICOM results of the scan of `written`."""
    return write(key=KEY, axes="RAI")


def validate(path: Path) -> list[str]:
    """Return the errors and warnings of dciodvfy on a DICOM file. Skip the test if it is not installed."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed (Debian package dicom3tools)")
    run = subprocess.run(["dciodvfy", "-new", path], capture_output=True, text=True, check=False)
    lines = [line for line in (run.stdout + run.stderr).splitlines() if line.startswith(("Error", "Warning"))]
    assert (run.returncode == 0) == (not any(line.startswith("Error") for line in lines))
    return lines
