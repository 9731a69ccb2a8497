"""A real Chromium, and pages that hold still: a console error or a request to the network fails the test."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Playwright, Request, expect, sync_playwright

#: Names of Chromium on PATH, in the order in which they are tried.
_NAMES = ("chromium", "chromium-browser", "google-chrome")
#: No sandbox within containers; WebGL without a graphics card.
_ARGUMENTS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
_LOCAL_SCHEMES = ("about", "blob", "data", "file")
_LOCAL_HOSTS = ("127.0.0.1",)
#: Milliseconds until a page shows what is expected, also on a machine with other load that draws volumes in software.
_PATIENCE_MS = 60_000

expect.set_options(timeout=_PATIENCE_MS)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium: that of LGEQA_CHROMIUM, else of PATH, else Playwright's own.

    It ends with this folder: Playwright keeps an event loop running in this thread, where no other test could run one.
    """
    with sync_playwright() as playwright:
        started = _launch(playwright)
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Makes pages, each a person of its own with own cookies; takes the options of `Browser.new_context`.

    The test fails if one of them asks for something that is not on this machine, tells an error on its console, or has
    a fault in its scripts.
    """
    pages: list[tuple[Page, list[str]]] = []

    def make(**options: object) -> Page:
        page = browser.new_context(**options).new_page()  # type: ignore[arg-type]
        pages.append((page, watch(page)))
        return page

    yield make
    for page, _ in pages:
        page.context.close()
    assert [fault for _, faults in pages for fault in faults] == []


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """One page of `open_page`."""
    return open_page()


def watch(page: Page) -> list[str]:
    """A list that grows with each request to the network, error on the console and fault in a script of `page`."""
    faults: list[str] = []

    def on_request(request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in _LOCAL_SCHEMES and address.hostname not in _LOCAL_HOSTS:
            faults.append(f"request: {request.url}")

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            faults.append(f"console: {message.text}")

    page.on("request", on_request)
    page.on("console", on_console)
    page.on("pageerror", lambda fault: faults.append(f"script: {fault}"))
    return faults


def _launch(playwright: Playwright) -> Browser:
    named = os.environ.get("LGEQA_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, _NAMES)), None)
    try:
        return playwright.chromium.launch(executable_path=found and Path(found), args=_ARGUMENTS)
    except Error as fault:
        pytest.fail(
            f"No Chromium that starts ({found or 'none on PATH'}): {str(fault).splitlines()[0]} "
            "Install it (apt-get install chromium, or playwright install chromium), or name one in LGEQA_CHROMIUM."
        )
