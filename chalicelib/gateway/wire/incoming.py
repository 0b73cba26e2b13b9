"""A request as it arrived and an answer as it leaves, whatever server is in front."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Pairs = tuple[tuple[str, str], ...]


def _text(text: str) -> str:
    """`text` without halves of surrogate pairs, which an event in JSON can spell."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


@dataclass(frozen=True, slots=True)
class Incoming:
    """One HTTP request."""

    method: str
    path: str
    query: Pairs
    """Decoded, in any order: an API Gateway event keeps no other form."""
    headers: Mapping[str, tuple[str, ...]]
    """Lower-case name to trimmed values."""
    body: bytes = field(repr=False)

    @classmethod
    def of(
        cls,
        method: str,
        path: str,
        *,
        query: Iterable[tuple[str, str]],
        headers: Iterable[tuple[str, str]],
        body: bytes,
    ) -> Incoming:
        """Tidies what a server hands over."""
        table: dict[str, list[str]] = {}
        for name, value in headers:
            table.setdefault(_text(name).lower(), []).append(_text(value).strip())
        return cls(
            method=method.upper(),
            path=_text(path) or "/",
            query=tuple((_text(name), _text(value)) for name, value in query),
            headers={name: tuple(values) for name, values in table.items()},
            body=body,
        )

    def header(self, name: str) -> str:
        """The first value of the header `name` (lower case), or empty text."""
        return self.headers.get(name, ("",))[0]

    @property
    def content_type(self) -> str:
        """Lower case, without parameters."""
        return self.header("content-type").partition(";")[0].strip().lower()

    @property
    def host(self) -> str:
        """The host, with port, that the client used as far as the request tells."""
        return self.header("host")

    @property
    def secure(self) -> bool:
        """Whether the client came over TLS; what is in front of the function says so."""
        return self.header("x-forwarded-proto").lower() == "https"


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer."""

    status: int
    body: bytes
    content_type: str = "application/json;charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    """Beside the content type."""
