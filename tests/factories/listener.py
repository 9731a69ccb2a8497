"""Small series, a sender, a receiver, and a listener in a process of its own."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.uid import UID, generate_uid
from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association

from tests.factories.command import LGEQA
from tests.images import write_dicom_series

#: AE title of the sender.
SENDER: Final = "MR1"
VERIFICATION: Final = UID("1.2.840.10008.1.1")


def small_series(
    folder: Path,
    seed: int = 1,
    n: int = 3,
    size: int = 8,
    **changes: Any,
) -> list[Path]:
    """Write a series of small images, with the same UIDs at every call with this seed.

    Args:
        folder: Folder of the series.
        seed: Seed of UIDs and pixels.
        n: Number of images.
        size: Number of rows and of columns.
        changes: Attributes of all images.
    """
    voxels = np.random.default_rng(seed).integers(0, 100, (n, size, size), dtype=np.int16)
    series = generate_uid(entropy_srcs=["small", str(seed)])

    def complete(image: Dataset, index: int) -> None:
        image.SOPInstanceUID = generate_uid(entropy_srcs=[series, str(index)])
        image.StudyInstanceUID = generate_uid(entropy_srcs=["study"])
        for keyword, value in changes.items():
            setattr(image, keyword, value)

    return write_dicom_series(folder, voxels, series_uid=series, edit=complete)


def changed_copy(path: Path, to: Path, **changes: Any) -> Path:
    """Write a copy of an image with other attributes."""
    image = dcmread(path)
    for keyword, value in changes.items():
        setattr(image, keyword, value)
    to.parent.mkdir(parents=True, exist_ok=True)
    image.save_as(to, enforce_file_format=True)
    return to


def draft_of(path: Path, draft: Path) -> Path:
    """Copy an image to the path of a draft, and return that."""
    draft.write_bytes(path.read_bytes())
    return draft


def free_port() -> int:
    """Return a port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def association(
    port: int,
    *classes: UID,
    calling: str = SENDER,
    called: str = "LGEQA",
    timeout: float = 60,
    **options: Any,
) -> Iterator[Association]:
    """Open an association with a listener, accepted or not, and release it at the end."""
    entity = ApplicationEntity(calling)
    entity.dimse_timeout = timeout
    for sop_class in classes:
        entity.add_requested_context(sop_class)
    opened = entity.associate("127.0.0.1", port, ae_title=called, **options)
    try:
        yield opened
    finally:
        if opened.is_established:
            opened.release()


def send(paths: Sequence[Path], port: int, **options: Any) -> list[int | None]:
    """Send images in one association, and return the status of each. None for one without a response."""
    images = [dcmread(path) for path in paths]
    with association(port, *{image.SOPClassUID for image in images}, **options) as opened:
        assert opened.is_established
        return [opened.send_c_store(image).get("Status") for image in images]


def send_until_kept(paths: Sequence[Path], port: int) -> None:
    """Send images until each of them has been acknowledged, as a scanner does.

    On a busy machine the sender of pynetdicom may miss a response, and a listener may have been killed.
    """
    waiting = list(paths)
    while waiting:
        try:
            statuses = send(waiting, port, timeout=5)
        except (AssertionError, RuntimeError):
            continue
        waiting = [path for path, status in zip(waiting, statuses, strict=True) if status != 0]


@dataclass
class Receiver:
    """A DICOM node that keeps what it gets in memory.

    Attributes:
        port: Port of the node.
        objects: Objects that it took, in order.
        status: Status of its responses.
    """

    port: int
    objects: list[Dataset] = field(default_factory=list)
    status: int = 0x0000

    def uids(self) -> list[str]:
        """Return the SOPInstanceUIDs of what it took."""
        return [str(taken.SOPInstanceUID) for taken in self.objects]

    def store(self, event: evt.Event) -> int:
        """Answer a C-STORE request."""
        if self.status == 0:
            dataset = event.dataset
            dataset.file_meta = event.file_meta
            self.objects.append(dataset)
        return self.status


@contextmanager
def receiving(*classes: str, port: int | None = None) -> Iterator[Receiver]:
    """Run a DICOM node that takes objects of some SOP classes."""
    receiver = Receiver(port or free_port())
    entity = ApplicationEntity("STORE")
    for sop_class in classes:
        entity.add_supported_context(sop_class)
    server = entity.start_server(
        ("127.0.0.1", receiver.port), block=False, evt_handlers=[(evt.EVT_C_STORE, receiver.store)]
    )
    assert server
    try:
        yield receiver
    finally:
        server.shutdown()


def wait_until(is_true: Callable[[], bool], seconds: float = 60) -> bool:
    """Wait until a condition holds, and return whether it did in time."""
    end = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


@dataclass
class ListenerProcess:
    """A listener in a process of its own.

    Attributes:
        settings: TOML file of its settings.
        port: Port of its DICOM node.
        log: File of its log, which grows from start to start.
    """

    settings: Path
    port: int
    log: Path
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process, and wait until it listens."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([LGEQA, "listen", self.settings], stdout=log, stderr=log)
        assert wait_until(self._listens, 120), self.log.read_text(encoding="utf-8")

    @property
    def pid(self) -> int:
        """Number of the process."""
        assert self._process
        return self._process.pid

    def kill(self) -> None:
        """End the process by SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """End the process by SIGTERM, and return its exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        assert self._process
        os.kill(self._process.pid, number)
        code = self._process.wait(60)
        self._process = None
        return code

    def _listens(self) -> bool:
        assert self._process
        assert self._process.poll() is None, self.log.read_text(encoding="utf-8")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def thread_of(run: Callable[[threading.Event], None]) -> Iterator[None]:
    """Run a part of a listener in a thread until the end of the block."""
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
