"""What people do in the console, in a real browser against a real server."""

from __future__ import annotations

import base64
import io
import json
import re
import time
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

from chalicelib.service import MAX_PICTURE_BYTES
from demo import pictures
from demo.client import Client
from tests.browser.stage import Service, Visit, sign_in, visit

pytestmark = pytest.mark.browser


@pytest.fixture
def query(tmp_path: Path) -> Path:
    sample = pictures.query()
    path = tmp_path / sample.key.pic_name
    path.write_bytes(sample.data)
    return path


def _search(page: Page, picture: Path) -> None:
    page.locator(".query input[type=file]").set_input_files(picture)
    page.locator(".card").first.wait_for()


def create_collection(page: Page, name: str, kind: str) -> None:
    page.get_by_role("link", name="Collections").click()
    page.get_by_role("button", name="Create a collection").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label(kind).check()
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def _first(page: Page) -> str:
    return page.locator(".card .said.strong").first.inner_text()


def test_a_first_visit_asks_for_a_key_and_a_wrong_one_is_refused(
    browser: Browser, service: Service
) -> None:
    opened = visit(browser, service)
    expect(opened.page.get_by_role("heading", name="Find what looks like it")).to_be_visible()
    opened.page.get_by_label("Access key").fill(service.key_id)
    opened.page.get_by_label("Secret").fill("wrong")
    opened.page.get_by_role("button", name="Sign in").click()
    expect(opened.page.get_by_role("alert")).to_contain_text("SignatureDoesNotMatch")
    expect(opened.page.get_by_role("navigation", name="Main")).to_be_hidden()
    opened.page.context.close()


def test_key_and_secret_pasted_together_fill_both_fields(
    browser: Browser, service: Service
) -> None:
    page = visit(browser, service).page
    page.get_by_label("Access key").focus()
    page.evaluate(
        """text => { const data = new DataTransfer(); data.setData('text', text);
        document.activeElement.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true})); }""",
        f"{service.key_id} {service.secret}\n",
    )
    assert page.get_by_label("Secret").input_value() == service.secret
    page.context.close()


def test_nothing_of_the_key_is_kept(signed_in: Visit) -> None:
    page = signed_in.page
    assert (
        page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length") == 0
    )
    assert page.context.cookies() == []
    page.reload()
    expect(page.get_by_label("Access key")).to_have_value("")


def test_a_dropped_picture_finds_its_relative_and_shows_how_near_it_is(
    signed_in: Visit, query: Path
) -> None:
    page = signed_in.page
    data = page.evaluate_handle(
        """async ([bytes, name]) => { const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], name, {type: 'image/png'})); return data; }""",
        [list(query.read_bytes()), query.name],
    )
    page.dispatch_event(".drop", "drop", {"dataTransfer": data})
    page.locator(".card").first.wait_for()
    assert _first(page) == "motorcycle"
    expect(page.locator(".status")).to_contain_text("candidates")
    expect(page.locator(".card").first).to_contain_text("Hamming")
    expect(page.locator(".card img").first).to_have_js_property("complete", value=True)
    assert page.locator(".card img").first.evaluate("image => image.naturalWidth") > 0


def test_a_pasted_picture_is_searched_with(signed_in: Visit, query: Path) -> None:
    signed_in.page.evaluate(
        """([bytes, name]) => { const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], name, {type: 'image/png'}));
        document.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true})); }""",
        [list(query.read_bytes()), query.name],
    )
    signed_in.page.locator(".card").first.wait_for()
    assert _first(signed_in.page) == "motorcycle"


def test_a_picture_is_taken_with_the_camera(signed_in: Visit) -> None:
    page = signed_in.page
    page.get_by_role("button", name="Take one").click()
    page.locator("video").evaluate(
        "video => new Promise(done => video.readyState > 1 ? done() : video.addEventListener('loadeddata', done))"
    )
    page.get_by_role("button", name="Take it").click()
    page.locator(".card").first.wait_for()


def test_a_picture_too_large_for_the_service_is_drawn_smaller_first(
    signed_in: Visit, tmp_path: Path
) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (1500, 1500, 3), dtype=np.uint8)
    large = tmp_path / "large.png"
    Image.fromarray(noise).save(large, compress_level=1)
    assert large.stat().st_size > MAX_PICTURE_BYTES
    with signed_in.page.expect_request(
        lambda request: "PicContent=" in (request.post_data or "")
    ) as sent:
        _search(signed_in.page, large)
    content = parse_qs(sent.value.post_data or "")["PicContent"][0]
    assert len(base64.b64decode(content)) <= MAX_PICTURE_BYTES


def test_a_clock_that_is_wrong_is_corrected_by_the_service_s(
    browser: Browser, service: Service
) -> None:
    opened = visit(browser, service)
    opened.page.clock.install(time=time.time() - 7200)
    opened.page.reload()
    sign_in(opened.page, service)
    expect(opened.page.get_by_role("heading", name="What looks like it?")).to_be_visible()
    opened.page.context.close()


def test_moving_and_resizing_the_box_search_again_with_it(signed_in: Visit, query: Path) -> None:
    page = signed_in.page
    _search(page, query)
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
    _search(page, query)
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
    _search(page, tmp_path / "shelf.png")
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


def test_a_filter_is_completed_applied_and_explained_when_it_is_wrong(
    signed_in: Visit, query: Path
) -> None:
    page = signed_in.page
    _search(page, query)
    field = page.get_by_role("combobox", name="Filter")
    field.press_sequentially("str_at")
    page.get_by_role("option", name="str_attr", exact=True).click()
    page.get_by_role("option", name="=", exact=True).click()
    page.get_by_role("option", name='"photo"', exact=True).click()
    assert field.input_value().strip() == 'str_attr = "photo"'
    with page.expect_request(lambda request: "Filter=" in (request.post_data or "")):
        field.press("Enter")
    page.locator(".results:not([aria-busy]) .card").first.wait_for()
    field.fill("str_attr ==")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("InvalidFilterClause")
    signed_in.complaints.clear()  # the browser notes the 400 that was provoked


def test_the_category_is_predicted_and_another_one_click_away(
    signed_in: Visit, query: Path
) -> None:
    page = signed_in.page
    _search(page, query)
    expect(page.locator(".chip[aria-pressed=true]")).to_contain_text("predicted")
    with page.expect_request(lambda request: "CategoryId=20" in (request.post_data or "")):
        page.get_by_role("button", name="Toy").click()
    expect(page.get_by_role("button", name="Toy")).to_have_attribute("aria-pressed", "true")


def test_paging_distinct_and_threshold_narrow_the_answer(
    signed_in: Visit, service: Service, query: Path
) -> None:
    """In a generic collection of 13 pictures, one more than a page, of which two show one product."""
    page = signed_in.page
    create_collection(page, "paged", "Generic")
    client = Client(service.url.removeprefix("http://").rstrip("/"), service.key_id, service.secret)
    for number, sample in enumerate(list(pictures.samples())[:13]):
        content = base64.b64encode(sample.data).decode()
        client.call(
            "AddImage",
            InstanceName="paged",
            ProductId=f"product {max(number, 1)}",
            PicName=sample.key.pic_name,
            PicContent=content,
        )
    page.get_by_role("button", name="Search in it").click()
    _search(page, query)
    expect(page.locator(".card")).to_have_count(12)
    page.get_by_role("button", name="Next").click()
    expect(page.locator(".rank")).to_have_text(["13"])
    page.get_by_role("button", name="Previous").click()
    expect(page.locator(".rank").first).to_have_text("1")
    page.get_by_label("Best picture of each product only").check()
    expect(page.locator(".status")).to_contain_text("12 candidates")
    page.locator("#least").evaluate(
        "range => { range.value = '1'; range.dispatchEvent(new Event('change')); }"
    )
    expect(page.locator(".results")).to_contain_text("Nothing like it")


def test_an_indexed_picture_finds_itself_as_identical(signed_in: Visit, query: Path) -> None:
    page = signed_in.page
    _search(page, query)
    page.locator(".card").first.get_by_role("button", name="Search pictures like").click()
    expect(page.locator(".card").first).to_contain_text("identical")
    page.locator(".card").first.get_by_role("button", name="Details").click()
    expect(page.get_by_role("dialog")).to_contain_text("same picture")
    page.keyboard.press("Escape")


def test_the_query_and_a_result_are_seen_side_by_side(signed_in: Visit, query: Path) -> None:
    page = signed_in.page
    _search(page, query)
    page.locator(".card").first.get_by_role("button", name="Details").click()
    page.get_by_role("button", name="Compare side by side").click()
    expect(page.get_by_role("dialog", name="Side by side").locator("img")).to_have_count(2)
    page.keyboard.press("Escape")


def test_two_pictures_are_compared(signed_in: Visit, query: Path) -> None:
    page = signed_in.page
    page.get_by_role("link", name="Compare").click()
    page.get_by_label("First picture").set_input_files(query)
    page.get_by_label("Second picture").set_input_files(query)
    expect(page.locator(".answer .big")).to_have_text("1.000")


def test_a_picture_is_added_changed_and_deleted(signed_in: Visit, query: Path) -> None:
    page = signed_in.page
    _search(page, query)
    page.get_by_role("button", name="Add it").click()
    dialog = page.get_by_role("dialog", name="Add a picture")
    dialog.get_by_label("Product", exact=True).fill("mine")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(".card").first).to_contain_text("identical")
    assert _first(page) == "mine"

    page.locator(".card").first.get_by_role("button", name="Details").click()
    page.get_by_role("button", name="Change").click()
    page.get_by_label("str_attr2", exact=True).fill("red")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Changed.")).to_be_visible()
    page.locator(".results:not([aria-busy]) .card").first.get_by_role(
        "button", name="Details"
    ).click()
    expect(page.get_by_role("dialog")).to_contain_text("red")

    page.get_by_role("button", name="Delete").click()
    confirm = page.get_by_role("dialog", name="Delete")
    expect(confirm).to_contain_text("mine")
    confirm.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator(".card .said.strong").first).to_have_text("motorcycle")


def test_a_collection_is_created_described_and_deleted(signed_in: Visit) -> None:
    page = signed_in.page
    create_collection(page, "marks", "Trademark")
    expect(page.get_by_text("Made by the models this service runs.")).to_be_visible()
    expect(page.locator(".checks li").first).to_be_visible()
    page.get_by_label("Picture URL").fill("https://cdn.example/{PicName}")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    page.get_by_role("button", name="Delete the collection").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete it").click()
    expect(page.get_by_role("heading", name="Collections")).to_be_visible()
    expect(page.get_by_role("link", name="marks")).to_have_count(0)


def test_the_records_of_a_collection_are_exported(signed_in: Visit) -> None:
    page = signed_in.page
    page.get_by_role("link", name="Collections").click()
    page.get_by_role("link", name="demo").click()
    page.get_by_role("button", name="Export the records").click()
    expect(page.locator(".job .tag").first).to_have_text("SUCCESS", timeout=120_000)
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download").first.click()
    lines = Path(saved.value.path()).read_text(encoding="utf-8").splitlines()
    assert len(lines) >= 49
    assert json.loads(lines[0])["OperationType"] == "ADD"


def test_a_key_is_created_used_and_revoked(
    browser: Browser, service: Service, signed_in: Visit
) -> None:
    page = signed_in.page
    page.get_by_role("link", name="Keys").click()
    page.get_by_role("button", name="Create a key").click()
    page.get_by_label("It may").select_option("read")
    page.get_by_label("Collections").fill("demo")
    page.get_by_role("button", name="Create", exact=True).click()
    codes = page.get_by_role("dialog", name="The new key").locator("code")
    key_id, secret = codes.nth(0).inner_text(), codes.nth(1).inner_text()
    page.get_by_role("button", name="Done").click()

    other = visit(browser, service)
    sign_in(other.page, service, key_id=key_id, secret=secret)
    expect(other.page.get_by_label("Collection", exact=True)).to_have_value("demo")
    other.page.get_by_role("link", name="Keys").click()
    expect(other.page.get_by_role("alert")).to_contain_text("NoPermission")
    other.page.context.close()

    page.get_by_role("button", name=f"Revoke {key_id}").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke it").click()
    expect(page.get_by_role("button", name=f"Revoke {key_id}")).to_have_count(0)


def _folder(tmp_path: Path) -> Path:
    """Three good lines, a missing file, a file that is no picture, and a line that is no JSON."""
    folder = tmp_path / "shop"
    folder.mkdir()
    samples = [sample for sample in pictures.samples() if sample.kind == "mark"][:3]
    lines = []
    for sample in samples:
        (folder / sample.key.pic_name).write_bytes(sample.data)
        lines.append(
            json.dumps(
                {
                    "OperationType": "ADD",
                    "ProductId": f"import-{sample.key.product_id}",
                    "PicName": sample.key.pic_name,
                }
            )
        )
    (folder / "broken.png").write_bytes(b"no picture at all")
    lines.append(
        json.dumps({"OperationType": "ADD", "ProductId": "broken", "PicName": "broken.png"})
    )
    lines.append(
        json.dumps({"OperationType": "ADD", "ProductId": "absent", "PicName": "absent.png"})
    )
    lines.append("{not json")
    (folder / "increment.meta").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_a_folder_of_this_computer_is_imported_and_its_errors_are_listed(
    signed_in: Visit, tmp_path: Path
) -> None:
    page = signed_in.page
    page.get_by_role("link", name="Imports").click()
    page.get_by_label("Folder to import").set_input_files(_folder(tmp_path))
    expect(page.get_by_text("4 lines of increment.meta")).to_be_visible()
    page.get_by_role("button", name="Import into demo").click()
    page.get_by_role("link", name="Keys").click()  # it goes on meanwhile
    page.locator("tbody tr").first.wait_for()
    page.get_by_role("link", name="Imports").click()
    expect(page.get_by_role("heading", name="Finished")).to_be_visible(timeout=120_000)
    expect(page.locator(".import .num").first).to_contain_text("3 done, 3 failed, of 6")
    errors = page.get_by_role("region", name="Errors")
    for code in ("UnsupportedPicFormat", "PicNotExist", "InvalidMetaItem"):
        expect(errors).to_contain_text(code)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download the errors").click()
    assert len(Path(saved.value.path()).read_text().splitlines()) == 3
    signed_in.complaints.clear()  # the browser notes the 400 of broken.png


def test_a_bucket_is_imported_by_the_service_and_watched_until_it_is_done(
    signed_in: Visit, service: Service, tmp_path: Path
) -> None:
    bucket = service.home / "buckets" / "photos"
    bucket.mkdir(parents=True, exist_ok=True)
    _folder(tmp_path).rename(bucket / "shop")
    page = signed_in.page
    page.get_by_role("link", name="Imports").click()
    page.get_by_label("Bucket").fill("photos")
    page.get_by_label("Folder", exact=True).fill("/shop")
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".job .tag").first).to_have_text("SUCCESS", timeout=120_000)
    page.get_by_role("button", name="Show the errors").first.click()
    expect(page.get_by_role("region", name="Errors").locator("tbody tr")).to_have_count(3)


def test_a_labelled_folder_is_measured_in_a_collection_of_its_own(
    signed_in: Visit, tmp_path: Path
) -> None:
    folder = tmp_path / "labelled"
    folder.mkdir()
    rows = ["path,split,label,category,instance"]
    for sample in list(pictures.samples())[:4]:
        (folder / sample.key.pic_name).write_bytes(sample.data)
        rows += [f"{sample.key.pic_name},gallery,,,{sample.key.product_id}"]
    query = pictures.query()
    other = next(
        sample for sample in pictures.samples() if sample.key.pic_name == "motorcycle_left.png"
    )
    (folder / other.key.pic_name).write_bytes(other.data)
    (folder / query.key.pic_name).write_bytes(query.data)
    rows += [
        f"{other.key.pic_name},gallery,,,motorcycle",
        f"{query.key.pic_name},query,,,motorcycle",
    ]
    (folder / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    page = signed_in.page
    page.get_by_role("link", name="Quality").click()
    page.get_by_label("Kind of search").select_option("generic")
    page.get_by_label("Labelled folder").set_input_files(folder)
    row = page.get_by_role("region", name="Retrieval").locator("tbody tr")
    expect(row).to_contain_text("100.0 %", timeout=120_000)
    page.get_by_role("link", name="Collections").click()
    expect(page.locator(".rows")).not_to_contain_text("quality-")


def test_the_query_is_still_there_after_a_look_elsewhere(signed_in: Visit, query: Path) -> None:
    page = signed_in.page
    _search(page, query)
    page.get_by_role("link", name="Keys").click()
    page.locator("tbody tr").first.wait_for()
    page.get_by_role("link", name="Search").click()
    page.locator(".card").first.wait_for()


def test_signing_out_forgets_everything(signed_in: Visit, service: Service, query: Path) -> None:
    page = signed_in.page
    _search(page, query)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Access key")).to_have_value("")
    expect(page.locator(".card")).to_have_count(0)
    sign_in(page, service)
    expect(page.get_by_role("heading", name="What looks like it?")).to_be_visible()
