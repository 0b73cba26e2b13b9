"""The local HTTP server: waitress around app.py, with the demo's samples beside it."""

from __future__ import annotations

import logging
import socket
import threading
import time
from pathlib import Path
from typing import Final

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer

from cli.application import application
from cli.connections import MAX_BODY, MAX_HEAD, Channel

IDLE_S: Final = 75
"""Seconds a connection may say nothing."""
THREADS: Final = 8
"""Requests answered at once; what comes meanwhile is read and waits."""
CONNECTIONS: Final = 500
_BACKLOG: Final = 128
_LOOK_S: Final = 0.02


class Server:
    """Serves until stopped. `port` 0 takes a free one; the attribute `port` says which."""

    def __init__(self, host: str, port: int, *, samples: Path | None) -> None:
        """Raises OSError where it cannot listen there."""
        listening = listen(host, port)
        self.port: int = listening.getsockname()[1]
        self._http = _Http(listening, samples)
        self._thread = threading.Thread(target=self._http.run, name="http", daemon=True)

    def start(self) -> None:
        """Begins to answer; returns at once."""
        self._http.accept_connections()
        self._thread.start()

    def stop(self, *, patience_s: float = 10.0) -> bool:
        """Takes no more requests and waits for those under way; whether all of them were finished
        in time. What was not is still answered while the process lives.
        """
        self._http.trigger.pull_trigger(self._http.stop_accepting)
        until = time.monotonic() + patience_s
        while (busy := self._http.busy) and time.monotonic() < until:
            time.sleep(_LOOK_S)
        if busy:
            return False
        # First the threads: the last thing that one does for a request is to wake the loop.
        self._http.task_dispatcher.shutdown(timeout=1)
        self._http.trigger.pull_trigger(self._http.close_all)
        self._thread.join(1)
        return True


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to an address of either family. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listening = socket.socket(family, kind, protocol)
    try:
        # A port whose last connections linger can be taken again at once.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        # Now, and not at the start: of two servers on one port the second must hear of it here.
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


class _Http(TcpWSGIServer):
    """waitress, with our connections; bodies stay in memory, since pictures are never stored."""

    channel_class = Channel

    def __init__(self, listening: socket.socket, samples: Path | None) -> None:
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a queue is no news
        self.stopping = False
        adjustments = Adjustments(
            sockets=[listening],
            threads=THREADS,
            backlog=_BACKLOG,
            connection_limit=CONNECTIONS,
            channel_timeout=IDLE_S,
            cleanup_interval=1,
            max_request_header_size=MAX_HEAD,
            max_request_body_size=MAX_BODY + 1,
            # waitress would spool what is larger into a file
            inbuf_overflow=2 * MAX_BODY,
            outbuf_overflow=4 * MAX_BODY,
            # they may be part of what a client signed
            clear_untrusted_proxy_headers=False,
            asyncore_use_poll=True,
            ident=None,
        )
        super().__init__(
            application(samples),
            map={},
            _start=False,
            _sock=listening,
            adj=adjustments,
            sockinfo=(listening.family, listening.type, 0, listening.getsockname()),
            bind_socket=False,
        )

    def maintenance(self, now: float) -> None:
        """Ends connections that are silent, and requests that do not get on."""
        super().maintenance(now)
        for channel in list(self.active_channels.values()):
            if channel.request is not None and channel.request.late:
                channel.will_close = True

    @property
    def busy(self) -> bool:
        """Whether a request is under way. From any thread."""
        return any(channel.busy for channel in list(self.active_channels.values()))

    def stop_accepting(self) -> None:
        """In the loop's thread: connections that wait are not taken any more."""
        self.stopping = True
        wasyncore.dispatcher.close(self)

    def close_all(self) -> None:
        """In the loop's thread: ends every connection, and with the last the loop."""
        wasyncore.close_all(self._map, ignore_all=True)
