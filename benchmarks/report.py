"""Performance of the report in Chromium, and cost of its pictures.

python benchmarks/report.py --out OUT [--scans FOLDER] [--bundle DIR] [--runs 5]

`OUT` is the output folder of `lgeqa assess`. Each run opens `report.html` in a new context and then one of its scans.
With `--scans`, up to ten scans are assessed and drawn in this process, and the ratio of the two times is printed.
"""

import argparse
import os
import statistics
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from lgeqa.inference.bundle import open_bundle
from lgeqa.inference.pipeline import AssessSettings, assess_source
from lgeqa.io import discover
from lgeqa.reporting import draw_pictures

#: Notes when the browser has drawn a frame with the table in it.
_TABLE_SEEN = """
const look = () => requestAnimationFrame(document.querySelector("#scans tbody tr")
    ? () => { window.tableSeen = performance.now(); } : look);
look();
"""
_NAVIGATION = "() => performance.getEntriesByType('navigation')[0].loadEventEnd"
#: Opens the first scan that has pictures, and waits until they are drawn.
_OPEN = """async () => {
    const start = performance.now();
    const part = document.querySelector(".pictures-data").closest(".scan");
    part.open = true;
    while (!("ready" in part.dataset)) await new Promise(requestAnimationFrame);
    return performance.now() - start;
}"""


def main() -> None:
    """Print size, times, requests and errors of the report, and the cost of pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scans", type=Path)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    for page in sorted(options.out.glob("report*.html")):
        print(f"{page.name}: {page.stat().st_size / 1e6:.1f} MB")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("LGEQA_CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"]
        )
        in_browser(browser, (options.out / "report.html").resolve().as_uri(), options.runs)
        browser.close()
    if options.scans:
        cost_of_pictures(options.scans, options.bundle)


def in_browser(browser: Browser, address: str, runs: int) -> None:
    """Open the report repeatedly, and print times, requests and errors."""
    rows, requests, errors = [], [], []
    for _ in range(runs):
        with browser.new_context() as context:
            page = context.new_page()
            page.on("request", lambda request: requests.append(request.url.partition(":")[0]))
            page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.add_init_script(_TABLE_SEEN)
            start = time.perf_counter()
            page.goto(address)
            wall = time.perf_counter() - start
            table_drawn = page.wait_for_function("window.tableSeen").json_value() / 1000
            rows.append((wall, page.evaluate(_NAVIGATION) / 1000, table_drawn, page.evaluate(_OPEN) / 1000))
    for name, times in zip(
        ("navigation", "load event", "table drawn", "a scan opened"), zip(*rows, strict=True), strict=True
    ):
        print(f"{name}: median {statistics.median(times):.2f} s of {runs}, {min(times):.2f} to {max(times):.2f} s")
    print(f"requests by scheme: { {scheme: requests.count(scheme) for scheme in sorted(set(requests))} }")
    print(f"console errors: {len(errors)}", *errors[:3])


def cost_of_pictures(folder: Path, bundle_folder: Path | None) -> None:
    """Assess some scans, draw them, and print the times of both."""
    bundle = open_bundle(bundle_folder, 1)
    assessing, drawing = [], []
    for source in discover([folder])[:11]:
        start = time.perf_counter()
        assessment = assess_source(source, bundle, AssessSettings())
        middle = time.perf_counter()
        draw_pictures(assessment, bundle.manifest.quality.preparation)
        assessing.append(middle - start)
        drawing.append(time.perf_counter() - middle)
    a, d = statistics.median(assessing[1:]), statistics.median(drawing[1:])  # the first scan loads the networks
    print(
        f"pictures: {d * 1000:.0f} ms beside {a * 1000:.0f} ms of reading and assessing, {d / a:.1%} (median of scans)"
    )


if __name__ == "__main__":
    main()
