"""A real server in a process of its own: the local server, a folder as store, the tiny analyzer
instead of the models.

`python -m tests.live STATE PORT` prints one JSON line when it accepts connections. SIGKILL it as
you like.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.gateway.client import acs3

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls a server over HTTP."""

    url: str
    host: str
    key_id: str
    secret: str

    def call(
        self,
        action: str,
        params: dict[str, str],
        *,
        timeout_s: float = 30.0,
        ahead_s: float = 0.0,
    ) -> dict[str, Any]:
        """One signed request, by a clock that is `ahead_s`; the answer's members. Raises HTTPError
        for a refusal, URLError or OSError when the server is gone.
        """
        import time
        from urllib.parse import urlencode

        from chalicelib.usecases.keys import NewKey

        body = urlencode(params).encode()
        signed = acs3(
            NewKey(self.key_id, self.secret),
            action,
            "2020-12-14",
            now=time.time() + ahead_s,
            body=body,
            host=self.host,
        )
        headers = {name: ",".join(values) for name, values in signed.headers.items()}
        request = urllib.request.Request(  # noqa: S310  # loopback
            self.url, data=body, headers=headers, method="POST"
        )
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310
            members: dict[str, Any] = json.load(answer)
            return members


@dataclass(frozen=True, slots=True)
class Live(Caller):
    """A running server."""

    process: subprocess.Popen[str]

    def kill(self) -> None:
        """As a power cut does."""
        self.process.kill()
        self.process.wait()


def start(state: Path, **settings: str) -> Live:
    """Starts a server on `state` and waits until it answers."""
    environment = {
        **os.environ,
        **{f"LOOKALIKE_{name.upper()}": value for name, value in settings.items()},
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.live", str(state)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "the server did not start"
    return Live(process=process, **json.loads(line))


@contextlib.contextmanager
def live(state: Path, **settings: str) -> Iterator[Live]:
    """A server for the length of a block."""
    server = start(state, **settings)
    try:
        yield server
    finally:
        server.kill()
        if server.process.stdout is not None:
            server.process.stdout.close()


def main(state: Path) -> None:
    """Serves until killed."""
    from chalicelib import wiring
    from chalicelib.config import Settings
    from chalicelib.contract.messages import CreateCollection
    from chalicelib.errors import AlreadyExists
    from chalicelib.index.catalog import Catalog
    from chalicelib.service import Service
    from chalicelib.storage.folder_queue import FolderQueue
    from chalicelib.usecases.keys import create_key, list_keys
    from chalicelib.usecases.manage import create_collection
    from cli.housekeeping import Housekeeping
    from cli.server import Server
    from tests.doubles import TinyAnalyzer
    from tests.imports.tiny_deployment import build
    from tests.troubled_store import TroubledStore, clock

    analyzer = TinyAnalyzer()
    settings = dataclasses.replace(
        Settings.read(os.environ), store=str(state / "data"), secrets=str(state / "keys.json")
    )
    store = TroubledStore(state / "data", state)
    now = lambda: clock(state)  # noqa: E731
    queue = FolderQueue(
        state / "queue", new_id=wiring.new_id, clock_ns=lambda: int(clock(state) * 1e9)
    )
    wiring.local_queue = lambda _: queue  # type: ignore[assignment]  # the workers ask for it
    deployment = dataclasses.replace(
        wiring.build_deployment(settings),
        analyzer=lambda: analyzer,
        store=store,
        catalog=Catalog(store, clock=now, new_id=wiring.new_id),
        clock=now,
        queue=queue,
    )
    wiring.deployment = lambda: deployment  # type: ignore[assignment]  # app.py asks for it
    for service in Service:
        with contextlib.suppress(AlreadyExists):
            create_collection(CreateCollection(service.name.lower(), service), deployment)
    for key in list_keys(deployment):
        key_id, secret = key.key_id, key.secrets[0]
        break
    else:
        new = create_key(deployment, bearer=True)
        key_id, secret = new.key_id, new.secret
    server = Server("127.0.0.1", 0, samples=None)
    server.start()
    host = f"127.0.0.1:{server.port}"
    print(
        json.dumps({"url": f"http://{host}/", "host": host, "key_id": key_id, "secret": secret}),
        flush=True,
    )
    every_s = float(os.environ.get("LIVE_EVERY_S", "30"))  # housekeeping, in tests that look at it
    with Housekeeping(deployment, compact_s=every_s, collect_s=120 * every_s, build=build):
        threading.Event().wait()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    main(Path(sys.argv[1]))
