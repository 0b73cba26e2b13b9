"""A first search in the console, and the subject it looks for, in a real browser."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Route, expect

from chalicelib.service import MAX_PICTURE_BYTES
from demo import pictures
from tests.browser.stage import Visit, first, search

pytestmark = pytest.mark.browser


def test_a_dropped_picture_finds_its_relative_and_shows_how_near_it_is(
    signed_in: Visit, query: Path
) -> None:
    page = signed_in.page
    data = page.evaluate_handle(
        """async ([bytes, name]) => { const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], name, {type: 'image/png'}));
        return data; }""",
        [list(query.read_bytes()), query.name],
    )
    page.dispatch_event(".drop", "drop", {"dataTransfer": data})
    page.locator(".card").first.wait_for()
    assert first(page) == "motorcycle"
    expect(page.locator(".status")).to_contain_text("candidates")
    expect(page.locator(".card").first).to_contain_text("Hamming")
    expect(page.locator(".card img").first).to_have_js_property("complete", value=True)
    assert page.locator(".card img").first.evaluate("image => image.naturalWidth") > 0


def test_a_pasted_picture_is_searched_with(signed_in: Visit, query: Path) -> None:
    signed_in.page.evaluate(
        """([bytes, name]) => { const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], name, {type: 'image/png'}));
        document.dispatchEvent(new ClipboardEvent('paste',
            {clipboardData: data, bubbles: true, cancelable: true})); }""",
        [list(query.read_bytes()), query.name],
    )
    signed_in.page.locator(".card").first.wait_for()
    assert first(signed_in.page) == "motorcycle"


def test_a_picture_is_taken_with_the_camera(signed_in: Visit) -> None:
    page = signed_in.page
    page.get_by_role("button", name="Take one").click()
    page.locator("video").evaluate(
        "video => new Promise(done => video.readyState > 1 ? done()"
        " : video.addEventListener('loadeddata', done))"
    )
    page.get_by_role("button", name="Take it").click()
    page.locator(".card").first.wait_for()


def test_a_picture_too_large_for_the_service_is_drawn_smallerfirst(
    signed_in: Visit, tmp_path: Path
) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (1500, 1500, 3), dtype=np.uint8)
    large = tmp_path / "large.png"
    Image.fromarray(noise).save(large, compress_level=1)
    assert large.stat().st_size > MAX_PICTURE_BYTES
    with signed_in.page.expect_request(
        lambda request: "PicContent=" in (request.post_data or "")
    ) as sent:
        search(signed_in.page, large)
    content = parse_qs(sent.value.post_data or "")["PicContent"][0]
    assert len(base64.b64decode(content)) <= MAX_PICTURE_BYTES


def test_moving_and_resizing_the_box_search_again_with_it(signed_in: Visit, query: Path) -> None:
    page = signed_in.page
    search(page, query)
    box = page.get_by_role("group", name="Subject box")
    handle = box.locator(".handle.se").bounding_box()
    assert handle is not None
    with page.expect_request(lambda request: "Region=" in (request.post_data or "")) as sent:
        page.mouse.move(handle["x"] + 8, handle["y"] + 8)
        page.mouse.down()
        page.mouse.move(handle["x"] - 60, handle["y"] - 50, steps=4)
        page.mouse.up()
    region = re.search(r"Region=(\d+)%2C(\d+)%2C(\d+)%2C(\d+)", sent.value.post_data or "")
    assert region is not None
    _, right, _, bottom = map(int, region.groups())
    with page.expect_request(lambda request: "Region=" in (request.post_data or "")) as moved:
        box.focus()
        page.keyboard.press("Shift+ArrowLeft")
    smaller = re.search(r"Region=\d+%2C(\d+)%2C\d+%2C(\d+)", moved.value.post_data or "")
    assert smaller is not None
    assert int(smaller[1]) < right
    assert int(smaller[2]) == bottom
    page.get_by_label("Whole picture").check()
    expect(page.locator(".query .hint")).to_contain_text("whole picture")


def test_an_answer_that_comes_while_the_box_is_dragged_does_not_pull_it_away(
    signed_in: Visit, query: Path
) -> None:
    page = signed_in.page
    search(page, query)
    box = page.get_by_role("group", name="Subject box")
    held: list[Route] = []
    # playwright marks its handlers; a built-in cannot be marked
    page.route("**/", lambda route: held.append(route))  # noqa: PLW0108
    with page.expect_request(lambda request: "DistinctProductId" in (request.post_data or "")):
        page.get_by_label("Best picture of each product only").check()
    handle = box.locator(".handle.se").bounding_box()
    assert handle is not None
    page.mouse.move(handle["x"] + 8, handle["y"] + 8)
    page.mouse.down()
    page.mouse.move(handle["x"] - 60, handle["y"] - 50, steps=4)
    dragged = box.bounding_box()
    with page.expect_response(
        lambda response: "DistinctProductId" in (response.request.post_data or "")
    ):
        held[0].continue_()
    page.unroute("**/")
    page.locator(".results:not([aria-busy]) .card").first.wait_for()
    assert box.bounding_box() == dragged
    with page.expect_request(lambda request: "Region=" in (request.post_data or "")):
        page.mouse.up()


def test_another_subject_is_one_click_away(signed_in: Visit, tmp_path: Path) -> None:
    page = signed_in.page
    marks = [
        Image.open(io.BytesIO(sample.data)).resize((360, 360))
        for sample in pictures.samples()
        if sample.kind == "mark"
    ][:2]
    shelf = Image.new("RGB", (1200, 480), "white")
    for at, mark in enumerate(marks):
        shelf.paste(mark, (60 + 720 * at, 60))
    shelf.save(tmp_path / "shelf.png")
    search(page, tmp_path / "shelf.png")
    used = page.get_by_role("group", name="Subject box").bounding_box()
    other = page.get_by_role("button", name="Search with subject 2").bounding_box()
    assert other is not None
    with page.expect_request(lambda request: "Region=" in (request.post_data or "")):
        page.get_by_role("button", name="Search with subject 2").click(
            position={"x": other["width"] - 4, "y": other["height"] - 4}
        )
    page.locator(".results:not([aria-busy]) .card").first.wait_for()
    now = page.get_by_role("group", name="Subject box").bounding_box()
    assert now != used
    assert now is not None
    assert abs(now["x"] - other["x"]) < 4


def test_the_query_is_still_there_after_a_look_elsewhere(signed_in: Visit, query: Path) -> None:
    page = signed_in.page
    search(page, query)
    page.get_by_role("link", name="Keys").click()
    page.locator("tbody tr").first.wait_for()
    page.get_by_role("link", name="Search").click()
    page.locator(".card").first.wait_for()
