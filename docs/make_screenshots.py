"""Make the pictures of the web application for the documentation, from simulated scans.

Run `python docs/make_screenshots.py`; it needs Chromium (see `tests/browser`).
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, sync_playwright

IMAGES = Path(__file__).parent / "images"
SCANS = 4
SIZE = {"width": 1200, "height": 900}
_ARGUMENTS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
_LGEQA = [sys.executable, "-c", "from lgeqa.cli import main; main()"]


def main() -> None:
    """Simulate scans, serve them, and take pictures of the pages."""
    with TemporaryDirectory() as place, sync_playwright() as playwright:
        cohort = Path(place, "cohort")
        subprocess.run([*_LGEQA, "simulate", "--out", cohort, "--n", str(SCANS)], check=True)
        chromium = playwright.chromium.launch(
            executable_path=os.environ.get("LGEQA_CHROMIUM") or shutil.which("chromium"), args=_ARGUMENTS
        )
        command = [*_LGEQA, "serve", "--home", f"{place}/home", "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            address = server.stdout.readline().split()[1]
            show_scans(chromium, address, cohort)
            show_scan(chromium, address)
            server.terminate()
        chromium.close()


def show_scans(chromium: Browser, address: str, cohort: Path) -> None:
    """Take a picture of the page of all scans, in light colours."""
    page = chromium.new_context(color_scheme="light", viewport=SIZE).new_page()  # type: ignore[arg-type]
    page.goto(address)
    page.get_by_label("Or a folder").fill(str(cohort))
    page.get_by_role("button", name="Open").click()
    done = f"() => document.querySelectorAll('#scans td img').length >= {SCANS}"
    page.wait_for_function(done, timeout=120_000)
    page.get_by_role("button", name="Remove the line").click()
    page.get_by_label("Or a folder").fill("")
    page.wait_for_timeout(1000)
    page.screenshot(path=IMAGES / "serve-scans-light.png", full_page=True)


def show_scan(chromium: Browser, address: str) -> None:
    """Take a picture of the page of the least probable scan, in dark colours."""
    page = chromium.new_context(color_scheme="dark", viewport=SIZE).new_page()  # type: ignore[arg-type]
    page.goto(address)
    page.locator("#filters [name=sort]").select_option("worst first")
    page.wait_for_timeout(1000)
    page.locator("#scans tbody a").first.click()
    page.wait_for_selector("body[data-ready]")
    page.wait_for_timeout(1000)
    page.screenshot(path=IMAGES / "serve-scan-dark.png")


if __name__ == "__main__":
    main()
