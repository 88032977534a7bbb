"""The page in a real browser: it asks nobody for anything, and can be read wide, narrow, dark, on paper and by ear."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page
from pydantic import TypeAdapter

from pipeline.report.page import render
from pipeline.report.sections import SECTIONS, NotMeasured, Results

HOSTILE = "<img src=x onerror=\"document.title='taken'\">"


@pytest.fixture(params=[(1100, "light"), (1100, "dark"), (390, "light"), (390, "dark")], ids=str)
def page(browser: Browser, reported: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The opened page; in the end it has asked for nothing but itself, and the console is quiet."""
    (width, scheme), asked, complaints = request.param, [], []
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.on("request", lambda each: asked.append(each.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto((reported / "report" / "index.html").as_uri())
    yield page
    context.close()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert len([url for url in asked if url.startswith("file:")]) == 1
    assert complaints == []


def test_page_has_no_fault_that_a_screen_reader_would_stumble_over(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_page_is_no_wider_than_the_screen(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_page_shows_every_section_in_order(page: Page) -> None:
    assert page.eval_on_selector_all("main > section", "all => all.map(each => each.id)") == ["proven", *SECTIONS]
    assert page.eval_on_selector_all("nav a", "all => all.every(a => document.querySelector(a.getAttribute('href')))")


def test_every_drawing_has_a_text_alternative_and_takes_the_colours_of_the_page(page: Page) -> None:
    drawings = page.eval_on_selector_all("[role=img]", "all => all.map(each => each.getAttribute('aria-label'))")
    assert len(drawings) > 5
    assert all(len(words) > 60 for words in drawings)
    ink = page.evaluate("getComputedStyle(document.body).color")
    assert ink in page.eval_on_selector_all("svg text", "all => all.map(each => getComputedStyle(each).fill)")


def test_identifiers_are_the_only_ones_of_their_name(page: Page) -> None:
    names = page.eval_on_selector_all("[id]", "all => all.map(each => each.id)")
    assert len(names) == len(set(names))


def test_page_can_be_printed(browser: Browser, reported: Path) -> None:
    page = browser.new_page()
    page.goto((reported / "report" / "index.html").as_uri())
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.close()


def test_names_from_outside_stay_text(browser: Browser, reported: Path) -> None:
    results = TypeAdapter(Results).validate_json((reported / "report" / "results.json").read_bytes())
    hostile = replace(
        results,
        proven=replace(results.proven, recipe=HOSTILE),
        training=NotMeasured(not_measured=HOSTILE),
    )
    page = browser.new_page()
    page.set_content(render(hostile))
    assert page.locator("h1").inner_text() == HOSTILE
    assert HOSTILE in page.locator("#training").inner_text()
    assert page.locator("img[src=x]").count() == 0
    page.close()
