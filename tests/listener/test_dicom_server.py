"""The DICOM node, as senders see it."""

import random
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import CTImageStorage, JPEG2000Lossless, MRImageStorage, generate_uid
from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.sop_class import StorageCommitmentPushModelInstance

from lgeqa.errors import UsageError
from lgeqa.listener import dicom_server
from lgeqa.listener.backoff import Backoff
from lgeqa.listener.dicom_server import DicomServer
from lgeqa.listener.intake import Intake
from lgeqa.listener.settings import DicomSettings, RetrySettings
from lgeqa.listener.spool import MEGABYTE, Spool
from lgeqa.listener.storage_commitment import STORAGE_COMMITMENT, StorageCommitment
from tests.factories.listener import (
    SENDER,
    VERIFICATION,
    association,
    changed_copy,
    free_port,
    send,
    send_until_kept,
    small_series,
    wait_until,
)


@dataclass
class Node:
    """A DICOM node that runs in this process."""

    port: int
    spool: Spool
    commitment: StorageCommitment

    @property
    def kept(self) -> list[Path]:
        return sorted((self.spool.path / "series").rglob("*.dcm"))

    @property
    def drafts(self) -> list[Path]:
        return list(self.spool.drafts.iterdir())


Start = Callable[..., Node]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    servers = []

    def started(max_mb: int = 100, max_instance_mb: int = 10, **settings: Any) -> Node:
        port = free_port()
        spool = Spool(tmp_path / "spool", max_mb, max_instance_mb)
        spool.prepare()
        chosen = DicomSettings.of({"port": port, "senders": [{"ae_title": SENDER}], **settings})
        backoff = Backoff(RetrySettings(first_seconds=0.01, longest_seconds=0.01), random.Random(1))
        commitment = StorageCommitment(chosen, spool, backoff)
        server = DicomServer(chosen, commitment, spool.drafts, max_instance_mb * MEGABYTE)
        server.start(Intake(spool, 10.0))
        servers.append(server)
        return Node(port, spool, commitment)

    yield started
    for server in servers:
        server.stop()


def test_echo_is_answered(start: Start) -> None:
    node = start()
    with association(node.port, VERIFICATION) as opened:
        assert opened.send_c_echo().Status == 0


def test_images_are_kept_when_they_are_acknowledged(start: Start, tmp_path: Path) -> None:
    node = start()
    images = small_series(tmp_path / "images")
    assert send(images, node.port) == [0, 0, 0]
    assert sorted(dcmread(path).SOPInstanceUID for path in node.kept) == sorted(
        dcmread(path).SOPInstanceUID for path in images
    )
    assert [dcmread(path).PixelData for path in node.kept]
    assert node.drafts == []


@pytest.mark.parametrize(("calling", "called"), [("OTHER", "LGEQA"), (SENDER, "OTHER")])
def test_unknown_ae_title_is_rejected(
    calling: str, called: str, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    node = start()
    with association(node.port, VERIFICATION, calling=calling, called=called) as opened:
        assert opened.is_rejected
    assert wait_until(lambda: "call LGEQA" in caplog.text, 10)


def test_other_classes_are_refused_at_the_association(start: Start) -> None:
    node = start()
    with association(node.port, MRImageStorage, CTImageStorage) as opened:
        assert [context.abstract_syntax for context in opened.accepted_contexts] == [MRImageStorage]


def test_compressed_images_are_accepted(start: Start) -> None:
    node = start()
    entity = ApplicationEntity(SENDER)
    entity.add_requested_context(MRImageStorage, JPEG2000Lossless)
    opened = entity.associate("127.0.0.1", node.port, ae_title="LGEQA")
    assert len(opened.accepted_contexts) == 1
    opened.release()


def test_other_pixels_get_a_status_and_overwrite_nothing(
    start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    node = start()
    [image] = small_series(tmp_path / "images", n=1)
    other = changed_copy(image, tmp_path / "other", PixelData=bytes(128))
    assert send([image, other, image], node.port) == [0, 0xC001, 0]
    [kept] = node.kept
    assert dcmread(kept).PixelData == dcmread(image).PixelData
    assert "0xC001" in caplog.text
    assert dcmread(image).SOPInstanceUID not in caplog.text


def test_full_spool_refuses_and_takes_what_it_has(start: Start, tmp_path: Path) -> None:
    node = start(max_mb=1)
    big = small_series(tmp_path / "images", size=450)
    assert send([*big, big[0]], node.port) == [0, 0, 0xA700, 0]
    assert len(node.kept) == 2


def test_too_large_instance_is_cut_off(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom_server, "_OVERHEAD_BYTES", 100_000)
    node = start(max_instance_mb=1)
    [large] = small_series(tmp_path / "large", n=1, size=2000)
    assert send([large], node.port) == [None]
    assert node.kept == []
    assert sum(draft.stat().st_size for draft in node.drafts) < 2 * MEGABYTE
    assert send(small_series(tmp_path / "images", 2), node.port) == [0, 0, 0]


def test_aborted_association_keeps_what_was_acknowledged(start: Start, tmp_path: Path) -> None:
    node = start()
    images = small_series(tmp_path / "images")
    with association(node.port, MRImageStorage) as opened:
        assert opened.send_c_store(dcmread(images[0])).Status == 0
        opened.abort()
    assert len(node.kept) == 1
    assert send(images, node.port) == [0, 0, 0]
    assert len(node.kept) == 3


def test_eight_associations_at_once_keep_everything(start: Start, tmp_path: Path) -> None:
    node = start()
    series = [small_series(tmp_path / f"{seed}", seed, n=5) for seed in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda images: send_until_kept(images, node.port), series))
    assert len(node.kept) == 40


def test_more_associations_than_allowed_are_rejected(start: Start) -> None:
    node = start(max_associations=1)
    with association(node.port, VERIFICATION), association(node.port, VERIFICATION) as second:
        assert second.is_rejected


def test_taken_port_is_named(start: Start) -> None:
    node = start()
    with pytest.raises(UsageError, match=f"127.0.0.1:{node.port}: cannot be listened on"):
        start(port=node.port)


@pytest.mark.parametrize("arguments", [["storescu", "+sd"], ["dcmsend", "--scan-directories"]])
def test_images_of_dcmtk_arrive(arguments: list[str], start: Start, tmp_path: Path) -> None:
    if shutil.which(arguments[0]) is None:
        pytest.skip(f"{arguments[0]} is not installed (Debian package dcmtk)")
    node = start()
    small_series(tmp_path / "images")
    program, *options = arguments
    address = ["127.0.0.1", str(node.port), str(tmp_path / "images")]
    command = [program, "-aet", SENDER, "-aec", "LGEQA", *options, *address]
    sent = subprocess.run(command, capture_output=True, text=True, check=False)
    assert sent.returncode == 0, sent.stderr
    assert len(node.kept) == 3


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with certificates of an authority, a server and a client."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed (Debian package openssl)")
    folder = tmp_path_factory.mktemp("certificates")
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    signed = ["-CA", "ca.pem", "-CAkey", "ca.key"]
    for name, options in (("ca", []), ("server", signed), ("client", signed)):
        names = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
        command = [*new, *names, *options, "-keyout", f"{name}.key", "-out", f"{name}.pem"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


def tls_client(folder: Path, *, shows: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=folder / "ca.pem")
    if shows:
        context.load_cert_chain(folder / "client.pem", folder / "client.key")
    return context


@contextmanager
def silent_peer(port: int) -> Iterator[None]:
    """Keep a connection open on which nothing is sent."""
    with socket.create_connection(("127.0.0.1", port)):
        yield


def test_tls_node_serves_nobody_without_tls(start: Start, certificates: Path, tmp_path: Path) -> None:
    node = start(tls={"certificate": certificates / "server.pem", "key": certificates / "server.key"})
    images = small_series(tmp_path / "images")
    context = tls_client(certificates, shows=False)
    with silent_peer(node.port):
        assert send(images, node.port, tls_args=(context, "127.0.0.1")) == [0, 0, 0]
    with association(node.port, VERIFICATION) as plain:
        assert not plain.is_established


def test_tls_node_asks_for_certificates(start: Start, certificates: Path) -> None:
    files = {"certificate": "server.pem", "key": "server.key", "client_ca": "ca.pem"}
    node = start(tls={name: certificates / file for name, file in files.items()})
    for shows in (True, False):
        tls = (tls_client(certificates, shows=shows), "127.0.0.1")
        with association(node.port, VERIFICATION, tls_args=tls) as opened:
            assert opened.is_established is shows


def question(*instances: str) -> Dataset:
    asked = Dataset()
    asked.TransactionUID = generate_uid()
    asked.ReferencedSOPSequence = [Dataset() for _ in instances]
    for item, instance in zip(asked.ReferencedSOPSequence, instances, strict=True):
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = MRImageStorage, instance
    return asked


@contextmanager
def reports_on(port: int) -> Iterator[list[tuple[int | None, Dataset]]]:
    """Run a node that takes reports of storage commitment."""
    reports: list[tuple[int | None, Dataset]] = []

    def take(event: evt.Event) -> tuple[int, None]:
        reports.append((event.event_type, event.event_information))
        return 0, None

    entity = ApplicationEntity(SENDER)
    entity.add_supported_context(STORAGE_COMMITMENT, scu_role=True, scp_role=True)
    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, take)])
    assert server
    try:
        yield reports
    finally:
        server.shutdown()


def ask(node: Node, asked: Dataset) -> int:
    with association(node.port, STORAGE_COMMITMENT) as opened:
        status, _ = opened.send_n_action(asked, 1, STORAGE_COMMITMENT, StorageCommitmentPushModelInstance)
        return int(status.Status)


def test_commitment_is_reported_also_after_a_restart(start: Start, tmp_path: Path) -> None:
    port = free_port()
    node = start(senders=[{"ae_title": SENDER, "commitment_host": "127.0.0.1", "commitment_port": port}])
    images = small_series(tmp_path / "images")
    send(images[:1], node.port)
    there, missing = (dcmread(path).SOPInstanceUID for path in images[:2])
    assert ask(node, question(there)) == 0
    assert ask(node, question(there, missing)) == 0
    node.commitment.report_due()
    again = start(senders=[{"ae_title": SENDER, "commitment_host": "127.0.0.1", "commitment_port": port}])
    with reports_on(port) as reports:
        again.commitment.report_due()
        again.commitment.report_due()
    (all_type, complete), (some_type, partial) = sorted(reports, key=lambda report: report[0] or 0)
    assert (all_type, some_type) == (1, 2)
    assert [item.ReferencedSOPInstanceUID for item in complete.ReferencedSOPSequence] == [there]
    assert [item.ReferencedSOPInstanceUID for item in partial.FailedSOPSequence] == [missing]
    assert partial.FailedSOPSequence[0].FailureReason == 0x0112


def test_node_without_an_address_cannot_ask_for_commitment(start: Start) -> None:
    address = {"ae_title": "PACS", "commitment_host": "127.0.0.1", "commitment_port": free_port()}
    node = start(senders=[{"ae_title": SENDER}, address])
    assert ask(node, question("1.2.3")) == 0x0124


def test_nobody_is_offered_commitment_by_default(start: Start) -> None:
    node = start()
    with association(node.port, STORAGE_COMMITMENT) as opened:
        assert not opened.accepted_contexts
