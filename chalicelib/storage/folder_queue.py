"""A queue in a folder of this machine: a file per message, moved by rename (ADR 0044)."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chalicelib.errors import StoreUnavailable

_MESSAGE: Final = re.compile(r"\d{20}-[0-9A-Za-z]+-\d{1,9}", re.ASCII)
_LEASE: Final = re.compile(r"(?P<message>\d{20}-[0-9A-Za-z]+-\d{1,9})\.(\d+)\.(\d+)", re.ASCII)
_STEP_NS: Final = 10**9
"""A message written so far in the future shows that the clock was set back since."""
_REASON: Final = ".why"
_SHOWN: Final = 2000


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that was taken, and is gone for others until its lease ends."""

    body: str
    path: Path
    """The lease; delete it when the work is done."""
    receives: int
    """How often it was delivered, this time included."""


@dataclass(frozen=True, slots=True)
class Aside:
    """A message that could not be carried out and is kept for people."""

    path: Path
    reason: str
    body: str
    """Its beginning."""


class FolderQueue:
    """A folder of message files, with SQS's promises for the processes of one machine; survives
    restarts.

    waiting/{due, ns}-{id}-{times}        a message nobody has, delivered so often
    taken/{as above}.{expiry, ns}.{pid}   one that a process took; after expiry, or when the process
                                          is gone, it goes back
    aside/{as above}, aside/{...}.why     one that nobody can carry out, and the reason

    Every step is one rename, so two takers cannot have the same delivery and a crash leaves the
    message in one of the three. Files of other names are passed over. All methods raise
    StoreUnavailable where the folder cannot be read or written.
    """

    grain = 32

    def __init__(
        self, folder: Path, *, new_id: Callable[[], str], clock_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._folder = folder
        self._waiting = folder / "waiting"
        self._taken = folder / "taken"
        self._aside = folder / "aside"
        self._new_id = new_id
        self._clock_ns = clock_ns

    def send(self, messages: Sequence[str], *, delay_s: int = 0) -> None:
        """See Queue.send."""
        now = self._clock_ns()
        with self._translated():
            self._make_folders()
            for at, body in enumerate(messages):
                name = f"{now + delay_s * 10**9 + at:020d}-{self._new_id()}-0"
                part = self._folder / f"{name}.part"
                try:
                    _write_durably(part, body)
                    os.utime(part, ns=(now, now))
                    part.rename(self._waiting / name)
                finally:
                    part.unlink(missing_ok=True)

    def receive(self, *, lease_s: float) -> Delivery | None:
        """The oldest message that is due, taken for `lease_s`; None where there is none. One that
        cannot be read is set aside.
        """
        with self._translated():
            self._give_back()
            now = self._clock_ns()
            for name in self._due(now):
                message, _, times = name.rpartition("-")
                receives = int(times) + 1
                expiry = now + int(lease_s * 1e9)
                taken = self._taken / f"{message}-{receives}.{expiry}.{os.getpid()}"
                try:
                    (self._waiting / name).rename(taken)
                except FileNotFoundError:  # another process took it
                    continue
                try:
                    return Delivery(taken.read_text(encoding="utf-8"), taken, receives)
                except (OSError, ValueError) as error:
                    self._put_aside(taken, f"it cannot be read: {type(error).__name__}")
        return None

    def delete(self, delivery: Delivery) -> None:
        """The work is done. Harmless when the lease had ended; the message may then be delivered
        again.
        """
        with self._translated():
            delivery.path.unlink(missing_ok=True)

    def release(self, delivery: Delivery, *, delay_s: float = 0.0) -> None:
        """The work was not done: anybody may take it after `delay_s`, and what waits behind it
        before.
        """
        _, name, times = delivery.path.name.partition(".")[0].split("-")
        now = self._clock_ns()
        with self._translated(), contextlib.suppress(FileNotFoundError):
            os.utime(delivery.path, ns=(now, now))
            due = now + int(delay_s * 1e9)
            delivery.path.rename(self._waiting / f"{due:020d}-{name}-{times}")

    def set_aside(self, delivery: Delivery, reason: str) -> None:
        """Keeps a message that nobody can carry out, for people to see; it is delivered no more."""
        with self._translated():
            self._put_aside(delivery.path, reason)

    def asides(self) -> list[Aside]:
        """What was set aside, oldest first."""
        found = []
        with self._translated():
            for name in sorted(filter(_MESSAGE.fullmatch, _names(self._aside))):
                path = self._aside / name
                reason = _beginning(path.with_name(name + _REASON))
                found.append(Aside(path, reason, _beginning(path)))
        return found

    def forget_asides(self, *, before: float) -> None:
        """Removes what was set aside and is older than `before`, seconds since the epoch."""
        with self._translated():
            for name in _names(self._aside):
                path = self._aside / name
                with contextlib.suppress(FileNotFoundError, IsADirectoryError):
                    if path.stat().st_mtime < before:
                        path.unlink()

    def strays(self) -> list[Path]:
        """Files in the queue's folders that are none of its own."""
        with self._translated():
            return [
                folder / name
                for folder, form in ((self._waiting, _MESSAGE), (self._taken, _LEASE))
                for name in sorted(_names(folder))
                if not form.fullmatch(name)
            ]

    def pending(self) -> int:
        """Messages that wait or are taken."""
        with self._translated():
            waiting = sum(1 for _ in filter(_MESSAGE.fullmatch, _names(self._waiting)))
            return waiting + sum(1 for _ in filter(_LEASE.fullmatch, _names(self._taken)))

    def fresh(self) -> bool:
        """Whether no waiting message was ever delivered before: none can have killed a worker."""
        with self._translated():
            waiting = filter(_MESSAGE.fullmatch, _names(self._waiting))
            return all(name.endswith("-0") for name in waiting)

    def due(self) -> bool:
        """Whether a message can be taken now."""
        with self._translated():
            self._give_back()
            return bool(self._due(self._clock_ns()))

    def _due(self, now: int) -> list[str]:
        """Names of the messages that may be taken, oldest first.

        A message that was written in the future shows that the clock was set back: then it would
        wait for as long as that, and what was delayed does not count any more.
        """
        names = sorted(filter(_MESSAGE.fullmatch, _names(self._waiting)))
        due = [name for name in names if int(name.partition("-")[0]) <= now]
        if len(due) < len(names):
            with contextlib.suppress(FileNotFoundError):
                written = (self._waiting / names[len(due)]).stat().st_mtime_ns
                if written > now + _STEP_NS:
                    return names
        return due

    def _give_back(self) -> None:
        """Puts the messages back whose lease has ended or whose taker is gone."""
        now = self._clock_ns()
        for name in _names(self._taken):
            form = _LEASE.fullmatch(name)
            if form and (int(form[2]) <= now or not process_runs(int(form[3]))):
                with contextlib.suppress(FileNotFoundError):
                    (self._taken / name).rename(self._waiting / form["message"])

    def _put_aside(self, taken: Path, reason: str) -> None:
        self._make_folders()
        name = taken.name.partition(".")[0]
        with contextlib.suppress(OSError):  # without its reason it is still out of the way
            (self._aside / (name + _REASON)).write_text(reason, encoding="utf-8")
        with contextlib.suppress(FileNotFoundError):
            taken.rename(self._aside / name)

    def _make_folders(self) -> None:
        for folder in (self._waiting, self._taken, self._aside):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            full = error.errno in {errno.ENOSPC, errno.EDQUOT}
            hint = "make room on the disk" if full else "check who owns it and the disk"
            raise StoreUnavailable(
                f"the queue in the folder {self._folder.name} failed: {error.strerror}; {hint}"
            ) from error


def _write_durably(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _beginning(path: Path) -> str:
    """Of a file, as far as it can be read."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_SHOWN)
    except OSError:
        return ""


def process_runs(pid: int) -> bool:
    """Whether a process of this machine has the number `pid`; another user's counts."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208  # names are all that is wanted
    except FileNotFoundError:
        return []
