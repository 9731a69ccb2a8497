"""The archive Orthanc on the loopback interface, with its DICOMweb plug-in, for as long as a test needs it."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import requests

_PLUGIN: Final = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
#: Seconds that a start may take on a busy machine.
_PATIENCE_S: Final = 60


@dataclass(frozen=True)
class Orthanc:
    """A running archive.

    Attributes:
        url: Root of its own interface.
        dicom_port: Port of its DICOM node, whose AE title is ORTHANC.
    """

    url: str
    dicom_port: int

    @property
    def dicomweb(self) -> str:
        """Return the root of its DICOMweb services."""
        return f"{self.url}/dicom-web"

    def store(self, paths: list[Path]) -> None:
        """Store files by the archive's own interface."""
        for path in paths:
            requests.post(f"{self.url}/instances", data=path.read_bytes(), timeout=_PATIENCE_S).raise_for_status()

    def stable_series(self, count: int) -> None:
        """Wait until so many series are stable."""
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end:
            changes = requests.get(f"{self.url}/changes?limit=1000", timeout=_PATIENCE_S).json()["Changes"]
            if sum(change["ChangeType"] == "StableSeries" for change in changes) >= count:
                return
            time.sleep(0.1)
        raise TimeoutError(f"fewer than {count} stable series")


@contextmanager
def orthanc(folder: Path, **settings: Any) -> Iterator[Orthanc]:
    """Run Orthanc with its files in a folder, and end it afterwards. Skip the test if it is not installed.

    Args:
        folder: Folder for configuration, database and log.
        settings: Further settings of Orthanc's configuration file.
    """
    program = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin")
    if program is None or not _PLUGIN.exists():
        pytest.skip("Orthanc is not installed (Debian packages orthanc and orthanc-dicomweb)")
    http, dicom = _free_ports(2)
    configuration = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "Plugins": [str(_PLUGIN)],
        "HttpPort": http,
        "HttpBindAddresses": ["127.0.0.1"],
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomPort": dicom,
        "StableAge": 1,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        **settings,
    }
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "orthanc.json"
    file.write_text(json.dumps(configuration), encoding="utf-8")
    scheme = "https" if settings.get("SslEnabled") else "http"
    archive = Orthanc(f"{scheme}://127.0.0.1:{http}", dicom)
    with (folder / "log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen([program, file], stdout=log, stderr=log)
        try:
            _wait_for(http, process, folder / "log")
            yield archive
        finally:
            process.kill()  # an orderly end takes three seconds, and nobody needs the database again
            process.wait(_PATIENCE_S)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the archive accepts connections."""
    end = time.monotonic() + _PATIENCE_S
    while process.poll() is None and time.monotonic() < end:
        with socket.socket() as attempt:
            attempt.settimeout(1)
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"Orthanc did not start: {log.read_text(encoding='utf-8')}")


def _free_ports(count: int) -> list[int]:
    """Return ports that no other process listens to."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(open_socket.getsockname()[1]) for open_socket in sockets]
    for open_socket in sockets:
        open_socket.close()
    return ports
