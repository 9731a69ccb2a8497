"""Waiting time from dropping a scan to seeing its verdict, in a real browser.

Run `python benchmarks/serve.py SCAN`: `lgeqa serve` is started, the scan is dropped as soon as the page is
there (a new server) and four times more (a warm one). Prints seconds. Consider the load of the machine too.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, sync_playwright

_ARGUMENTS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
_SERVE = "from lgeqa.cli import main; main()"
_TIMES = 5


def main() -> None:
    """Print the time of each drop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scan", type=Path)
    scan: Path = parser.parse_args().scan
    with TemporaryDirectory() as home, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_ARGUMENTS)
        page = chromium.new_page()
        page.goto("about:blank")
        started = time.perf_counter()
        command = [sys.executable, "-c", _SERVE, "serve", "--home", home, "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            page.goto(server.stdout.readline().split()[1])
            page.wait_for_selector("#standing:not(:empty)")
            print(f"start of the server to the page: {time.perf_counter() - started:.2f} s")
            for number in range(_TIMES):
                print(f"drop {number + 1}: {_drop(page, scan, number + 1):.2f} s, load {os.getloadavg()[0]:.1f}")
            server.terminate()
        chromium.close()


def _drop(page: Page, scan: Path, count: int) -> float:
    """Return the seconds from dropping a scan on the page until it shows `count` verdicts."""
    start = time.perf_counter()
    page.set_input_files("#files", scan)
    page.wait_for_function(
        "count => document.querySelectorAll('#scans .diagnostic, #scans .non-diagnostic').length >= count", arg=count
    )
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
