from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from lgeqa.serve.access import COOKIE
from lgeqa.serve.app import create_app

TOKEN = "t0ken"


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    return TestClient(create_app(tmp_path / "home", TOKEN))


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}])
def test_without_its_token_a_page_asks_for_one(client: TestClient, headers: dict[str, str]) -> None:
    answer = client.get("/", headers=headers)

    assert answer.status_code == 401
    assert "token" in answer.text


def test_a_link_with_the_token_becomes_a_cookie_and_an_address_without_it(client: TestClient) -> None:
    answer = client.get(f"/?token={TOKEN}", follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (303, "http://testserver/")
    assert answer.cookies[COOKIE] == TOKEN
    assert client.get("/").status_code == 200


def test_a_wrong_token_in_a_link_is_no_cookie(client: TestClient) -> None:
    answer = client.get("/?token=wrong", follow_redirects=False)

    assert answer.status_code == 401
    assert not answer.cookies


def test_pages_load_nothing_from_elsewhere(client: TestClient) -> None:
    answer = client.get("/", headers={"Authorization": f"Bearer {TOKEN}"})

    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "http" not in answer.text
