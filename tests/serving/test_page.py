"""The try-it page in a real browser, against the API asked beside it."""

import json
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

from edge.device.contract import Contract, read_contract, write_contract
from edge.device.manifest import hash_outputs, read_manifest, write_manifest

STATIC = Path(__file__).resolve().parents[2] / "serving" / "static"
KEY = "a-key-of-24-characters-xx"
HOSTILE = "<img src=x onerror=\"document.title='taken'\">"

Encode = Callable[..., bytes]
StartServer = Callable[..., Any]
Visit = Callable[..., Page]


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console said was wrong; a test that provokes it clears the list."""
    return []


@pytest.fixture
def visit(browser: Browser, complaints: list[str]) -> Iterator[Visit]:
    """Open the page of a server, ready for use; keyword arguments go to the browser's context.

    Afterwards: every request went to that server, and the console is quiet.
    """
    pages: list[Page] = []
    asked: list[str] = []

    def open_page(url: str, **options: Any) -> Page:
        page = browser.new_context(reduced_motion="reduce", **options).new_page()
        pages.append(page)
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url)
        expect(page.locator("#command")).not_to_be_empty()
        page.evaluate("Promise.all([...document.querySelectorAll('#examples img')].map((image) => image.decode()))")
        return page

    yield open_page
    origins = tuple(page.evaluate("location.origin") for page in pages)
    for page in pages:
        page.context.close()
    assert [url for url in asked if not url.startswith((*origins, "blob:"))] == []
    assert complaints == []


@pytest.fixture
def photograph(encode: Encode) -> bytes:
    return encode(np.random.default_rng(4).integers(0, 256, (30, 40, 3), np.uint8), "JPEG", quality=90)


def rewrite(artifact: Path, contract: Contract) -> None:
    """Give `artifact` another contract, as an export would."""
    write_contract(artifact, contract)
    write_manifest(artifact, replace(read_manifest(artifact), outputs=hash_outputs(artifact)))


def choose(page: Page, content: bytes, name: str = "rose.jpg") -> None:
    page.set_input_files("#file", {"name": name, "mimeType": "image/jpeg", "buffer": content})


def give(page: Page, event: str, field: str, content: bytes, names: tuple[str, ...]) -> None:
    """Drop or paste files of that content."""
    page.evaluate(
        """([event, field, bytes, names]) => {
            const data = new DataTransfer();
            for (const name of names) data.items.add(new File([new Uint8Array(bytes)], name, {type: "image/jpeg"}));
            const given = event === "paste" ? new ClipboardEvent(event, {clipboardData: data, bubbles: true})
              : new DragEvent(event, {dataTransfer: data, bubbles: true, cancelable: true});
            document.querySelector(field).dispatchEvent(given);
        }""",
        [event, field, list(content), list(names)],
    )


def shown(page: Page) -> list[tuple[str, str]]:
    """Labels and percentages of the bars."""
    page.wait_for_selector("#scores li")
    rows = page.locator("#scores li").all()
    return [(row.locator("span").nth(0).inner_text(), row.locator(".number").inner_text()) for row in rows]


def expected(url: str, content: bytes) -> list[tuple[str, str]]:
    """The same from the API."""
    scores = httpx.post(f"{url}/predict?top=5", files={"image": content}).json()["scores"]
    texts = [f"{100 * each['score']:.1f}" for each in scores]
    return [
        (each["label"], ("<0.1" if text == "0.0" else text) + "\u202f%")
        for each, text in zip(scores, texts, strict=True)
    ]


def problem_of(page: Page) -> str:
    alert = page.get_by_role("alert")
    expect(alert).not_to_be_empty()
    expect(page.locator("#details")).to_be_hidden()
    return alert.inner_text()


def test_page_shows_what_the_api_answers_for_a_chosen_file(served: Any, visit: Visit, photograph: bytes) -> None:
    page = visit(served.url)
    choose(page, photograph)
    assert shown(page) == expected(served.url, photograph)
    label, score = shown(page)[0]
    expect(page.locator("#verdict")).to_have_text(f"{label} {score}")
    expect(page.locator("#verdict")).to_have_attribute("aria-live", "polite")
    widths = [bar.bounding_box() for bar in page.locator(".track, .track .bar").all()]
    track, bar = widths[:2]
    assert track and bar
    assert 100 * bar["width"] / track["width"] == pytest.approx(float(score.split("\u202f")[0]), abs=0.5)


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_page_takes_a_picture_that_is_dropped_or_pasted_anywhere(
    served: Any, visit: Visit, photograph: bytes, event: str
) -> None:
    page = visit(served.url)
    give(page, event, "#command", photograph, ("rose.jpg",))
    assert shown(page) == expected(served.url, photograph)
    give(page, event, "h1", photograph, ("one.jpg", "two.jpg", "three.jpg"))
    expect(page.locator("#note")).to_contain_text("the first of 3")


def test_page_says_that_what_was_dropped_is_no_file(served: Any, visit: Visit) -> None:
    page = visit(served.url)
    give(page, "drop", "h1", b"", ())
    assert "no picture file" in problem_of(page)


def test_page_is_reached_by_keyboard_with_visible_focus_to_an_example(served: Any, visit: Visit) -> None:
    page = visit(served.url)
    reached = []
    for _ in range(20):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.ariaLabel || document.activeElement.textContent.trim()"))
        assert page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)") >= 2
        if reached[-1] == "Example 3":
            break
    assert reached == ["API", "Metrics", "Model card", "Choose a picture", "Use the camera",
                       "Example 1", "Example 2", "Example 3"]  # fmt: skip
    page.keyboard.press("Enter")
    assert shown(page)[0][0] == str(served.golden.outputs[2].argmax())
    expect(page.get_by_role("button", name="Example 3")).to_have_attribute("aria-pressed", "true")


def test_page_shows_the_servers_sentence_for_a_text_named_jpg(
    served: Any, visit: Visit, complaints: list[str], photograph: bytes
) -> None:
    page = visit(served.url)
    choose(page, photograph)
    shown(page)
    choose(page, b"this is no rose")
    sentence = httpx.post(f"{served.url}/predict", files={"image": b"this is no rose"}).json()["error"]
    assert problem_of(page) == sentence
    expect(page.locator("#verdict")).to_be_empty()  # the answer before is not this one's
    assert [each for each in complaints if "status of 400" not in each] == []
    complaints.clear()
    choose(page, photograph)
    shown(page)
    expect(page.get_by_role("alert")).to_be_empty()


def test_page_says_that_there_is_no_connection_once_the_server_has_stopped(
    start_server: StartServer, visit: Visit, complaints: list[str], photograph: bytes
) -> None:
    with start_server() as server:
        page = visit(server.url)
    choose(page, photograph)  # the server has ended
    assert problem_of(page).startswith("No connection to the server")
    assert all("ERR_CONNECTION_REFUSED" in each for each in complaints)
    complaints.clear()


def test_page_shows_the_figures_of_the_proof(served: Any, visit: Visit) -> None:
    card = httpx.get(f"{served.url}/model.json").json()
    proofs = json.loads((served.artifact / "proof.json").read_text())["proofs"]
    proof = next(each for each in proofs if (each["file"], each["runtime"]) == (card["file"], card["runtime"]))
    page = visit(served.url)
    figures = page.locator("#figures").inner_text()
    low, high = (f"{100 * bound:.1f}" for bound in proof["top1_interval"])
    for text in (
        f"{100 * proof['top1']:.2f}\u202f%",
        f"{low}\u2013{high}\u202f%",
        f"{proof['samples']} blind-test",
        f"{100 * abs(proof['drop']):.2f}",
        f"{100 * proof['agreement']:.2f}\u202f%",
        f"{(served.artifact / card['file']).stat().st_size / 1024:.1f}\u00a0KiB",
        card["precision"],
        card["runtime"],
        card["model"]["version"],
    ):
        assert text in figures
    assert ("Gained on float" if proof["drop"] < 0 else "Lost against float") in figures


def test_page_splits_the_round_trip_into_its_parts(served: Any, visit: Visit, photograph: bytes) -> None:
    page = visit(served.url)
    choose(page, photograph)
    shown(page)
    rows = dict(row.split("\n") for row in page.locator("#times > div").all_inner_texts())
    *parts, whole = (float(text.removesuffix("\u00a0ms")) for text in rows.values())
    assert list(rows) == ["Decode", "Resize", "Infer", "Network, queue, browser", "Round trip"]
    assert sum(parts) == pytest.approx(whole, abs=0.2)  # each is rounded
    boxes = [each.bounding_box() for each in page.locator("#time span").all()]
    widths = [box["width"] for box in boxes if box]
    assert np.argmax(widths) == np.argmax(parts)
    assert min(widths) >= 2


def test_page_gives_a_command_that_works(served: Any, visit: Visit, photograph: bytes, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    page = visit(served.url, permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    command = shlex.split(page.evaluate("navigator.clipboard.readText()"))
    (tmp_path / "picture.jpg").write_bytes(photograph)
    done = subprocess.run([*command, "-s"], cwd=tmp_path, capture_output=True, check=True, timeout=30)
    assert json.loads(done.stdout)["label"] == expected(served.url, photograph)[0][0]


def test_page_selects_the_command_where_browsers_give_no_clipboard(served: Any, visit: Visit) -> None:
    page = visit(served.url.replace("127.0.0.1", "pictures.test"))
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("press Ctrl+C")).to_be_visible()
    assert page.evaluate("getSelection().toString()") == page.locator("#command").inner_text()


def test_page_takes_a_still_from_the_camera_and_switches_it_off(served: Any, visit: Visit) -> None:
    page = visit(served.url, permissions=["camera"])
    page.get_by_role("button", name="Use the camera").click()
    shutter = page.get_by_role("button", name="Take the picture")
    expect(shutter).to_be_focused()
    page.evaluate("window.tracks = document.querySelector('video').srcObject.getTracks()")
    size = page.evaluate("[tracks[0].getSettings().width, tracks[0].getSettings().height]")
    page.keyboard.press("Enter")
    assert len(shown(page)) == 5
    preview = "document.querySelector('#preview')"
    assert page.evaluate(f"[{preview}.naturalWidth, {preview}.naturalHeight]") == size
    assert page.evaluate("tracks.map((track) => track.readyState)") == ["ended"]
    expect(page.get_by_role("button", name="Use the camera")).to_be_focused()

    page.keyboard.press("Enter")
    expect(shutter).to_be_visible()
    page.keyboard.press("Escape")
    expect(shutter).to_be_hidden()
    assert page.evaluate("document.querySelector('video').srcObject") is None


def test_page_says_why_there_is_no_camera(served: Any, visit: Visit) -> None:
    for url, word in ((served.url, "refused"), (served.url.replace("127.0.0.1", "pictures.test"), "https")):
        page = visit(url)
        page.get_by_role("button", name="Use the camera").click()
        assert word in problem_of(page)
        expect(page.get_by_role("button", name="Choose a picture")).to_be_visible()


def test_page_scales_down_what_the_server_would_not_take(
    start_server: StartServer, visit: Visit, encode: Encode
) -> None:
    noise = encode(np.random.default_rng(5).integers(0, 256, (300, 500, 3), np.uint8))
    black = encode(np.zeros((300, 500), np.uint8))  # few bytes, yet too many pixels
    with start_server("--body-bytes", 20_000, "--pixels", 120_000) as server:
        page = visit(server.url)
        for content in (noise, black):
            assert httpx.post(f"{server.url}/predict", files={"image": content}).status_code in (400, 413)
            choose(page, content)
            expect(page.locator("#note")).to_contain_text("Scaled down by your browser")
            assert len(shown(page)) == 5
        choose(page, bytes(30_000))
        assert "cannot show as a picture" in problem_of(page)
        expect(page.locator("#note")).to_be_empty()  # what was scaled down was the one before


def test_page_asks_for_a_key_only_where_one_is_needed_and_keeps_it_in_memory(
    start_server: StartServer, served: Any, visit: Visit, complaints: list[str], photograph: bytes, tmp_path: Path
) -> None:
    expect(visit(served.url).get_by_label("API key")).to_be_hidden()
    keys = tmp_path / "keys"
    keys.write_text(KEY)
    with start_server("--api-key-file", keys) as server:
        page = visit(server.url)
        assert page.locator("#examples img").count() == 0  # pictures of the data are not for everybody
        assert httpx.get(f"{server.url}/examples/0.png").status_code == 401
        choose(page, photograph)
        assert "API key missing" in problem_of(page)
        assert all("status of 401" in each for each in complaints)
        complaints.clear()
        field = page.get_by_label("API key")
        field.fill("schlüssel")
        field.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("no key has")
        field.fill(KEY)
        field.press("Enter")
        assert shown(page) == expected(served.url, photograph)
        assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
        assert "X-API-Key" in page.locator("#command").inner_text()
        assert KEY not in page.content()


def test_page_shows_hostile_labels_as_text(
    start_server: StartServer, visit: Visit, own_artifact: Path, photograph: bytes
) -> None:
    contract = read_contract(own_artifact)
    labels = tuple(f"{HOSTILE}{'m' * 300}{index}" for index in range(10))
    rewrite(own_artifact, replace(contract, name=HOSTILE, output=replace(contract.output, labels=labels)))
    with start_server(artifact=own_artifact) as server:
        page = visit(server.url, viewport={"width": 360, "height": 740})
        choose(page, photograph)
        assert shown(page)[0][0] in labels
        expect(page.locator("h1")).to_have_text(HOSTILE)
        assert page.locator("img[src=x]").count() == 0
        assert page.title().startswith(HOSTILE)  # not "taken"
        assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_page_shows_the_new_model_once_the_server_has_reloaded(
    start_server: StartServer, visit: Visit, own_artifact: Path, photograph: bytes
) -> None:
    contract = read_contract(own_artifact)
    rewrite(own_artifact, replace(contract, fastest="litert"))
    with start_server(artifact=own_artifact) as server:
        page = visit(server.url)
        rewrite(own_artifact, replace(contract, fastest="onnxruntime"))
        server.process.send_signal(signal.SIGHUP)
        while httpx.get(f"{server.url}/model.json").json()["runtime"] != "onnxruntime":
            page.wait_for_timeout(50)
        expect(page.locator("#facts")).to_contain_text("in litert")
        choose(page, photograph)
        expect(page.locator("#facts")).to_contain_text("in onnxruntime")
        assert len(shown(page)) == 5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_page_has_no_barrier_in_any_state(
    served: Any, visit: Visit, complaints: list[str], scheme: str, width: int
) -> None:
    page = visit(served.url, color_scheme=scheme, viewport={"width": width, "height": 740})
    red, *_ = json.loads(page.evaluate("getComputedStyle(document.body).backgroundColor.replace('rgb', '')")
                         .replace("(", "[").replace(")", "]"))  # fmt: skip
    assert red > 200 if scheme == "light" else red < 60

    def check() -> None:
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    check()
    page.get_by_role("button", name="Example 1", exact=True).click()
    shown(page)
    check()
    expect(page.locator("#verdict")).to_be_in_viewport()
    choose(page, b"no picture")
    problem_of(page)
    complaints.clear()
    check()


def test_page_weighs_less_than_30_kib() -> None:
    assert sum(file.stat().st_size for file in STATIC.iterdir()) < 30 * 1024
