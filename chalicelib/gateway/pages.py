"""Everything that is read without a signature: the OpenAPI document, and files by their signed
links.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

from chalicelib.gateway import log
from chalicelib.gateway.wire.faults import answer_fault, fault_of
from chalicelib.gateway.wire.incoming import Answer

if TYPE_CHECKING:
    from chalicelib.usecases.deployment import Deployment


@lru_cache(maxsize=1)
def openapi() -> Answer:
    """GET /openapi.json."""
    from chalicelib.gateway.openapi import document

    return Answer(
        200, json.dumps(document(), ensure_ascii=False).encode(), content_type="application/json"
    )


def health(deployment: Deployment) -> Answer:
    """GET /health: whether this process answers, and how its background loops are. It asks the
    store nothing and names nothing of the owner's, so that strangers may ask it often.
    """
    loops = deployment.health.loops()
    failing = any(loop.failures for loop in loops)
    rows = [{"Name": loop.name, "Failures": loop.failures} for loop in loops]
    body = {"Status": "degraded" if failing else "ok", "Loops": rows}
    return Answer(
        200,
        json.dumps(body).encode(),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def file(token: str, deployment: Deployment, *, request_id: str, host: str) -> Answer:
    """GET /files/{token}: an export or the errors of an import."""
    from chalicelib.usecases.downloads import open_download

    with log.line(request_id, action="File") as entry:
        try:
            data = open_download(token, deployment)
        except Exception as error:  # noqa: BLE001  # an answer, like everywhere in the gateway
            fault = fault_of(error)
            entry.outcome(fault.status, fault.code)
            return answer_fault(error, request_id=request_id, host=host)
        entry.outcome(200, "ok")
        return Answer(
            200,
            data,
            content_type="application/x-ndjson; charset=utf-8",
            headers={"Cache-Control": "no-store"},
        )
