"""A small study behind the HTTP interface, for tests."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from lgeqa.scales import SCALE_NAMES
from tests.images import volume, write_volume
from tests.web.serving import TOKEN, serve


def write_scans(folder: Path, n: int = 3) -> Path:
    """Scans whose names must not be seen by readers, in a folder whose name must not either."""
    for seed in range(n):
        write_volume(folder / f"SECRET-{seed}" / "data.nrrd", volume((9, 16, 12), seed=seed))
    return folder


@dataclass(frozen=True)
class Person:
    """Somebody with a token."""

    client: TestClient
    token: str

    def get(self, path: str) -> Any:
        return self.client.get(path, headers=self.headers)

    def post(self, path: str, body: object = None) -> Any:
        return self.client.post(path, json=body, headers=self.headers)

    def delete(self, path: str) -> Any:
        return self.client.delete(path, headers=self.headers)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@dataclass(frozen=True)
class Scene:
    """An owner, an open study with number 1, and two readers, Ada and Bo, with the ids 1 and 2."""

    owner: Person
    ada: Person
    bo: Person
    folder: Path


def make_scene(place: Path, share: float = 0.3) -> Scene:
    """Served from `place / "home"`, with scans in `place / "HIDDEN-FOLDER"`."""
    client, folder = TestClient(serve(place)), place / "HIDDEN-FOLDER"
    owner = Person(client, TOKEN)
    new = {"name": "Pilot", "folder": str(write_scans(folder)), "repeat_share": share, "seed": 5}
    assert owner.post("/api/studies", new).status_code == 201
    ada, bo = (
        Person(client, owner.post("/api/studies/1/readers", {"name": name}).json()["token"]) for name in ("Ada", "Bo")
    )
    return Scene(owner, ada, bo, folder)


def rating(save_id: str = "save-0001", score: int | None = 4, **more: object) -> dict[str, object]:
    """What a page of reader 1 sends."""
    scores = dict.fromkeys(SCALE_NAMES, score) if score else None
    return {"save_id": save_id, "reader_id": 1, "known": 0, "scores": scores, "seconds": 20.5, **more}
