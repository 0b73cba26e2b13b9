"""Work for later: at least once, in any order, again after its worker died. Messages are short
text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from chalicelib.errors import StoreUnavailable, Unsupported

_SQS_BATCH: Final = 10


class Queue(Protocol):
    """Where work is put. Who takes it out is the platform's affair: Lambda from SQS, worker
    processes from a folder.
    """

    @property
    def grain(self) -> int:
        """Pictures that one message should stand for at most: many where writes cost money, few
        where somebody watches.
        """
        ...

    def send(self, messages: Sequence[str], *, delay_s: int = 0) -> None:
        """Puts `messages`, to be delivered after `delay_s` (0 to 900). Raises StoreUnavailable;
        some may then be there.
        """
        ...


class NoQueue:
    """For a deployment that starts no jobs."""

    grain = 1

    # the protocol's
    def send(self, messages: Sequence[str], *, delay_s: int = 0) -> None:  # noqa: ARG002
        """Raises Unsupported."""
        raise Unsupported(
            "this process cannot start jobs: it was started without a queue; set LOOKALIKE_QUEUE"
        )


class SqsQueue:
    """Amazon SQS. Its redrive policy moves what failed repeatedly to a dead-letter queue
    (infra/template.yaml).
    """

    grain = 256

    def __init__(self, client: Callable[[], Any], url: str) -> None:
        """`client` is called at the first message only: building one costs CPU that most requests
        need not pay.
        """
        self._make = client
        self._client: Any = None
        self._url = url

    def send(self, messages: Sequence[str], *, delay_s: int = 0) -> None:
        """See Queue.send."""
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        if self._client is None:
            self._client = self._make()
        for first in range(0, len(messages), _SQS_BATCH):
            entries = [
                {"Id": str(at), "MessageBody": body, "DelaySeconds": delay_s}
                for at, body in enumerate(messages[first : first + _SQS_BATCH])
            ]
            try:
                answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
            except (BotoCoreError, ClientError, ResponseParserError) as error:
                raise StoreUnavailable(
                    f"the queue {self._url} did not take the work: {error}; repeat later"
                ) from error
            # what the answer does not name as taken was not, also where it names nothing at all
            taken = {row.get("Id") for row in answer.get("Successful", ())}
            refused = [entry for entry in entries if entry["Id"] not in taken]
            if refused:
                raise StoreUnavailable(
                    f"the queue {self._url} did not take {len(refused)} of {len(entries)} "
                    "messages; repeat later"
                )
