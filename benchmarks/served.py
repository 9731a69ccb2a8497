"""A server that benchmarks start on loopback, in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: The command line, in the Python that runs the benchmark.
LGEQA = (sys.executable, "-c", "from lgeqa.cli import main; main()")
#: Token of the owner.
TOKEN = "0wner-of-the-server-of-benchmarks"


@contextmanager
def served(home: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Serve a folder; gives the process, which the caller ends, and its address, empty where it did not start."""
    command = [*LGEQA, "serve", "--home", str(home), "--port", "0", *options]
    environment = os.environ | {"LGEQA_TOKEN": TOKEN}
    with subprocess.Popen(
        command, text=True, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        said = process.stdout.readline().split()
        yield process, said[1].split("/?")[0].rstrip("/") if len(said) > 1 else ""
