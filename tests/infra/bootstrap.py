"""Runs in the function's process: the real Lambda runtime client if it lies in the second folder,
else the same loop in short.

Started with -I -S: no site-packages, no user folder, no PYTHONPATH. First the package, then
Python's own library, last the client.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from http.client import HTTPConnection
from types import SimpleNamespace
from typing import Any

task, ric, handler = sys.argv[1:]
here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
sys.path[:] = [
    task,
    *(path for path in sys.path if path != here),
    ric,
]


def serve() -> None:
    """GET the next event, POST the answer, for ever."""
    module, _, name = handler.rpartition(".")
    function = getattr(importlib.import_module(module), name)
    api = HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    while True:
        api.request("GET", "/2018-06-01/runtime/invocation/next")
        answer = api.getresponse()
        request_id = answer.headers["Lambda-Runtime-Aws-Request-Id"]
        event = json.loads(answer.read())
        context = SimpleNamespace(
            aws_request_id=request_id,
            get_remaining_time_in_millis=lambda: 60_000,
            function_name=name,
        )
        kind, body = "response", b""
        try:
            body = json.dumps(function(event, context)).encode()
        except Exception as error:  # noqa: BLE001  # Lambda turns every exception into an answer
            kind, body = (
                "error",
                json.dumps(
                    {"errorType": type(error).__name__, "errorMessage": str(error)}
                ).encode(),
            )
            traceback.print_exc()
        api.request("POST", f"/2018-06-01/runtime/invocation/{request_id}/{kind}", body)
        api.getresponse().read()


def main() -> None:
    """See the module."""
    try:
        client: Any = importlib.import_module("awslambdaric.__main__")
    except ImportError:
        print("runtime: own loop", flush=True)
        serve()
    else:
        print("runtime: awslambdaric", flush=True)
        client.main(["bootstrap", handler])


main()
