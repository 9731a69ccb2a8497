"""The command line, in the process of the tests or in a new one."""

import io
import os
import subprocess
import sys
import threading
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import pytest

from lgeqa.cli import main
from lgeqa.workflows import assessment as running

LGEQA = Path(sys.executable).with_name("lgeqa")


def lgeqa(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command in this process, which saves the start of another one, with one worker."""
    words = ["lgeqa", *map(str, arguments)]
    output, errors = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        mock.patch.dict(os.environ),  # some commands set variables
        redirect_stdout(output),
        redirect_stderr(errors),
        chdir(cwd or "."),
    ):
        patch.setattr(sys, "argv", words)
        patch.setattr(running, "cores", lambda: 1)
        patch.setattr(threading, "excepthook", threading.excepthook)  # `main` sets another one
        with pytest.raises(SystemExit) as ended:
            main()
    return subprocess.CompletedProcess(words, int(ended.value.code or 0), output.getvalue(), errors.getvalue())


def lgeqa_apart(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the installed command in a new process."""
    return subprocess.run([LGEQA, *map(str, arguments)], capture_output=True, text=True, check=False, cwd=cwd)
