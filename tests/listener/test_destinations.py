"""Destinations: a DICOM node, the web application, a URL and a command."""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from pydicom import dcmread
from pydicom.uid import ComprehensiveSRStorage, MRImageStorage

from lgeqa.errors import ConfigError
from lgeqa.listener.connections import open_destination
from lgeqa.listener.destination import Delivery
from lgeqa.listener.errors import DeliveryError
from lgeqa.listener.settings import ListenSettings
from lgeqa.listener.spool import SeriesResult, SeriesVersion
from tests.factories.dicom_series import toy_series
from tests.factories.listener import changed_copy, free_port, receiving, small_series, wait_until


def destination(**settings: Any) -> Any:
    chosen = ListenSettings.of(
        {
            "spool": {"folder": "spool"},
            "dicom": {"senders": [{"ae_title": "MR1"}]},
            "destinations": [{"name": "there"} | settings],
        }
    )
    return open_destination(chosen.destinations[0])


@pytest.fixture
def delivery(tmp_path: Path) -> Delivery:
    """Return a result with two small DICOM objects."""
    folder = tmp_path / "results"
    [image] = small_series(tmp_path / "images", n=1)
    for name, sop_class in (("seg", MRImageStorage), ("sr", ComprehensiveSRStorage)):
        changed_copy(
            image, folder / "dicom" / "scan" / f"{name}.dcm", SOPClassUID=sop_class, SOPInstanceUID=f"1.2.{len(name)}"
        )
    (folder / "scans").mkdir()
    (folder / "scans" / "scan.json").write_text('{"scan_id": "scan", "decision": "accept"}')
    version = SeriesVersion(key="0123456789abcdef", number=1, images=("a",), expected=3)
    result = SeriesResult(version=version, outcome="assessed", reason="test", finished_at="now", scans=("scan",))
    return Delivery(result, folder, (image,))


def test_node_gets_all_objects_with_the_report_last(delivery: Delivery) -> None:
    with receiving(MRImageStorage, ComprehensiveSRStorage) as receiver:
        node = destination(kind="dicom", host="127.0.0.1", port=receiver.port, ae_title="STORE")
        assert node.deliver(delivery) == "2 DICOM objects"
        assert [taken.file_meta.MediaStorageSOPInstanceUID for taken in receiver.objects] == ["1.2.3", "1.2.2"]


def test_node_gets_only_the_chosen_objects(delivery: Delivery) -> None:
    with receiving(ComprehensiveSRStorage) as receiver:
        node = destination(kind="dicom", host="127.0.0.1", port=receiver.port, ae_title="STORE", objects=["sr"])
        assert node.deliver(delivery) == "1 DICOM object"
        assert [taken.SOPClassUID for taken in receiver.objects] == [ComprehensiveSRStorage]


def test_scan_without_objects_needs_no_node(delivery: Delivery) -> None:
    node = destination(kind="dicom", host="127.0.0.1", port=free_port(), ae_title="STORE")
    for path in delivery.objects(("sr", "seg")):
        path.unlink()
    assert node.deliver(delivery) == "there are no DICOM objects"


def test_dead_node_is_named(delivery: Delivery) -> None:
    port = free_port()
    node = destination(kind="dicom", host="127.0.0.1", port=port, ae_title="STORE", timeout=5)
    with pytest.raises(DeliveryError, match=rf"there \(127.0.0.1:{port}\) cannot be reached"):
        node.deliver(delivery)


def test_refusing_node_is_named_with_its_status(delivery: Delivery) -> None:
    with receiving(MRImageStorage, ComprehensiveSRStorage) as receiver:
        node = destination(kind="dicom", host="127.0.0.1", port=receiver.port, ae_title="STORE")
        receiver.status = 0xA700
        with pytest.raises(DeliveryError, match="refused seg with the status 0xA700"):
            node.deliver(delivery)


def test_node_that_has_the_object_already_took_it(delivery: Delivery) -> None:
    with receiving(MRImageStorage, ComprehensiveSRStorage) as receiver:
        node = destination(kind="dicom", host="127.0.0.1", port=receiver.port, ae_title="STORE")
        receiver.status = 0x0111
        assert node.deliver(delivery) == "2 DICOM objects"


def test_node_without_the_class_is_named(delivery: Delivery) -> None:
    with receiving(MRImageStorage) as receiver:
        node = destination(kind="dicom", host="127.0.0.1", port=receiver.port, ae_title="STORE")
        with pytest.raises(DeliveryError, match="does not accept sr objects"):
            node.deliver(delivery)


@contextmanager
def http_server(status: int = 200) -> Iterator[SimpleNamespace]:
    """Run a server that keeps the requests."""
    kept = SimpleNamespace(requests=[], url="")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.requests.append((dict(self.headers), body))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_url_gets_records_with_a_key_that_stays(delivery: Delivery, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    with http_server() as server:
        hook = destination(kind="url", url=server.url, token_file=tmp_path / "token")
        assert hook.deliver(delivery) == hook.deliver(delivery) == "HTTP status 200"
    (headers, body), (again, _) = server.requests
    assert headers["Authorization"] == "Bearer secret"
    assert headers["Idempotency-Key"] == again["Idempotency-Key"] == "0123456789abcdef-v1"
    message = json.loads(body)
    assert (message["id"], message["expected_images"]) == ("0123456789abcdef-v1", 3)
    assert message["scans"][0]["decision"] == "accept"


@pytest.mark.parametrize(("status", "remedy"), [(401, "Check the token"), (404, "Check the URL"), (500, "log")])
def test_refusing_url_is_named_with_a_remedy(status: int, remedy: str, delivery: Delivery) -> None:
    with http_server(status) as server, pytest.raises(DeliveryError, match=f"the status {status}.*{remedy}"):
        destination(kind="url", url=server.url).deliver(delivery)


def test_dead_url_is_named(delivery: Delivery) -> None:
    url = f"http://127.0.0.1:{free_port()}/"
    with pytest.raises(DeliveryError, match=rf"there \({url}\) cannot be reached \(ConnectError\)"):
        destination(kind="url", url=url).deliver(delivery)


@pytest.mark.parametrize("content", [None, "", "two\nlines"])
def test_unusable_token_file_is_named(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=f"^{path}: "):
        destination(kind="url", url="http://127.0.0.1/", token_file=path)


def test_command_gets_json_and_placeholders(delivery: Delivery, tmp_path: Path) -> None:
    code = "import sys, json; json.dump([sys.argv[1:], json.load(sys.stdin)], open(sys.argv[3], 'w'))"
    out = tmp_path / "out; touch x"
    hook = destination(kind="command", command=[sys.executable, "-c", code, "{folder}", "{id}", str(out)])
    assert hook.deliver(delivery) == "exit code 0"
    arguments, message = json.loads(out.read_text())
    assert arguments == [str(delivery.folder), "0123456789abcdef-v1", str(out)]
    assert message == delivery.message()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["/no/such/program"], "cannot be started .No such file"),
        ([sys.executable, "-c", "raise SystemExit(3)"], "ended with exit code 3"),
        ([sys.executable, "-c", "import time; time.sleep(60)"], "took longer than 0.5 s"),
    ],
)
def test_failing_command_is_named(command: list[str], message: str, delivery: Delivery) -> None:
    with pytest.raises(DeliveryError, match=message):
        destination(kind="command", command=command, timeout=0.5).deliver(delivery)


@contextmanager
def running(app: FastAPI) -> Iterator[int]:
    """Run the web application on a free port."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert wait_until(lambda: server.started)
        yield port
    finally:
        server.should_exit = True
        thread.join()


def test_web_application_lists_the_series_once(tmp_path: Path, delivery: Delivery) -> None:
    from tests.web.serving import OWNER, serve

    images = tuple(toy_series(tmp_path / "toy"))
    (tmp_path / "token").write_text(OWNER["Authorization"].removeprefix("Bearer "))
    series = Delivery(delivery.result, delivery.folder, images)
    with running(serve(tmp_path / "home")) as port:
        url = f"http://127.0.0.1:{port}"
        web = destination(kind="web", url=f"{url}/", token_file=tmp_path / "token")
        assert web.deliver(series) == web.deliver(series) == "1 scan"
        assert httpx.get(f"{url}/api/scans", headers=OWNER).json()["total"] == 1
        (tmp_path / "token").write_text("a-token-that-is-not-the-right-one")
        with pytest.raises(DeliveryError, match=r"status 401\. Check the token"):
            destination(kind="web", url=url, token_file=tmp_path / "token").deliver(series)


def test_objects_of_a_result_are_those_of_its_scans(delivery: Delivery) -> None:
    changed_copy(delivery.images[0], delivery.folder / "dicom" / "other" / "sr.dcm")
    assert [path.stem for path in delivery.objects(("sr", "seg"))] == ["seg", "sr"]
    assert dcmread(delivery.objects(["sr"])[0]).SOPClassUID == ComprehensiveSRStorage
