"""Reading requests off a connection: waitress's parser, stricter. What two readers could understand
in two ways is refused, and so is what would take for ever (docs/adr/0059).
"""

from __future__ import annotations

import json
import re
import time
from typing import Final

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.receiver import ChunkedReceiver, FixedStreamReceiver
from waitress.task import ErrorTask
from waitress.utilities import BadRequest, Error, RequestEntityTooLarge, RequestHeaderFieldsTooLarge

from chalicelib.gateway.wire.faults import reshape

MAX_BODY: Final = 16 * 1024 * 1024
"""Bytes read of a request. The contract ends at 8 MB and refuses in its own words; beyond this
nothing is read at all.
"""
MAX_HEAD: Final = 64 * 1024
"""Bytes of a request line with its headers."""
HEAD_S: Final = 30.0
REQUEST_S: Final = 300.0
"""Seconds in which the headers, and the whole of a request, must have come."""
_MAX_LINE: Final = 1000
"""Bytes of a line with a chunk's size, and of the trailers after the last."""
_MAX_DIGITS: Final = 12
_NUMBER: Final = re.compile(rb"[0-9]+")
_JSON: Final = ("Content-Type", "application/json;charset=utf-8")


class UriTooLong(BadRequest):
    """The request line does not end."""

    code = 414
    reason = "URI Too Long"


class Parser(HTTPRequestParser):
    """One request as it comes in."""

    error: Error | None
    body_rcv: FixedStreamReceiver | ChunkedReceiver | None

    def __init__(self, adj: Adjustments) -> None:
        super().__init__(adj)
        self.begun = time.monotonic()

    @property
    def late(self) -> bool:
        """Whether it has been coming in for too long: a byte a second holds a connection too."""
        spent = time.monotonic() - self.begun
        return spent > (REQUEST_S if self.headers_finished else HEAD_S)

    def received(self, data: bytes) -> int:
        """The bytes of `data` that belong to this request."""
        first_line = b"\n" not in self.header_plus
        consumed: int = super().received(data)
        if isinstance(self.error, RequestHeaderFieldsTooLarge) and first_line:
            self.error = UriTooLong(f"the first line has over {MAX_HEAD:,} bytes")
        elif isinstance(self.error, RequestEntityTooLarge):
            self.error = RequestEntityTooLarge("the body must be below 8 MB")
        return consumed

    def parse_header(self, header_plus: bytes) -> None:
        """Raises ParsingError for what must not be guessed at."""
        refuse_ambiguous(header_plus)
        super().parse_header(header_plus)
        if self.chunked:
            assert self.body_rcv is not None  # noqa: S101  # what chunked means
            self.body_rcv = ChunkedBody(self.body_rcv.getbuf())


def refuse_ambiguous(head: bytes) -> None:
    """Raises ParsingError where a head says the body's length in no way or in two (RFC 9112 §6.3),
    or holds a folded line (§5.2).
    """
    first, *lines = head.split(b"\r\n")
    if any(line.startswith((b" ", b"\t")) for line in lines):
        raise ParsingError("a header runs over several lines")
    fields = [line.partition(b":") for line in lines]
    names = [name.lower() for name, _, _ in fields]
    lengths = [fields[at][2].strip(b" \t") for at in _places(names, b"content-length")]
    codings = names.count(b"transfer-encoding")
    if len(lengths) + codings > 1:
        raise ParsingError("the length of the body is given more than once")
    if codings and not first.rstrip().endswith(b"HTTP/1.1"):
        raise ParsingError("Transfer-Encoding needs HTTP/1.1")
    for length in lengths:
        _refuse_no_number(length)


def _places(names: list[bytes], name: bytes) -> list[int]:
    """Where `name` stands among `names`."""
    return [at for at, each in enumerate(names) if each == name]


def _refuse_no_number(length: bytes) -> None:
    """Raises ParsingError for a Content-Length that is no number, or one that int() should not see:
    it takes a second for a million digits, and raises ValueError from 4,300 on.
    """
    if not _NUMBER.fullmatch(length):
        raise ParsingError("Content-Length is not a number")
    if len(length) > _MAX_DIGITS:
        raise ParsingError("Content-Length has too many digits")


class ChunkedBody(ChunkedReceiver):
    """A body in chunks, as the Node SDK sends every body (RFC 9112 §7.1)."""

    error: Error | None

    def received(self, s: bytes) -> int:
        """The bytes of `s` that belong to the body."""
        between = not (self.chunk_remainder or self.validate_chunk_end or self.all_chunks_received)
        empty = between and (self.control_line + s).startswith(b"\r\n")
        consumed: int = super().received(s)
        self.error = self.error or self._fault(empty=empty)
        return consumed

    def _fault(self, *, empty: bool) -> Error | None:
        """What is wrong with what has come so far."""
        if empty or max(len(self.control_line), len(self.trailer)) > _MAX_LINE:
            return BadRequest("a chunk of the body has no size")
        if self.chunk_remainder >= 1 << 32:
            return BadRequest("a chunk of the body has an impossible size")
        if len(self) + self.chunk_remainder > MAX_BODY:
            return RequestEntityTooLarge("")
        return None


class Refusal(ErrorTask):
    """What the server itself refuses, in the contract's form."""

    def execute(self) -> None:
        """Answers, and closes the connection: where the next request begins is not known."""
        error: Error = self.request.error
        host = self.request.headers.get("HOST", "")
        said = json.dumps({"message": error.body}).encode()
        body = reshape(error.code, said, host=host)
        self.status = f"{error.code} {error.reason}"
        self.response_headers.append(_JSON)
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class Channel(HTTPChannel):
    """A connection."""

    parser_class = Parser
    error_task_class = Refusal

    @property
    def busy(self) -> bool:
        """Whether a request is being answered, or an answer still being sent."""
        return bool(self.requests or self.total_outbufs_len)

    def readable(self) -> bool:
        """Whether to read on; a server that is stopping begins no new request."""
        begins = self.request is None and self.server.stopping
        return not begins and super().readable()
