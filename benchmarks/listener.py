"""Kill a listener in the middle of many series, or time how soon the report of a real scan is in an archive.

    PYTHONPATH=. python benchmarks/listener.py kills [--series 200] [--associations 8] [--kills 5] [--seed 0]
    PYTHONPATH=. python benchmarks/listener.py latency SCAN [--times 5]

`kills` sends toy scans by storescu of dcmtk, some at the same time, to a listener with a toy bundle. It ends the
listener by SIGKILL in between and starts it again. It prints how many results each destination got, and how many of
them more than once. The destinations are a DICOM node in this process and a command.

`latency` sends a real scan as classic MR images by storescu to a listener with the bundle in the package, which sends
the results to Orthanc on this machine. It prints the seconds from the end of storescu, when the last image was
acknowledged, to the report in Orthanc, and the processor time of the process that assesses. The series has
NumberOfSeriesRelatedInstances, so there is no quiet time. Consider the load of the machine too.
"""

import argparse
import json
import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from urllib.request import urlopen

from pydicom import dcmread
from pydicom.uid import (
    ComprehensiveSRStorage,
    EncapsulatedPDFStorage,
    ParametricMapStorage,
    SegmentationStorage,
    generate_uid,
)
from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity

from lgeqa.io import discover, read_scan
from tests.dicom_results.test_real import write_like
from tests.factories.dicom_series import toy_series
from tests.factories.listener import SENDER, ListenerProcess, free_port, wait_until
from tests.factories.processes import children_of
from tests.toy import SLOPES, toy_bundle

_TICKS = os.sysconf("SC_CLK_TCK")
#: Seconds after which the benchmark gives up.
_PATIENCE_S = 7200
_SETTINGS = """
{bundle}
[spool]
folder = "spool"
[dicom]
port = {port}
[[dicom.senders]]
ae_title = "{sender}"
[series]
quiet_seconds = 600
[[destinations]]
kind = "dicom"
name = "node"
host = "127.0.0.1"
port = {node_port}
ae_title = "ORTHANC"
"""
_HOOK = """
[[destinations]]
kind = "command"
name = "hook"
command = ["/bin/sh", "-c", "echo $0 >> hooks", "{id}"]
"""


def main() -> None:
    """Run one of the two benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    kills = commands.add_parser("kills")
    kills.add_argument("--series", type=int, default=200)
    kills.add_argument("--associations", type=int, default=8)
    kills.add_argument("--kills", type=int, default=5)
    kills.add_argument("--seed", type=int, default=0)
    kills.set_defaults(run=lambda given: kill_often(given.series, given.associations, given.kills, given.seed))
    latency = commands.add_parser("latency")
    latency.add_argument("scan", type=Path)
    latency.add_argument("--times", type=int, default=5)
    latency.set_defaults(run=lambda given: time_reports(given.scan, given.times))
    given = parser.parse_args()
    given.run(given)


def kill_often(n_series: int, n_associations: int, n_kills: int, seed: int) -> None:
    """Send series while the listener is killed, and print what the destinations got."""
    chance = random.Random(seed)
    with TemporaryDirectory() as name, counting_node() as (port, objects):
        folder = Path(name)
        toy_bundle(folder / "bundle", maps=SLOPES)
        changes = {"SeriesDescription": "LGE", "NumberOfSeriesRelatedInstances": 24}
        series = [folder / f"toy{number}" for number in range(n_series)]
        for number, path in enumerate(series):
            toy_series(path, number, changes=changes)
        process = _listener(folder, port, 'bundle = "bundle"', _HOOK)
        start, peak_mb = time.monotonic(), 0.0
        with ThreadPoolExecutor(n_associations) as pool:
            sent = [pool.submit(_send, path, process.port, again=True) for path in series]
            for number in range(n_kills):
                wait_until(partial(_has_reports, objects, (number + 0.5) * n_series / n_kills), _PATIENCE_S)
                time.sleep(chance.uniform(0, 3))
                peak_mb = max(peak_mb, _peak_mb(process.pid))
                process.kill()
                process.start()
            for each in sent:
                each.result()
        hooks = folder / "hooks"
        wait_until(lambda: _has_reports(objects, n_series) and len(set(_lines(hooks))) >= n_series, _PATIENCE_S)
        time.sleep(10)
        peak_mb = max(peak_mb, _peak_mb(process.pid))
        process.stop()
        records = folder.glob("spool/results/*/scans/*.json")
        statuses = Counter(json.loads(path.read_bytes())["status"] for path in records)
        print(f"{n_series} series of 24 images, {n_associations} associations, {n_kills} kills")
        print(f"results: {dict(statuses)}, {time.monotonic() - start:.0f} s, load {os.getloadavg()[0]:.1f}")
        uids, contents = Counter(uid for _, uid, _ in objects), {(uid, content) for _, uid, content in objects}
        repeated = sum(count - 1 for count in uids.values())
        print(f"node: {_reports(objects)} reports, {len(uids)} objects, {repeated} sent again, ", end="")
        print(f"{len(contents) - len(uids)} of them with another content")
        print(
            f"command: {len(set(_lines(hooks)))} results, {len(_lines(hooks)) - len(set(_lines(hooks)))} called again"
        )
        print(f"peak memory of the receiving process: {peak_mb:.0f} MB")


def time_reports(scan: Path, n_times: int) -> None:
    """Send a real scan some times, each time as a new series, and print the seconds until its report is in Orthanc."""
    [source] = discover([scan])
    with TemporaryDirectory() as name, orthanc(Path(name) / "orthanc") as (port, url):
        folder = Path(name)
        process = _listener(folder, port)
        time.sleep(20)  # the networks are loaded
        seconds = []
        for number in range(n_times):
            images = folder / f"series{number}"
            images.mkdir()
            write_like("MR_small.dcm", images, read_scan(source))
            _number_series(images)
            [assessing] = [child for parent in children_of(process.pid) for child in children_of(parent)]
            processor = _processor_seconds(assessing)
            n_after = _instances(url) + 3
            _send(images, process.port)
            start = time.monotonic()
            assert wait_until(partial(_has_instances, url, n_after), 300)
            seconds.append(time.monotonic() - start)
            spent = _processor_seconds(assessing) - processor
            print(f"{seconds[-1]:.2f} s, {spent:.2f} s of a processor, load {os.getloadavg()[0]:.1f}", flush=True)
        print(f"median {median(seconds):.2f} s, {len(os.sched_getaffinity(0))} cores")
        process.stop()


@contextmanager
def counting_node() -> Iterator[tuple[int, list[tuple[str, str, int]]]]:
    """Run a DICOM node that keeps class, UID and hash of each object that it gets."""
    objects: list[tuple[str, str, int]] = []

    def store(event: evt.Event) -> int:
        meta, content = event.file_meta, hash(event.encoded_dataset(include_meta=False))
        objects.append((str(meta.MediaStorageSOPClassUID), str(meta.MediaStorageSOPInstanceUID), content))
        return 0

    entity = ApplicationEntity("ORTHANC")
    for sop_class in (ComprehensiveSRStorage, EncapsulatedPDFStorage, ParametricMapStorage, SegmentationStorage):
        entity.add_supported_context(sop_class)
    port = free_port()
    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    assert server
    try:
        yield port, objects
    finally:
        server.shutdown()


@contextmanager
def orthanc(folder: Path) -> Iterator[tuple[int, str]]:
    """Run Orthanc on loopback, and yield its DICOM port and its address."""
    port, http_port = free_port(), free_port()
    folder.mkdir()
    configuration = {
        "StorageDirectory": str(folder),
        "IndexDirectory": str(folder),
        "DicomAet": "ORTHANC",
        "DicomPort": port,
        "HttpPort": http_port,
        "DicomAlwaysAllowStore": True,
        "AuthenticationEnabled": False,
        "RemoteAccessAllowed": False,
        "Plugins": [],
    }
    (folder / "orthanc.json").write_text(json.dumps(configuration), encoding="utf-8")
    url = f"http://127.0.0.1:{http_port}"
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(["Orthanc", folder / "orthanc.json"], stdout=log, stderr=log) as server,
    ):
        try:
            assert wait_until(lambda: _answers(url), 60), (folder / "log").read_text(encoding="utf-8")
            yield port, url
        finally:
            server.terminate()


def _listener(folder: Path, node_port: int, bundle: str = "", hook: str = "") -> ListenerProcess:
    port, settings = free_port(), folder / "listen.toml"
    text = _SETTINGS.format(bundle=bundle, port=port, node_port=node_port, sender=SENDER) + hook.replace(
        "hooks", str(folder / "hooks")
    )
    settings.write_text(text, encoding="utf-8")
    process = ListenerProcess(settings, port, folder / "log")
    process.start()
    return process


def _send(images: Path, port: int, *, again: bool = False) -> None:
    """Send a folder by storescu, again until it succeeds if that is wanted, as a scanner does."""
    command = ["storescu", "-aet", SENDER, "-aec", "LGEQA", "+sd", "127.0.0.1", str(port), str(images)]
    while subprocess.run(command, capture_output=True, check=not again).returncode:
        time.sleep(1)


def _number_series(images: Path) -> None:
    """Make a folder of images a new series that says how many images it has."""
    paths, series = sorted(images.iterdir()), generate_uid()
    for path in paths:
        image = dcmread(path)
        image.SeriesInstanceUID, image.SeriesDescription = series, "LGE LA"
        image.NumberOfSeriesRelatedInstances = len(paths)
        image.save_as(path)


def _reports(objects: Sequence[tuple[str, str, int]]) -> int:
    return len({uid for sop_class, uid, _ in objects if sop_class == ComprehensiveSRStorage})


def _has_reports(objects: Sequence[tuple[str, str, int]], count: float) -> bool:
    return _reports(objects) >= count


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split() if path.exists() else []


def _answers(url: str) -> bool:
    try:
        return _instances(url) >= 0
    except OSError:
        return False


def _instances(url: str) -> int:
    with urlopen(f"{url}/statistics") as answer:
        return int(json.load(answer)["CountInstances"])


def _has_instances(url: str, count: int) -> bool:
    return _instances(url) >= count


def _peak_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith("VmHWM")), 0.0)


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


if __name__ == "__main__":
    main()
