"""Calls of another function of the deployment: an answer, or StoreUnavailable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.errors import StoreUnavailable

if TYPE_CHECKING:
    from botocore.config import Config


class LambdaInvoker:
    """A Lambda function by name. Never retries by itself: who fans a search out decides that
    (usecases/ask_parts.py).
    """

    def __init__(self, client: Any, function: str) -> None:  # botocore has no types
        self._client = client
        self._function = function

    def __call__(self, payload: bytes) -> bytes:
        """The function's answer to `payload`, both JSON. May be called from several threads.

        Raises StoreUnavailable when there is none: the function failed, or nobody knows.
        """
        try:
            answer = self._client.invoke(
                FunctionName=self._function, InvocationType="RequestResponse", Payload=payload
            )
        except Exception as error:
            raise StoreUnavailable(
                f"cannot invoke {self._function}: {type(error).__name__}: {error}"
            ) from error
        try:
            data: bytes = answer["Payload"].read()
        except Exception as error:
            raise StoreUnavailable(
                f"the answer of {self._function} broke off: {type(error).__name__}"
            ) from error
        if "FunctionError" in answer:
            raise StoreUnavailable(
                f"{self._function} failed ({answer['FunctionError']}); its own log says why"
            )
        return data


def patient_once(timeout_s: float, connections: int) -> Config:
    """Client settings for LambdaInvoker: one attempt, an answer within `timeout_s`, `connections`
    calls at once.
    """
    from botocore.config import Config

    return Config(
        retries={"total_max_attempts": 1},
        connect_timeout=2,
        read_timeout=timeout_s,
        max_pool_connections=connections,
        tcp_keepalive=True,
    )
