import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.requests import ClientDisconnect

from lgeqa.errors import UploadError
from lgeqa.web.archives import Intake
from lgeqa.web.settings import ServeSettings
from lgeqa.web.uploads import receive, without_folder
from tests.images import volume, write_dicom_series
from tests.web.serving import files_below, owner, scan_bytes, send, serve, settled, zipped

MARKUP = "<img src=x onerror=alert(1)>.nrrd"


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    return serve(tmp_path, upload_mb=1, unpacked_mb=2)


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return owner(app)


@pytest.fixture
def uploads(tmp_path: Path) -> Path:
    return tmp_path / "home" / "uploads"


@pytest.fixture(autouse=True)
def _nothing_written_beside(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()


def test_a_scan_is_queued_under_the_name_of_its_file(client: TestClient, tmp_path: Path, uploads: Path) -> None:
    answer = send(client, [("case.nrrd", scan_bytes(tmp_path))])

    assert answer.status_code == 201
    [scan] = answer.json()["scans"]
    assert (scan["name"], scan["state"], scan["uploaded"]) == ("case", "queued", True)
    [folder] = uploads.iterdir()
    assert files_below(folder) == ["data/case.nrrd"]
    assert "case" not in folder.name


def test_scans_in_the_papers_layout_are_named_by_their_folder(client: TestClient, tmp_path: Path) -> None:
    content = scan_bytes(tmp_path)

    below = send(client, [("p01/data.nrrd", content), ("p01/shrinkwrap.nrrd", content[:1000])]).json()
    alone = send(client, [("data.nrrd", content)]).json()

    assert [scan["name"] for scan in below["scans"] + alone["scans"]] == ["p01", "data"]


def test_a_zip_of_dicom_is_one_scan(client: TestClient, tmp_path: Path) -> None:
    paths = write_dicom_series(tmp_path / "series", volume())
    content = zipped({f"export/{path.name}": path.read_bytes() for path in paths})

    answer = send(client, [("study.zip", content)])

    assert [scan["name"] for scan in answer.json()["scans"]] == ["study_export"]


def test_files_of_one_series_are_one_scan(client: TestClient, tmp_path: Path) -> None:
    paths = write_dicom_series(tmp_path / "series", volume())

    answer = send(client, [(f"visit/{path.name}", path.read_bytes()) for path in paths])

    assert [scan["name"] for scan in answer.json()["scans"]] == ["visit"]


@pytest.mark.parametrize(
    ("files", "status", "told"),
    [
        ([("notes.txt", b"no image")], 422, "no scan was found"),
        ([("study.zip", zipped({"../out.nrrd": b"x"}))], 422, "leads out"),
        ([("study.zip", zipped({"fine.nrrd": b"x", "/out.nrrd": b"x"}))], 422, "leads out"),
        ([("../out.nrrd", b"x")], 422, "leads out"),
        ([("study.zip", b"PK damaged")], 422, "damaged zip archive"),
        ([("study.zip", zipped({"readme.txt": b"x"}))], 422, "no scan was found"),
        ([("large.nrrd", bytes(1_100_000))], 413, "more than 1 MB"),
    ],
)
def test_refused_upload_gives_the_reason_and_leaves_nothing(
    client: TestClient, tmp_path: Path, uploads: Path, files: list[tuple[str, bytes]], status: int, told: str
) -> None:
    before = files_below(tmp_path)

    answer = send(client, files)

    assert answer.status_code == status
    assert told in answer.json()["detail"]
    assert str(tmp_path) not in answer.text
    assert [path for path in files_below(tmp_path) if path not in before] == []
    assert not uploads.exists() or list(uploads.iterdir()) == []
    assert client.get("/api/scans").json()["total"] == 0


def test_what_is_no_scan_among_scans_is_reported(client: TestClient, tmp_path: Path) -> None:
    content = scan_bytes(tmp_path)

    answer = send(client, [("case.nrrd", content), ("odd/shrinkwrap.nrrd", content[:1000])])

    assert [scan["name"] for scan in answer.json()["scans"]] == ["case"]
    [reason] = answer.json()["refused"]
    assert reason.startswith("odd/shrinkwrap.nrrd: is the mask")


def test_markup_in_a_name_stays_text_on_the_way(client: TestClient, tmp_path: Path) -> None:
    answer = send(client, [(MARKUP, scan_bytes(tmp_path))])

    assert [scan["name"] for scan in answer.json()["scans"]] == ["img_src_x_onerror_alert_1"]


def test_an_upload_sent_twice_is_taken_once(client: TestClient, tmp_path: Path, uploads: Path) -> None:
    files = [("case.nrrd", scan_bytes(tmp_path))]

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: send(client, files, key="made-by-page"), range(8)))
    other = send(client, files, key="another-key")

    assert {answer.json()["scans"][0]["id"] for answer in answers} == {1}
    assert other.json()["scans"][0]["name"] == "case-2"
    assert client.get("/api/scans").json()["total"] == 2
    assert len(list(uploads.iterdir())) == 2


@pytest.mark.parametrize(("content_type", "told"), [("application/json", "is no upload"), ("", "is no upload")])
def test_another_kind_of_body_is_refused(client: TestClient, content_type: str, told: str) -> None:
    answer = client.post("/api/uploads", content=b"{}", headers={"Content-Type": content_type})

    assert answer.status_code == 422
    assert told in answer.json()["detail"]


async def body(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.nrrd"\r\n\r\n'
FORM = "multipart/form-data; boundary=b"
ONE_MB = ServeSettings.of({"upload_mb": 1})


def test_a_body_comes_in_pieces_of_any_size(tmp_path: Path) -> None:
    whole = PART + b"content\r\n--b--\r\n"

    asyncio.run(receive(body(*(whole[i : i + 1] for i in range(len(whole)))), FORM, Intake(tmp_path, ONE_MB)))

    assert (tmp_path / "a.nrrd").read_bytes() == b"content"


@pytest.mark.parametrize(
    ("chunks", "told"),
    [
        ([PART, b"cut off"], "ended too early"),
        ([], "ended too early"),
        ([b"no form at all"], "damaged"),
        ([b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\ntext\r\n--b--\r\n'], "holds no file"),
    ],
)
def test_a_body_that_is_not_whole_is_refused(tmp_path: Path, chunks: list[bytes], told: str) -> None:
    with pytest.raises(UploadError, match=told):
        asyncio.run(receive(body(*chunks), FORM, Intake(tmp_path, ONE_MB)))


def test_an_upload_that_is_broken_off_is_refused(tmp_path: Path) -> None:
    async def broken_off() -> AsyncIterator[bytes]:
        yield PART
        raise ClientDisconnect

    with pytest.raises(UploadError, match="broken off"):
        asyncio.run(receive(broken_off(), FORM, Intake(tmp_path, ONE_MB)))


def test_unknown_uploads_are_set_aside_and_reported(
    app: FastAPI, uploads: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    send(owner(app), [("case.nrrd", scan_bytes(tmp_path))])
    [kept] = uploads.iterdir()
    (uploads / "unknown" / "data").mkdir(parents=True)
    (uploads / "unknown" / "data" / "scan.nrrd").write_bytes(b"precious")
    (uploads / "stray.txt").write_bytes(b"a file")

    serve(tmp_path)

    assert list(uploads.iterdir()) == [kept]
    [place] = (tmp_path / "home/set-aside").iterdir()
    assert files_below(place) == ["stray.txt", "unknown/data/scan.nrrd"]
    assert (place / "unknown/data/scan.nrrd").read_bytes() == b"precious"
    told = capsys.readouterr().err
    assert f"2 uploads that the database does not know were moved to {place}" in told
    assert "Nothing was deleted" in told


def test_uploads_outlive_the_loss_of_the_database(app: FastAPI, uploads: Path, tmp_path: Path) -> None:
    send(owner(app), [("case.nrrd", scan_bytes(tmp_path))])
    app.state.served.sessions.kw["bind"].dispose()
    for file in (tmp_path / "home").glob("lgeqa.sqlite*"):
        file.unlink()

    for _ in range(2):
        serve(tmp_path)

    [found] = (tmp_path / "home/set-aside").rglob("case.nrrd")
    assert found.read_bytes() == scan_bytes(tmp_path)


def test_halves_that_a_killed_server_left_are_removed(app: FastAPI, tmp_path: Path) -> None:
    half = tmp_path / "home/incoming/half/data"
    half.mkdir(parents=True)
    (half / "case.nrrd").write_bytes(b"NR")

    serve(tmp_path)

    assert not half.exists()
    assert not (tmp_path / "home/set-aside").exists()


NHDR = """NRRD0004
type: short
dimension: 3
sizes: 2 2 2
encoding: raw
space: LPS
space directions: (1,0,0) (0,1,0) (0,0,1)
space origin: (0,0,0)
endian: little
data file: {}
"""
MHD = """ObjectType = Image
NDims = 3
DimSize = 2 2 2
ElementType = MET_SHORT
ElementSpacing = 1 1 1
ElementDataFile = {}
"""


@pytest.mark.parametrize(("name", "header"), [("case.nhdr", NHDR), ("case.mhd", MHD)])
@pytest.mark.parametrize("place", ["{}/secret.raw", "../../../../secret.raw", "../../../lgeqa.sqlite"])
def test_sent_header_gets_at_no_file_of_the_server(tmp_path: Path, name: str, header: str, place: str) -> None:
    (tmp_path / "secret.raw").write_bytes(bytes(range(16)))
    with owner(serve(tmp_path)) as client:
        answer = send(client, [(name, header.format(place.format(tmp_path)).encode())])
        if answer.status_code == 201:
            [scan] = settled(client, 1)
            assert scan["end"] == "failed"
            volume = client.get(f"/api/scans/{scan['id']}/volume.nii.gz")
            assert volume.status_code in {404, 409}, volume.content[:80]


def test_a_folder_of_the_server_is_opened_and_its_scans_stay(client: TestClient, tmp_path: Path) -> None:
    folder = tmp_path / "cohort"
    for number in range(2):
        (folder / f"p{number}").mkdir(parents=True)
        (folder / f"p{number}" / "data.nrrd").write_bytes(scan_bytes(tmp_path, number))

    first = client.post("/api/folders", json={"path": str(folder)})
    again = client.post("/api/folders", json={"path": str(folder)})

    assert first.status_code == 201
    assert first.json() == again.json()
    assert [(scan["name"], scan["uploaded"]) for scan in first.json()["scans"]] == [("p0", False), ("p1", False)]
    assert first.json()["refused"] == []


@pytest.mark.parametrize(
    ("path", "told"), [("cohort", "cohort: is not a full path"), ("/no/such/place", "/no/such/place: cannot be opened")]
)
def test_a_folder_that_cannot_be_opened_is_refused(client: TestClient, path: str, told: str) -> None:
    answer = client.post("/api/folders", json={"path": path})

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(told)


def test_the_folder_of_the_server_itself_holds_no_scans(app: FastAPI, client: TestClient, tmp_path: Path) -> None:
    send(client, [("case.nrrd", scan_bytes(tmp_path))])

    answer = client.post("/api/folders", json={"path": str(tmp_path / "home")})

    assert answer.status_code == 422
    assert client.get("/api/scans").json()["total"] == 1


def test_paths_in_messages_are_those_of_the_sender(tmp_path: Path) -> None:
    folder = tmp_path / "uploads" / "0123" / "data"

    assert without_folder(f"{folder}/visit/1.dcm: is damaged.", folder) == "visit/1.dcm: is damaged."
    assert without_folder(f"{folder}: the images differ.", folder) == "The upload: the images differ."
    assert without_folder("/elsewhere/data/1.nrrd: is damaged.", folder) == "/elsewhere/data/1.nrrd: is damaged."
