r"""Where access keys live: never in the store with the data. One small text, replaced as a whole
under a version check.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import stat
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from chalicelib.errors import StorageError, StoreUnavailable, VersionConflict


@dataclass(frozen=True, slots=True)
class Secret:
    """The text and the version it was read at."""

    text: str
    version: str
    """Compare only for equality. Empty: nothing has been written yet (and `text` is empty)."""

    def __repr__(self) -> str:
        """Keeps the text out of logs and tracebacks."""
        return f"Secret(version={self.version!r})"


class SecretStore(Protocol):
    """Methods may be called from several threads."""

    def read(self, *, max_age_s: float = 0.0) -> Secret:
        """The current text, or one read at most `max_age_s` ago. Raises StoreUnavailable."""
        ...

    def replace(self, text: str, *, version: str) -> None:
        """Writes `text` if the current version is still `version`. Raises VersionConflict (nothing
        written), StoreUnavailable.
        """
        ...


class MemorySecrets:
    """For tests: lives as long as the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._secret = Secret("", "")

    def read(self, *, max_age_s: float = 0.0) -> Secret:  # noqa: ARG002  # always current
        """See SecretStore."""
        return self._secret

    def replace(self, text: str, *, version: str) -> None:
        """See SecretStore."""
        with self._lock:
            if self._secret.version != version:
                raise VersionConflict("the keys were changed meanwhile; nothing was written")
            self._secret = Secret(text, secrets.token_hex(8))


class FileSecrets:
    """A file only its owner can read (mode 0600). Replaced by rename under a lock file, so readers
    never see half of it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    # a local read is cheap and always current
    def read(self, *, max_age_s: float = 0.0) -> Secret:  # noqa: ARG002
        """See SecretStore. Raises StorageError when others may read the file."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY)
        except FileNotFoundError:
            return Secret("", "")
        except OSError as error:
            raise StoreUnavailable(
                f"cannot read the keys in {self._path}: {error.strerror}"
            ) from error
        with os.fdopen(descriptor, "rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise StorageError(
                    f"{self._path} holds secrets but others may open it (mode {mode:04o}); run: "
                    f"chmod 600 {self._path}"
                )
            data = file.read()
        return Secret(data.decode(), hashlib.sha256(data).hexdigest())

    def replace(self, text: str, *, version: str) -> None:
        """See SecretStore."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._locked():
            if self.read().version != version:
                raise VersionConflict("the keys were changed meanwhile; nothing was written")
            draft = self._path.with_name(f".{self._path.name}.{secrets.token_hex(8)}")
            try:
                descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(text.encode())
                    file.flush()
                    os.fsync(file.fileno())
                draft.replace(self._path)
            finally:
                draft.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with self._path.with_name(f"{self._path.name}.lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


class SecretsManagerSecrets:
    """One secret in AWS Secrets Manager. `client` is botocore's; the secret itself is made by the
    deployment's template.

    A write stores a new version under a label of its own and then moves AWSCURRENT to it from the
    version that was read: the move fails when another writer was faster, which makes it a
    compare-and-swap.
    """

    def __init__(
        self, client: Any, name: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:  # botocore has no types
        self._client = client
        self._name = name
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: tuple[float, Secret] | None = None

    def read(self, *, max_age_s: float = 0.0) -> Secret:
        """See SecretStore."""
        with self._lock:
            if self._kept is not None and self._clock() - self._kept[0] < max_age_s:
                return self._kept[1]
            secret = self._fetch()
            self._kept = (self._clock(), secret)
            return secret

    def _fetch(self) -> Secret:
        """The current version, from AWS. Raises StorageError, StoreUnavailable."""
        try:
            answer = self._client.get_secret_value(SecretId=self._name, VersionStage="AWSCURRENT")
        except self._client.exceptions.ResourceNotFoundException as error:
            raise StorageError(
                f"there is no secret {self._name} with a value; the deployment's template creates "
                "it"
            ) from error
        except Exception as error:
            raise StoreUnavailable(
                f"cannot read the secret {self._name}: {type(error).__name__}"
            ) from error
        text, version = answer.get("SecretString"), answer.get("VersionId")
        if text is None or not version:
            raise StoreUnavailable(f"cannot read the secret {self._name}: the answer lacks it")
        return Secret("" if text.strip() in {"", "{}"} else text, version)

    def replace(self, text: str, *, version: str) -> None:
        """See SecretStore."""
        token = secrets.token_hex(16)
        label = f"DRAFT-{token}"
        try:
            new = self._client.put_secret_value(
                SecretId=self._name,
                SecretString=text,
                ClientRequestToken=token,
                VersionStages=[label],
            )
            try:
                self._move("AWSCURRENT", to=new["VersionId"], of=version)
            finally:
                # a version without labels is deleted by the service in time
                self._move(label, to=None, of=new["VersionId"])
        except (
            self._client.exceptions.InvalidParameterException,
            self._client.exceptions.InvalidRequestException,
        ) as error:
            raise VersionConflict("the keys were changed meanwhile; nothing was written") from error
        except Exception as error:
            raise StoreUnavailable(
                f"cannot write the secret {self._name}: {type(error).__name__}; read it before "
                "trying again"
            ) from error
        with self._lock:
            self._kept = None

    def _move(self, label: str, *, to: str | None, of: str) -> None:
        target = {"MoveToVersionId": to} if to else {}
        self._client.update_secret_version_stage(
            SecretId=self._name, VersionStage=label, RemoveFromVersionId=of, **target
        )
