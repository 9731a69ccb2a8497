"""How long the list of `lgeqa serve` takes with thousands of scans: on the server, and in Chromium until it is drawn.

python benchmarks/scan_list.py [--n 2000] [--times 7]

The scans are made up. Prints the least and the median of several times, since other programs delay some of them.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, sync_playwright

from lgeqa.database import open_database
from tests.browser.conftest import _launch
from tests.browser.test_serve import Server
from tests.factories.worklist import fill
from tests.web.serving import TOKEN

#: Acts on the page, returns the milliseconds until what `done` says is true and has been drawn.
_TIMED = """async ([act, done]) => {
  const isDone = new Function(`return ${done}`);
  const start = performance.now();
  new Function(act)();
  while (!isDone() && performance.now() - start < 10000) await new Promise((resolve) => setTimeout(resolve, 1));
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  return performance.now() - start;
}"""
_SET = """const field = document.querySelector("[name={name}]"); field.value = "{value}";
field.dispatchEvent(new Event("input", {{ bubbles: true }}));"""
_FIRST = 'document.querySelector("#scans tbody th")?.textContent'


def main() -> None:
    """Fill a home folder, serve it, and time what a person does with the list."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=2000)
    parser.add_argument("--times", type=int, default=7)
    options = parser.parse_args()
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        place = Path(folder)
        (place / "home").mkdir()
        sessions = open_database(place / "home" / "lgeqa.sqlite")
        fill(sessions, options.n, pictured=True)
        start = time.perf_counter()
        with Server(place) as server:
            print(f"start, which decides again on {options.n} scans: {time.perf_counter() - start:.1f} s")
            page = _launch(playwright).new_page(bypass_csp=True)
            page.goto(f"{server.address}/?token={TOKEN}")
            page.wait_for_function('document.querySelectorAll("#scans tbody tr").length === 50')
            time_list(page, options.times)


def time_list(page: Page, times: int) -> None:
    """Print how long filters, orders, pages, scrolling and the mosaic take."""
    report("sort", times, lambda turn: change(page, "sort", ("probability:false", "name:false")[turn % 2]))
    report("filter by decision", times, lambda turn: change(page, "decision", ("review", "repeat")[turn % 2]))
    change(page, "decision", "")
    report("search", times, lambda turn: change(page, "text", ("12", "7")[turn % 2]))
    change(page, "text", "")
    page.locator("summary", has_text="More filters").click()
    page.locator("[name=field]").select_option("wall_cnr")
    report("filter by measure", times, lambda turn: change(page, "limit", ("2", "4")[turn % 2]))
    page.locator("[name=field]").select_option("")
    report("next page", times, lambda _: act(page, 'document.querySelector("#on").click()'))
    report("scroll by a screen", times, lambda turn: scroll(page, turn))
    page.locator("[name=view][value=mosaic]").check()
    page.wait_for_function('document.querySelectorAll("#mosaic li").length >= 200')
    report("scroll the mosaic by a screen", times, lambda turn: scroll(page, turn))
    report("sort the mosaic", times, lambda turn: sort_mosaic(page, turn))


def change(page: Page, name: str, value: str) -> float:
    """Return the milliseconds until the list shows other scans after a change of the form."""
    return act(page, _SET.format(name=name, value=value))


def act(page: Page, script: str, what: str = _FIRST) -> float:
    """Return the milliseconds until the first scan of the list is another one after a script."""
    before = page.evaluate(what)
    return float(page.evaluate(_TIMED, [script, f"{what} !== {json.dumps(before)}"]))


def sort_mosaic(page: Page, turn: int) -> float:
    """Return the milliseconds until the mosaic has another order."""
    value = ("probability:false", "name:false")[turn % 2]
    return act(page, _SET.format(name="sort", value=value), 'document.querySelector("#mosaic li")?.textContent')


def scroll(page: Page, turn: int) -> float:
    """Return the milliseconds until the page is drawn after a scroll by its height."""
    return float(page.evaluate(_TIMED, [f"scrollBy(0, innerHeight * {1 if turn % 2 == 0 else -1})", "true"]))


def report(what: str, times: int, timed: Callable[[int], float]) -> None:
    """Print the least and the median of several times."""
    taken = [timed(turn) for turn in range(times)]
    print(f"{what}: least {min(taken):.0f} ms, median {median(taken):.0f} ms of {times}")


if __name__ == "__main__":
    main()
