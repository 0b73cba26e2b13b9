"""The package, deployed: its functions run as Lambda runs them, against one account on moto."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from chalicelib.usecases.keys import NewKey
from tests.gateway.client import acs3
from tests.imports.aws import REGION
from tests.infra.account import STORE, TRANSIT, Account
from tests.infra.events import gateway_event, url_event
from tests.infra.runtime import Function, function

HOST = "abc.lambda-url.eu-central-1.on.aws"


@dataclass
class Stack:
    """The functions, started when first called, all on one account."""

    cloud: Account
    key: NewKey
    start: ExitStack
    task: Path
    python: Path
    ric: Path
    running: dict[str, Function] = field(default_factory=dict)

    def __getitem__(self, handler: str) -> Function:
        if handler not in self.running:
            environment = {
                "AWS_ENDPOINT_URL": self.cloud.url,
                "AWS_ACCESS_KEY_ID": "root",
                "AWS_SECRET_ACCESS_KEY": "root",
                "AWS_REGION": REGION,
                "LOOKALIKE_STORE": f"s3://{STORE}",
                "LOOKALIKE_UPLOADS": f"s3://{TRANSIT}",
                "LOOKALIKE_SECRETS": f"secretsmanager:{self.cloud.values['AccessKeys']}",
                "LOOKALIKE_QUEUE": self.cloud.values["ImportQueue"],
            }
            started = function(
                f"app.{handler}",
                task=self.task,
                python=self.python,
                ric=self.ric,
                environment=environment,
            )
            self.running[handler] = self.start.enter_context(started)
        return self.running[handler]

    def call(
        self, action: str, fields: Mapping[str, str], *, as_url: bool = False
    ) -> tuple[int, dict[str, Any]]:
        """One signed request through API Gateway, or through the function URL."""
        body = urlencode(fields).encode()
        signed = acs3(self.key, action, "2020-12-14", now=time.time(), body=body, host=HOST)
        event = url_event(signed, body) if as_url else gateway_event(signed, body)
        answer = self["app"].invoke(event)
        text = base64.b64decode(answer["body"]) if answer.get("isBase64Encoded") else answer["body"]
        return answer["statusCode"], json.loads(text)
