"""Take the pictures of rating from phantoms, in Chromium: `python docs/make_rating_screenshots.py`."""

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np
import uvicorn
from playwright.sync_api import Page, ViewportSize, sync_playwright

from lgeqa.io.volume_writer import write_nrrd
from lgeqa.records import Grid
from lgeqa.scales import SCALE_NAMES
from lgeqa.simulation.acquisition import acquire, draw_acquisition
from lgeqa.simulation.phantom import build_phantom, draw_phantom
from lgeqa.web.app import create_app

IMAGES = Path(__file__).parent / "images"
TOKEN = "token-of-the-screenshots"
#: Number of simulated scans.
SCANS = 4
_KNOWN = f"scan,patient,image,mask,reader,{','.join(SCALE_NAMES)}\nphantom,p,phantom/data.nrrd,,adjudicated,4,3,2,2\n"
_WIDE: ViewportSize = {"width": 1440, "height": 860}
_PLAIN: ViewportSize = {"width": 1100, "height": 640}
_CHROMIUM = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")


def main() -> None:
    """Write `rate.png`, `study.png` and `practice.png`."""
    with TemporaryDirectory() as place, serving(Path(place) / "home") as address, sync_playwright() as playwright:
        scans = Path(place) / "scans"
        for number in range(SCANS):
            write_scan(scans / f"phantom-{number}", number)
        owner = httpx.Client(base_url=address, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60)
        study = {"name": "Pilot", "folder": str(scans), "repeat_share": 0.5, "seed": 2}
        owner.post("/api/studies", json=study).raise_for_status()
        tokens = [owner.post("/api/studies/1/readers", json={"name": name}).json()["token"] for name in ("Ada", "Bo")]
        rate(address, tokens[1], 4)
        chromium = os.environ.get("LGEQA_CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=_CHROMIUM)
        take_reading(browser.new_page(viewport=_WIDE), f"{address}/enter#token={tokens[0]}")
        take_study(browser.new_page(viewport=_PLAIN), f"{address}/studies/1?token={TOKEN}")
        write_scan(Path(place) / "practice" / "phantom", SCANS)
        (Path(place) / "practice" / "scores.csv").write_text(_KNOWN, encoding="utf-8")
        practised = study | {"name": "Pilot with practice", "practice_folder": f"{place}/practice"}
        owner.post("/api/studies", json=practised).raise_for_status()
        token = owner.post("/api/studies/2/readers", json={"name": "Ada"}).json()["token"]
        take_practice(browser.new_page(viewport=_WIDE), f"{address}/enter#token={token}")
        browser.close()


def write_scan(folder: Path, person: int) -> None:
    """Write the scan of a phantom as `data.nrrd`."""
    rng = np.random.default_rng(person)
    phantom = build_phantom(draw_phantom(rng, "cropped", spacing_mm=(2.5, 0.625, 0.625)))
    voxels = acquire(phantom, draw_acquisition(rng))
    slices, rows, columns = voxels.shape
    grid = Grid((columns, rows, slices), phantom.spacing_mm[::-1], (0, 0, 0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    folder.mkdir(parents=True)
    write_nrrd(folder / "data.nrrd", voxels, grid)


@contextmanager
def serving(home: Path) -> Iterator[str]:
    """Serve the application over `home`, and yield its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(home, TOKEN), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.1)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()


def rate(address: str, token: str, n: int) -> None:
    """Give a reader's first `n` scans some scores."""
    client = httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"})
    reader_id = client.get("/api/reading").json()["reader_id"]
    for number in range(1, n + 1):
        rating = {
            "save_id": f"{number:032}",
            "reader_id": reader_id,
            "known": 0,
            "scores": dict.fromkeys(SCALE_NAMES, 3),
        }
        client.post(f"/api/reading/{number}/ratings", json=rating).raise_for_status()


def take_reading(page: Page, link: str) -> None:
    """Take a picture of the second scan of a reader, with one score."""
    page.goto(link)
    for scan, keys in ((1, "4334"), (2, "4")):
        page.wait_for_selector(f"#scan:has-text('Scan {scan} of')")
        page.wait_for_selector("#place:not(:empty)")
        page.wait_for_selector("#form:not([inert])")
        page.wait_for_timeout(1000)
        for key in keys:
            page.keyboard.press(key)
        if len(keys) == len(SCALE_NAMES):
            page.keyboard.press("Enter")
    page.wait_for_timeout(1000)
    page.screenshot(path=IMAGES / "rate.png")


def take_practice(page: Page, link: str) -> None:
    """Take a picture of the comparison with the known scores."""
    page.goto(link)
    page.wait_for_selector("#place:not(:empty)")
    for key in ("4", "5", "2", "3", "Enter"):
        page.keyboard.press(key)
    page.wait_for_selector("#feedback table")
    page.wait_for_timeout(1000)
    page.screenshot(path=IMAGES / "practice.png")


def take_study(page: Page, address: str) -> None:
    """Take a picture of the owner's page of the study, while readers rate."""
    page.goto(address)
    page.wait_for_selector("#readers tr")
    page.screenshot(path=IMAGES / "study.png")


if __name__ == "__main__":
    main()
