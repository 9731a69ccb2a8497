"""What runs the networks: the choice of the user reaches the bundle, here and in other processes."""

from pathlib import Path
from unittest.mock import Mock

import pytest

import lgeqa
from lgeqa.batch import open_pipeline
from lgeqa.errors import UsageError
from lgeqa.inference.pipeline import AssessSettings
from tests.factories.command import lgeqa as command
from tests.toy import toy_scan


def test_a_provider_that_is_missing_ends_the_run_before_any_work(tmp_path: Path) -> None:
    scan = toy_scan(tmp_path / "scan.nrrd")
    done = command("assess", scan, "-o", tmp_path / "out", "--provider", "openvino")
    assert (done.returncode, "Install onnxruntime-openvino in place of onnxruntime" in done.stderr) == (2, True)
    assert not (tmp_path / "out").exists()
    with pytest.raises(UsageError, match="--provider cuda: this ONNX Runtime does not have it"):
        lgeqa.assess_many(scan, provider="cuda")


def test_the_process_that_assesses_opens_the_bundle_with_the_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Mock()
    monkeypatch.setattr("lgeqa.inference.bundle.open_bundle", opened)
    open_pipeline(None, 1, AssessSettings(provider="openvino"))
    opened.assert_called_once_with(None, 1, "openvino")
