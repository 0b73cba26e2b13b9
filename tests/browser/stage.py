"""What the browser tests stand on: a real server with the demo collection, and a real Chromium that
looks at it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "screenshots"
PATIENCE_MS = 45_000
"""For a machine that is busy with other things."""
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)


@dataclass(frozen=True, slots=True)
class Service:
    """What `lookalike serve --demo --json` says of itself."""

    url: str
    console: str
    key_id: str
    secret: str
    home: Path


def chromium() -> str:
    """Debian's Chromium, or any other on the path; skips where there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    pytest.skip("needs Chromium (Debian: apt-get install chromium)")


@contextmanager
def serving(home: Path) -> Iterator[Service]:
    """`lookalike serve --demo` on a free port, with all its state below `home`."""
    environment = {
        **os.environ,
        "LOOKALIKE_STORE": str(home / "data"),
        "LOOKALIKE_SECRETS": str(home / "keys.json"),
        "LOOKALIKE_IMPORT_WORKERS": "1",
    }
    command = [
        sys.executable,
        "-c",
        "from cli.main import run; run()",
        "serve",
        "--demo",
        "--json",
        "--port",
        "0",
    ]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"the server ended with {process.wait()}"
        told: dict[str, Any] = json.loads(line)
        yield Service(
            told["url"], told["console"], told["access_key_id"], told["access_key_secret"], home
        )
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(60)
        assert code == 0, f"the server ended with {code}"
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def browsing() -> Iterator[Browser]:
    """Chromium. Skips where there is none."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        yield opened
        opened.close()


@dataclass(frozen=True, slots=True)
class Visit:
    """A page of the console and everything that went wrong in it."""

    page: Page
    complaints: list[str]
    """Exceptions, console errors, refused policies and requests to other hosts."""


def visit(
    browser: Browser, service: Service, *, width: int = 1440, height: int = 900, dark: bool = False
) -> Visit:
    """A fresh, signed-out page."""
    context = browser.new_context(
        viewport=ViewportSize(width=width, height=height),
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
        device_scale_factor=1,
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console", lambda message: complaints.append(message.text) if _matters(message) else None
    )
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((service.url, "blob:"))
            else complaints.append(request.url)
        ),
    )
    page.goto(service.console)
    return Visit(page, complaints)


def _matters(message: ConsoleMessage) -> bool:
    """A record without a picture of its own shows a stand-in; the browser notes the 404 all the
    same.
    """
    return message.type == "error" and "/samples/" not in message.location["url"]


def sign_in(
    page: Page, service: Service, *, key_id: str | None = None, secret: str | None = None
) -> None:
    """Fills the form and waits for the search view."""
    page.get_by_label("Access key").fill(key_id or service.key_id)
    page.get_by_label("Secret").fill(secret or service.secret)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("navigation", name="Main").wait_for()


def search(page: Page, picture: Path) -> None:
    """Chooses a picture to search with and waits for what it finds."""
    page.locator(".query input[type=file]").set_input_files(picture)
    page.locator(".card").first.wait_for()


def create_collection(page: Page, name: str, kind: str) -> None:
    """By the console's own form; ends on the collection's page."""
    page.get_by_role("link", name="Collections").click()
    page.get_by_role("button", name="Create a collection").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label(kind).check()
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def first(page: Page) -> str:
    """The product of the best answer."""
    return page.locator(".card .said.strong").first.inner_text()
