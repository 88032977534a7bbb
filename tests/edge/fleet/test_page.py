"""The fleet's page in a real browser: wide, narrow, dark, by ear, and with hostile names."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page

from edge.deploy.seen import Facts, Refusal, Seen, Server, Status
from edge.fleet.page import ago, render
from edge.fleet.row import Row, Told, told_by

NOW = 1_800_000_000.0
HOSTILE = "<img src=x onerror=\"document.title='taken'\">"

ROWS = (
    Row(
        name="door", address="pi@10.0.0.17", target="cpu", tried=NOW, last_seen=NOW,
        told=Told(board="Raspberry Pi 5", model="flowers", version="1.2.0", slot="a", health="serving",
                  runtime="litert", latency_ms=12.34, drift=0.05),
    ),
    Row(
        name="gate", address="mendel@gate", target="coral", tried=NOW, last_seen=NOW,
        told=Told(board="dev-board", model="flowers", version="1.1.0", slot="b", health="failed", drift=0.31,
                  reason="refused 1.2.0: golden vector 3 differs", fallback=("edgetpu: the delegate crashed",)),
    ),
    Row(name="roof", address="roof", target="jetson", tried=NOW, last_seen=NOW - 3 * 86400, problem="roof: no answer",
        told=Told(model="flowers", version="1.1.0", slot="a", health="serving")),
    Row(name="new", address="new", target="cpu", tried=NOW, last_seen=NOW, told=Told(health="empty")),
    Row(name="shed", address="shed", target="cpu"),
)  # fmt: skip


@pytest.fixture(params=[(1280, "light"), (1280, "dark"), (360, "light"), (360, "dark")], ids=str)
def page(browser: Browser, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    (tmp_path / "fleet.html").write_text(render(ROWS, NOW, "greenhouse"))
    (width, scheme), asked, complaints = request.param, [], []
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.on("request", lambda each: asked.append(each.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto((tmp_path / "fleet.html").as_uri())
    yield page
    context.close()
    assert len(asked) == 1 and complaints == []


def test_page_can_be_read_at_any_width_and_by_ear(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    bar = page.get_by_role("img")
    assert bar.get_attribute("aria-label") == "1 serving, 1 failed, 1 unreachable, 1 empty, 1 not asked yet"
    (width, height) = page.evaluate("(e => [e.clientWidth, e.clientHeight])(document.querySelector('.bar span'))")
    assert width > 20 and height > 5


def test_page_tells_of_each_device(page: Page) -> None:
    text = page.locator("main").inner_text()
    for words in (
        "door",
        "Raspberry Pi 5",
        "flowers 1.2.0",
        "12.3 ms",
        "0.05 none",
        "0.31 large",
        "3 days ago",
        "never",
    ):
        assert words in text
    assert "refused 1.2.0: golden vector 3 differs" in text and "edgetpu: the delegate crashed" in text
    assert "1 of 5 devices is well" in page.locator("header").inner_text()
    assert "What gate answers\nhas moved far" in page.content()


def test_names_from_outside_stay_text(browser: Browser) -> None:
    told = Told(board=HOSTILE, model=HOSTILE, version=HOSTILE, reason=HOSTILE, fallback=(HOSTILE,), health="failed")
    page = browser.new_page()
    page.set_content(
        render([Row(name="door", address=HOSTILE, target="cpu", problem=HOSTILE, told=told)], NOW, HOSTILE)
    )
    assert page.locator("h1").inner_text() == HOSTILE
    assert page.locator("img").count() == 0
    page.close()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "now"), (59, "now"), (60, "1 minute ago"), (7200, "2 hours ago"), (86400 * 40, "40 days ago"), (-5, "now")],
)
def test_time_that_has_passed_is_told_in_words(seconds: float, words: str) -> None:
    assert ago(NOW - seconds, NOW) == words
    assert ago(None, NOW) == "never"


def seen(status: Status | None) -> Seen:
    facts = Facts(
        root="/r", python="3.11.2", machine="aarch64", model="Some Board", free_bytes=1, writable=True, trusted=[],
        installed=None, own_runner=False, incoming={},
    )  # fmt: skip
    return Seen(facts=facts, status=status)


@pytest.mark.parametrize(
    ("status", "health", "reason"),
    [
        (None, "empty", "nothing is installed"),
        (Status(), "empty", "nothing is installed"),
        (Status(version="1.0.0"), "installed", "no server runs"),
        (Status(version="1.0.0", server=Server(state="serving")), "serving", ""),
        (Status(version="1.0.0", server=Server(state="starting")), "failed", "the server is starting"),
        (Status(version="1.0.0", server=Server(state="failed", reason="no\x1b[2Jroom")), "failed", "no [2Jroom"),
        (
            Status(version="1.0.0", server=Server(state="serving", refused=Refusal(version="2.0.0", reason="differs"))),
            "failed", "refused 2.0.0: differs",
        ),
    ],
)  # fmt: skip
def test_health_is_made_of_what_the_runner_says(status: Status | None, health: str, reason: str) -> None:
    told = told_by(seen(status))
    assert (told.health, told.reason) == (health, reason)


def test_drift_is_taken_where_it_is_a_number() -> None:
    drifts = [0.25, None, "much", True, float("nan")]
    told = [told_by(seen(Status(version="1.0.0", telemetry={"drift": drift}))).drift for drift in drifts]
    assert told == [0.25, None, None, None, None]
