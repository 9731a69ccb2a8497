"""A SLURM cluster of its own for tests: one node on loopback, in a temporary folder."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.factories.listener import free_port

#: Seconds until the node takes jobs.
_PATIENCE = 60.0
_SETTINGS = """\
ClusterName=lgeqa
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
MpiDefault=none
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmdSpoolDir={folder}/node
StateSaveLocation={folder}/controller
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=4000
PartitionName=all Nodes=ALL Default=YES State=UP
"""


@contextmanager
def slurm_cluster(folder: Path) -> Iterator[dict[str, str]]:
    """Start a cluster whose files lie in `folder`, and yield the variables by which SLURM's commands find it.

    Skip the test if SLURM is not installed or the tests do not run as root, as whom its node runs jobs.
    """
    if not all(shutil.which(name) for name in ("slurmctld", "slurmd", "sbatch")):
        pytest.skip("SLURM is not installed (Debian package slurm-wlm)")
    if os.geteuid() != 0:
        pytest.skip("a SLURM node needs root")
    for name in ("node", "controller"):
        (folder / name).mkdir()
    settings = folder / "slurm.conf"
    names = {"host": socket.gethostname().partition(".")[0], "folder": folder}
    settings.write_text(_SETTINGS.format(controller=free_port(), node=free_port(), **names), encoding="utf-8")
    variables = {"SLURM_CONF": str(settings)}
    with ExitStack() as started:
        for program in ("slurmctld", "slurmd"):
            process = subprocess.Popen(
                [program, "-D"], env=os.environ | variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            started.callback(process.wait)
            started.callback(process.terminate)
        end = time.monotonic() + _PATIENCE
        while "idle" not in slurm(variables, "sinfo", "--noheader", "--format=%T"):
            assert time.monotonic() < end, "the SLURM node did not start"
            time.sleep(0.2)
        yield variables
        slurm(variables, "scancel", "--user=root")


def slurm(variables: dict[str, str], *command: str) -> str:
    """Return what one of SLURM's commands prints."""
    return subprocess.run(
        command, env=os.environ | variables, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False
    ).stdout
