"""AWS clients by botocore alone: boto3 adds 50 ms of CPU to a cold start and nothing that is used
here (docs/adr/0051).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.config import Config
    from botocore.session import Session


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """Of an assumed role. Not shown in logs or tracebacks."""

    key: str
    secret: str
    token: str


_lock = threading.Lock()
_sessions: list[Session] = []


def client(
    service: str,
    region: str,
    *,
    config: Config | None = None,
    credentials: Credentials | None = None,
) -> Any:  # botocore has no types
    """A client of `service` in `region`; AWS_ENDPOINT_URL redirects it, credentials come from where
    the AWS tools look for them unless given. Safe to use from several threads. Building the first
    one costs about 0.2 s of CPU: build late and keep it.
    """
    with _lock:  # sessions may be shared by threads only once their clients exist
        if not _sessions:
            from botocore.session import Session

            _sessions.append(Session())
        return _sessions[0].create_client(
            service,
            region_name=region,
            config=config,
            aws_access_key_id=credentials.key if credentials else None,
            aws_secret_access_key=credentials.secret if credentials else None,
            aws_session_token=credentials.token if credentials else None,
        )
