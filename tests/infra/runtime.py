"""Plays the Lambda service: its runtime API on loopback, and a function's process that knows
nothing but the unpacked package.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

RESPONSE_LIMIT = EVENT_LIMIT = 6 * 1024 * 1024
"""Bytes: Lambda's limit for synchronous events and answers."""


class FunctionFailed(Exception):
    """The function answered with an error."""


@dataclass
class Function:
    """A running function."""

    process: subprocess.Popen[bytes]
    log: Path
    _events: queue.Queue[tuple[str, bytes]]
    _answers: queue.Queue[tuple[str, bytes]]

    def invoke(self, event: Mapping[str, Any], *, timeout_s: float = 60.0) -> Any:
        """The function's answer. Raises FunctionFailed; AssertionError where Lambda would have
        refused.
        """
        data = json.dumps(event).encode()
        assert len(data) <= EVENT_LIMIT, f"Lambda refuses events of {len(data)} bytes"
        self._events.put((os.urandom(8).hex(), data))
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                kind, answer = self._answers.get(timeout=0.2)
                break
            except queue.Empty:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise FunctionFailed(
                        f"no answer; its log ends:\n{self.output()[-3000:]}"
                    ) from None
        if kind == "error":
            raise FunctionFailed(answer.decode() + "\n" + self.output()[-3000:])
        assert len(answer) <= RESPONSE_LIMIT
        return json.loads(answer)

    def output(self) -> str:
        return self.log.read_text(errors="replace")


@contextmanager
def function(
    handler: str, *, task: Path, python: Path, ric: Path, environment: Mapping[str, str]
) -> Iterator[Function]:
    """Starts `handler` of the package unpacked in `task`, in a bare interpreter that sees no
    site-packages.
    """
    events: queue.Queue[tuple[str, bytes]] = queue.Queue()
    answers: queue.Queue[tuple[str, bytes]] = queue.Queue()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(events, answers))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    api = f"127.0.0.1:{server.server_port}"
    variables = {
        "AWS_LAMBDA_RUNTIME_API": api,
        "AWS_LAMBDA_FUNCTION_NAME": f"lookalike-{handler.split('.')[1]}",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "3008",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/x",
        "AWS_LAMBDA_LOG_STREAM_NAME": "x",
        "LAMBDA_TASK_ROOT": str(task),
        "_HANDLER": handler,
        "OPENBLAS_NUM_THREADS": "1",
        "PATH": "/usr/bin:/bin",
        **environment,
    }
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch) / "log"
        command = [
            str(python),
            "-I",
            "-S",
            "-B",
            str(Path(__file__).with_name("bootstrap.py")),
            str(task),
            str(ric),
            handler,
        ]
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, env=variables, cwd=task, stdout=output, stderr=subprocess.STDOUT
            )
        try:
            yield Function(process, log, events, answers)
        finally:
            process.kill()
            process.wait()
            server.shutdown()
            server.server_close()


def _handler(
    events: queue.Queue[tuple[str, bytes]], answers: queue.Queue[tuple[str, bytes]]
) -> type[BaseHTTPRequestHandler]:
    """Lambda's runtime API: hands out `events` as (request id, JSON), collects `answers`."""

    class Api(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            request_id, data = events.get()
            self.send_response(200)
            self.send_header("Lambda-Runtime-Aws-Request-Id", request_id)
            self.send_header("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + 60_000))
            self.send_header(
                "Lambda-Runtime-Invoked-Function-Arn",
                "arn:aws:lambda:eu-central-1:123456789012:function:x",
            )
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_POST(self) -> None:
            if self.headers.get("Transfer-Encoding", "") == "chunked":
                data = b""
                while size := int(self.rfile.readline(), 16):
                    data += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
            else:
                data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answers.put(("response" if self.path.endswith("/response") else "error", data))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    return Api
