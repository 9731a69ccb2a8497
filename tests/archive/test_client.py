"""What the client makes of answers that are no result."""

import json
from pathlib import Path
from typing import Any

import pytest

from lgeqa.archive.series import ArchivedSeries, SeriesFilter
from lgeqa.errors import ArchiveError, ArchiveUnavailableError, ConfigError, ReadError
from tests.archive.conftest import connect
from tests.factories.dicom_series import toy_series
from tests.factories.fake_archive import Answer, fake_archive, make_certificate

STUDY, SERIES = "1.2.3", "1.2.3.4"


def found(series_uid: str = SERIES, **values: Any) -> dict[str, Any]:
    elements = {"0020000D": STUDY, "0020000E": series_uid, **values}
    return {tag: {"vr": "UI", "Value": [value]} for tag, value in elements.items()}


def page(*series: dict[str, Any]) -> Answer:
    return Answer(body=json.dumps(series).encode())


def search(*answers: Answer, **settings: Any) -> list[ArchivedSeries]:
    with fake_archive(*answers) as archive:
        return list(connect(archive.url, **settings).search(SeriesFilter()))


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer(400), "does not understand the request. Check the URL"),
        (Answer(401), "asks for a login"),
        (Answer(403), "does not permit this"),
        (Answer(404), "Check the URL, which must be the root of DICOMweb"),
        (Answer(418), r"refuses the request. .* \(HTTP 418\)"),
        (Answer(302, headers={"Location": "/login"}), "redirects elsewhere"),
        (Answer(body=b"<html>Log in</html>"), "does not answer as DICOMweb"),
        (Answer(body=b'["a", "b"]'), "does not answer as DICOMweb"),
        (Answer(body=b'[{"0020000E": 5}]'), "does not answer as DICOMweb"),
        (page(found("../../etc")), "does not answer as DICOMweb"),
    ],
)
def test_refusal_names_url_and_remedy_at_once(answer: Answer, says: str) -> None:
    with fake_archive(answer, page()) as archive:
        with pytest.raises(ArchiveError, match=says) as error:
            list(connect(archive.url).search(SeriesFilter(study=STUDY, patient="P-17")))
        assert str(error.value).startswith(archive.url + ": ")
        assert STUDY not in str(error.value)
        assert "P-17" not in str(error.value)
        assert len(archive.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 503, 507])
def test_overload_is_tried_again(status: int) -> None:
    assert search(Answer(status), Answer(status), page(found()), page()) == [ArchivedSeries(STUDY, SERIES)]
    with pytest.raises(ArchiveUnavailableError, match=f"HTTP {status}"):
        search(Answer(status))


def test_archive_that_is_off_is_unavailable() -> None:
    with fake_archive(Answer()) as archive:
        pass
    with pytest.raises(ArchiveUnavailableError, match="cannot be reached"):
        list(connect(archive.url).search(SeriesFilter()))


def test_answer_above_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgeqa.archive.http_session.MAX_DICOM_BYTES", 100)
    with pytest.raises(ArchiveError, match="sends more than"):
        search(Answer(body=b" " * 101))


def test_pages_are_followed_and_end_without_offset() -> None:
    first, second = page(found("1.1"), found("1.2")), page(found("1.3"))
    assert [series.series_uid for series in search(first, second, page())] == ["1.1", "1.2", "1.3"]
    assert [series.series_uid for series in search(first)] == ["1.1", "1.2"]


def test_what_the_archive_says_is_kept() -> None:
    values: dict[str, Any] = {"00080020": "20261127", "0008103E": "LGE [axial]", "00200011": 7, "00201209": 24}
    [series] = search(page(found(**values)), page())
    assert series == ArchivedSeries(STUDY, SERIES, "20261127", "7", "LGE [axial]", 24)
    assert SeriesFilter(description="lge ?axial?").fits(series)
    assert not SeriesFilter(description="axial*").fits(series)


def test_uid_with_leading_zeros_is_accepted_and_no_path() -> None:
    with fake_archive(page(found("1.2.03")), page()) as archive:
        [series] = connect(archive.url).search(SeriesFilter(study="1.02"))
        assert series.series_uid == "1.2.03"
    with pytest.raises(ConfigError, match=r"series = '../x': is no UID"):
        SeriesFilter.of({"series": "../x"})


@pytest.mark.parametrize("date", ["20261127", "20261101-", "-20261127", "20261101-20261130"])
def test_dates_and_ranges_are_sent_as_they_are(date: str) -> None:
    with fake_archive(Answer()) as archive:
        list(connect(archive.url).search(SeriesFilter(date=date)))
        assert f"StudyDate={date}" in archive.requests[0]


@pytest.mark.parametrize("date", ["today", "2026-11-27", "-", "20261127\n"])
def test_other_dates_are_refused(date: str) -> None:
    with pytest.raises(ConfigError, match="must be a date such as 20261127"):
        SeriesFilter.of({"date": date})


def test_untrusted_certificate_is_refused_unless_named(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    with fake_archive(Answer(), certificate=certificate) as archive:
        with pytest.raises(ArchiveError, match=r"not trusted \(self-signed certificate\).*--ca"):
            list(connect(archive.url).search(SeriesFilter()))
        assert list(connect(archive.url, ca=certificate).search(SeriesFilter())) == []


def test_tls_to_a_plain_server_says_so() -> None:
    with fake_archive(Answer()) as archive, pytest.raises(ArchiveError, match="does not speak TLS"):
        list(connect(archive.url.replace("http:", "https:")).search(SeriesFilter()))


@pytest.mark.parametrize(
    ("lines", "login"),
    [('token = "abc"', "Bearer abc"), ('user = "müller"\npassword = "x"', "Basic bcO8bGxlcjp4")],
)
def test_login_is_read_from_a_file(lines: str, login: str, tmp_path: Path) -> None:
    file = tmp_path / "login.toml"
    file.write_text(lines, encoding="utf-8")
    with fake_archive(Answer()) as archive:
        list(connect(archive.url, credentials=file).search(SeriesFilter()))
        assert archive.logins == [login]


def test_login_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LGEQA_ARCHIVE_TOKEN", "abc")
    with fake_archive(Answer()) as archive:
        list(connect(archive.url).search(SeriesFilter()))
        assert archive.logins == ["Bearer abc"]


def test_netrc_does_not_replace_the_login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login other password other")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with fake_archive(Answer()) as archive:
        list(connect(archive.url).search(SeriesFilter()))
        monkeypatch.setenv("LGEQA_ARCHIVE_TOKEN", "abc")
        list(connect(archive.url).search(SeriesFilter()))
        assert archive.logins == ["", "Bearer abc"]


@pytest.mark.parametrize(
    "lines", ['user = "geheim"', 'pasword = "geheim"', "token = 17", 'token = "geheim"\nuser = "u"']
)
def test_incomplete_login_is_refused_without_its_values(lines: str, tmp_path: Path) -> None:
    file = tmp_path / "login.toml"
    file.write_text(lines, encoding="utf-8")
    with pytest.raises(ConfigError, match="give either a token, or a user") as error:
        connect("http://archive", credentials=file)
    assert "geheim" not in str(error.value)


@pytest.mark.parametrize("url", ["archive/dicom-web", "ftp://archive"])
def test_url_that_is_no_root_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=f"url = '{url}': give the root"):
        connect(url)


@pytest.mark.parametrize("url", ["http://me:geheim@archive", "http://archive/?token=geheim"])
def test_url_with_a_secret_is_refused_without_it(url: str) -> None:
    with pytest.raises(ConfigError, match="url: must have no user, password") as error:
        connect(url)
    assert "geheim" not in str(error.value)


def stored(*failures: int, status: int = 200) -> Answer:
    sequence = [{"00081197": {"vr": "US", "Value": [reason]}} for reason in failures]
    answer = {"00081198": {"vr": "SQ", "Value": sequence}} if failures else {}
    return Answer(status, json.dumps(answer).encode())


@pytest.mark.parametrize("answer", [stored(), stored(0x0111), stored(0x0111, status=409), Answer(body=b"")])
def test_stored_and_known_objects_are_success(answer: Answer, tmp_path: Path) -> None:
    [path, *_] = toy_series(tmp_path / "series")
    with fake_archive(answer) as archive:
        connect(archive.url).store(path)
        assert archive.requests == ["POST /dicom-web/studies"]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (stored(0xA700, status=202), "it is full"),
        (stored(0x0122, status=409), r"it does not store this class of object \(0122H\)"),
        (stored(0x1234, status=202), "an unknown reason"),
        (Answer(409, b"<html>"), "refuses the file"),
        (Answer(413), "refuses a file of this size"),
        (Answer(302, headers={"Location": "/login"}), "redirects elsewhere"),
    ],
)
def test_object_that_is_not_stored_is_an_error(answer: Answer, says: str, tmp_path: Path) -> None:
    [path, *_] = toy_series(tmp_path / "series")
    with fake_archive(answer, stored()) as archive, pytest.raises(ArchiveError, match=says):
        connect(archive.url).store(path)


def test_file_that_is_no_dicom_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.dcm"
    path.write_text("no image")
    with pytest.raises(ReadError, match="is no DICOM file"):
        connect("http://archive").store(path)
