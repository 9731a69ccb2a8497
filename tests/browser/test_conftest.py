"""The watch over pages sees what it is there for."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import watch


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("console.error('planted')", "console: planted"),
        ("setTimeout(() => { throw new Error('planted') })", "script: planted"),
        ("new Image().src = 'https://example.invalid/x.png'", "request: https://example.invalid/x.png"),
    ],
)
def test_a_planted_error_is_reported(browser: Browser, script: str, told: str) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        faults = watch(page)
        page.goto("data:text/html,<title>planted</title>")
        page.evaluate(f"() => {{ {script} }}")
        page.wait_for_timeout(100)
    assert told in faults


def test_each_page_is_a_separate_person(open_page: Callable[..., Page]) -> None:
    one, other = open_page(), open_page(color_scheme="dark", viewport={"width": 375, "height": 667})
    assert one.context is not other.context
    assert other.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
