"""The console's files: one page and its modules, served as they are. Nothing is built, nothing
comes from elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "static"

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

# Pictures may come from the hosts that a collection's picture URL names, over https. Nothing else
# comes from anywhere but here: no inline script or style, no frames, no form that submits, and no
# way from text to markup (trusted types).
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: https:; "
    "connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types "
    "'none'"
)

_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One answer of the console's pages."""

    status: int
    headers: dict[str, str]
    body: str
    """Always text: no gateway has to know of binary types."""


def asset(name: str) -> Asset:
    """The file `name` of the console; the page itself for an empty name. Unknown names are answered
    404.
    """
    text = _texts().get(name or "index.html")
    if text is None:
        return Asset(
            404,
            {**_HEADERS, "Content-Type": "text/plain; charset=utf-8"},
            "No such page. The console is at /console/.\n",
        )
    return Asset(200, {**_HEADERS, "Content-Type": _TYPES[Path(name or "index.html").suffix]}, text)


@lru_cache(maxsize=1)
def _texts() -> dict[str, str]:
    """Name to text of every file. The folder is listed rather than asked, so a name in a URL never
    becomes a path.
    """
    return {
        path.name: path.read_text(encoding="utf-8")
        for path in _FOLDER.iterdir()
        if path.suffix in _TYPES
    }
