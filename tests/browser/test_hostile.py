"""What others put into names and attributes is shown as text, wherever it is shown."""

from __future__ import annotations

import base64
import csv
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from demo import pictures
from demo.client import Client, ServiceError
from tests.browser.stage import Service, sign_in, visit

pytestmark = pytest.mark.browser

SCRIPT = "<script>window.hacked=1</script><img src=x onerror=window.hacked=1>"
TURNED = "photo\u202egpj.exe\u2066\u200f"
EMOJI = "👩\u200d🎨🏳️\u200d🌈 \u0000"
NAMES = {
    "script": f"{SCRIPT}.png",
    "attribute": "\" onfocus=window.hacked=1 autofocus x='`${window.hacked=1}`",
    "url": "javascript:window.hacked=1//../../../etc/passwd?x#y%2e%00",
    "turned": TURNED,
    "emoji": EMOJI.replace("\0", ""),
    "long": "<b>" + "W" * 509,
}


def _fill(service: Service) -> None:
    client = Client(service.url.removeprefix("http://").rstrip("/"), service.key_id, service.secret)
    data = base64.b64encode(pictures.query().data).decode()
    for name, text in NAMES.items():
        client.call(
            "AddImage",
            InstanceName="hostile",
            ProductId=text,
            PicName=text,
            PicContent=data,
            CustomContent=(SCRIPT + TURNED + text + "\x1b[31m" * 500)[:4096].ljust(4096, "<"),
            StrAttr=f"<svg onload=window.hacked=1> {name}",
            StrAttr2="{{constructor.constructor('window.hacked=1')()}}",
        )
    with pytest.raises(ServiceError, match="characters"):
        client.call(
            "AddImage",
            InstanceName="hostile",
            ProductId="nul",
            PicName="nul",
            PicContent=data,
            CustomContent=EMOJI,
        )


def _untouched(page: Page) -> None:
    assert page.evaluate("window.hacked") is None
    assert (
        page.locator(
            "main script, dialog script, main iframe, main svg[onload], dialog svg[onload]"
        ).count()
        == 0
    )
    assert (
        page.evaluate(
            "[...document.querySelectorAll('*')].flatMap(node => [...node.attributes])"
            ".filter(({name}) => name.startsWith('on')).length"
        )
        == 0
    )


def test_a_hostile_attribute_set_is_text_in_every_view(
    browser: Browser, service: Service, tmp_path: Path
) -> None:
    opened = visit(browser, service)
    page = opened.page
    sign_in(page, service)
    page.get_by_role("link", name="Collections").click()
    page.get_by_role("button", name="Create a collection").click()
    page.get_by_label("Name").fill("hostile")
    page.get_by_label("Generic").check()
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("heading", name="hostile")).to_be_visible()
    page.get_by_label("Picture URL").fill("/samples/{PicName}")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    _fill(service)

    page.get_by_role("button", name="Search in it").click()
    picture = tmp_path / (SCRIPT.replace("/", "_") + ".png")
    picture.write_bytes(pictures.query().data)
    page.locator(".query input[type=file]").set_input_files(picture)
    page.locator(".card").first.wait_for()
    expect(page.locator(".card")).to_have_count(len(NAMES))
    _untouched(page)
    shown = " ".join(page.locator(".card .said").all_inner_texts())
    assert SCRIPT in shown
    assert "\u202e" not in shown
    assert "photo\\u{202e}gpj.exe" in shown
    assert "👩\u200d🎨" in shown
    for at in range(len(NAMES)):
        page.locator(".card").nth(at).get_by_role("button", name="Details").click()
        expect(page.get_by_role("dialog")).to_contain_text("<svg onload=window.hacked=1>")
        expect(page.get_by_role("dialog")).to_contain_text("\\u{1b}[31m")
        _untouched(page)
        page.get_by_role("button", name="Change").click()
        expect(page.get_by_role("dialog", name="Change")).to_be_visible()
        _untouched(page)
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
    field = page.get_by_role("combobox", name="Filter")
    field.press_sequentially("str_attr = ")
    expect(page.get_by_role("listbox").get_by_role("option").first).to_contain_text("<svg onload")
    _untouched(page)
    page.get_by_role("button", name="Add it").click()
    _untouched(page)
    page.keyboard.press("Escape")

    field.fill("")
    page.locator(".card").first.get_by_role("button", name="Search pictures like").click()
    expect(page.locator(".indexed")).to_be_visible()
    _untouched(page)
    _quality(page, tmp_path)
    _untouched(page)
    page.context.close()


def _quality(page: Page, tmp_path: Path) -> None:
    """Labels, too, are other people's words."""
    folder = tmp_path / "labelled"
    folder.mkdir()
    samples = list(pictures.samples())[:2]
    for sample in samples:
        (folder / sample.key.pic_name).write_bytes(sample.data)
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "split", "label", "category", "instance"])
        writer.writerow([samples[0].key.pic_name, "gallery", "", "", SCRIPT])
        writer.writerow([samples[1].key.pic_name, f"query{SCRIPT}", "", "", TURNED])
    page.get_by_role("link", name="Quality").click()
    page.get_by_label("Labelled folder").set_input_files(folder)
    expect(page.locator(".misses")).to_contain_text(SCRIPT, timeout=120_000)
    expect(page.locator(".misses")).to_contain_text("\\u{202e}")
