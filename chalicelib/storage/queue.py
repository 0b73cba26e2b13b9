"""Work for later: at least once, in any order, again after its worker died. Messages are short
text.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
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

        if self._client is None:
            self._client = self._make()
        for first in range(0, len(messages), _SQS_BATCH):
            entries = [
                {"Id": str(at), "MessageBody": body, "DelaySeconds": delay_s}
                for at, body in enumerate(messages[first : first + _SQS_BATCH])
            ]
            try:
                failed = self._client.send_message_batch(QueueUrl=self._url, Entries=entries).get(
                    "Failed", []
                )
            except (BotoCoreError, ClientError) as error:
                raise StoreUnavailable(
                    f"the queue {self._url} did not take the work: {error}; repeat later"
                ) from error
            if failed:
                raise StoreUnavailable(
                    f"the queue {self._url} did not take {len(failed)} of {len(entries)} messages; "
                    "repeat later"
                )


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that was taken, and is gone for others until its lease ends."""

    body: str
    path: Path
    """The lease; delete it when the work is done."""
    receives: int
    """How often it was delivered, this time included."""


class FolderQueue:
    """A folder of message files, with SQS's promises for the processes of one machine; survives
    restarts.

    waiting/{due, ns}-{id}-{times}                      nobody has it; delivered so often
    taken/{due, ns}-{id}-{times}.{expiry, ns}.{pid}     a process took it; after expiry, or when the
                                                        process is gone, it goes back

    Every step is one rename, so two takers cannot have the same delivery and a crash leaves the
    message in one of the two.
    """

    grain = 32

    def __init__(
        self, folder: Path, *, new_id: Callable[[], str], clock_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._waiting = folder / "waiting"
        self._taken = folder / "taken"
        self._new_id = new_id
        self._clock_ns = clock_ns

    def send(self, messages: Sequence[str], *, delay_s: int = 0) -> None:
        """See Queue.send."""
        self._waiting.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._taken.mkdir(parents=True, exist_ok=True, mode=0o700)
        due = self._clock_ns() + delay_s * 10**9
        for at, body in enumerate(messages):
            name = f"{due + at:020d}-{self._new_id()}-0"
            part = self._taken.parent / f"{name}.part"
            with part.open("w", encoding="utf-8") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            part.rename(self._waiting / name)

    def receive(self, *, lease_s: float) -> Delivery | None:
        """The oldest message that is due, taken for `lease_s`; None where there is none."""
        self._give_back()
        now = self._clock_ns()
        for name in sorted(_names(self._waiting)):
            if int(name.partition("-")[0]) > now:
                break
            message, _, times = name.rpartition("-")
            receives = int(times) + 1
            taken = self._taken / f"{message}-{receives}.{now + int(lease_s * 1e9)}.{os.getpid()}"
            try:
                (self._waiting / name).rename(taken)
            except FileNotFoundError:  # another process took it
                continue
            return Delivery(taken.read_text(encoding="utf-8"), taken, receives)
        return None

    def delete(self, delivery: Delivery) -> None:
        """The work is done. Harmless when the lease had ended; the message may then be delivered
        again.
        """
        delivery.path.unlink(missing_ok=True)

    def release(self, delivery: Delivery) -> None:
        """The work was not done: anybody may take it at once."""
        with contextlib.suppress(FileNotFoundError):
            delivery.path.rename(self._waiting / delivery.path.name.partition(".")[0])

    def pending(self) -> int:
        """Messages that wait or are taken."""
        return len(_names(self._waiting)) + len(_names(self._taken))

    def due(self) -> bool:
        """Whether a message can be taken now."""
        self._give_back()
        return any(
            int(name.partition("-")[0]) <= self._clock_ns() for name in _names(self._waiting)
        )

    def _give_back(self) -> None:
        now = self._clock_ns()
        for name in _names(self._taken):
            message, expiry, pid = name.split(".")
            if int(expiry) <= now or not _alive(int(pid)):
                with contextlib.suppress(FileNotFoundError):
                    (self._taken / name).rename(self._waiting / message)


def _alive(pid: int) -> bool:
    """Whether a process of that number runs on this machine, whoever owns it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208  # names are all that is wanted
    except FileNotFoundError:
        return []
