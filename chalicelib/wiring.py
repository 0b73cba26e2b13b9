"""The composition root: builds the components once per process, each at its first use."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib.config import Settings
from chalicelib.index.catalog import Catalog
from chalicelib.storage.object_store import ObjectStore
from chalicelib.storage.secrets import SecretStore
from chalicelib.usecases.ask_parts import PATIENCE_S, Ask, FanOut
from chalicelib.usecases.deployment import Deployment

if TYPE_CHECKING:
    from chalicelib.storage.folder_queue import FolderQueue
    from chalicelib.storage.invoke import LambdaInvoker
    from chalicelib.storage.queue import Queue
    from chalicelib.storage.source import Sources
    from chalicelib.vision.analysis import PictureAnalyzer


@lru_cache(maxsize=1)
def deployment() -> Deployment:
    """The deployment of this process, from its environment."""
    return build_deployment(Settings.read(os.environ))


def build_deployment(settings: Settings) -> Deployment:
    """A deployment by `settings`. Nothing is loaded or contacted yet.

    Raises ValueError for a store or secrets address that is not understood.
    """
    store = open_store(settings)
    return Deployment(
        settings=settings,
        store=store,
        catalog=Catalog(
            store,
            clock=time.time,
            new_id=new_id,
            cache_bytes=settings.cache_mb * 2**20,
            grace_s=settings.grace_s,
        ),
        secrets=_open_secrets(settings),
        analyzer=_Once(settings),
        clock=time.time,
        new_id=new_id,
        sources=_open_sources(settings),
        queue=_open_queue(settings),
        presign=_presign(settings),
        notify=_notify,
        transit=_store("LOOKALIKE_UPLOADS", settings.uploads, settings)
        if settings.uploads
        else None,
        fan_out=FanOut(settings.fan_out_rows, _open_searcher(settings)),
    )


def _open_searcher(settings: Settings) -> Ask | None:
    """Who searches a part, made at the first search that has parts."""
    if not settings.search_function:
        return None

    @lru_cache(maxsize=1)
    def invoker() -> LambdaInvoker:
        from chalicelib.storage.clients import client
        from chalicelib.storage.invoke import LambdaInvoker, patient_once

        config = patient_once(2 * PATIENCE_S, connections=64)
        return LambdaInvoker(
            client("lambda", settings.region, config=config), settings.search_function
        )

    def ask(question: bytes) -> bytes:
        return invoker()(question)

    return ask


def new_id() -> str:
    """32 hex digits."""
    return uuid.uuid4().hex


class _Once:
    """Loads the models at the first call, once, whichever thread asks first."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._analyzer: PictureAnalyzer | None = None

    def __call__(self) -> PictureAnalyzer:
        with self._lock:
            if self._analyzer is None:
                from chalicelib.vision.analyze import Analyzer

                self._analyzer = Analyzer(
                    threads=self._settings.threads,
                    strict_orientation=self._settings.strict_orientation,
                    avif=self._settings.avif,
                )
            return self._analyzer


def open_store(settings: Settings) -> ObjectStore:
    """The object store that `settings.store` names: `s3://bucket/prefix` or a folder, which is
    made.
    """
    return _store("LOOKALIKE_STORE", settings.store, settings)


def _store(variable: str, place: str, settings: Settings) -> ObjectStore:
    """The store at `place`, which the environment variable `variable` named. Raises ValueError."""
    if not place.startswith("s3://"):
        from chalicelib.storage.files import FileStore

        if "://" in place:
            raise ValueError(
                f"{variable} is {place!r}; it must be a folder, s3://bucket or s3://bucket/prefix"
            )
        try:
            return FileStore(Path(place))
        except OSError as error:
            raise ValueError(
                f"{variable} is {place!r}, a folder that cannot be made or read: "
                f"{error.strerror}; choose another"
            ) from error
    from chalicelib.storage.s3 import S3Store, connect

    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    if not bucket:
        raise ValueError(f"{variable} is {place!r}; it must be s3://bucket or s3://bucket/prefix")
    return S3Store(connect(settings.region), bucket, prefix)


def _open_secrets(settings: Settings) -> SecretStore:
    """An entry of Secrets Manager, or an owner-only file."""
    name = settings.secrets
    if name.startswith("secretsmanager:"):
        from chalicelib.storage.secrets import SecretsManagerSecrets

        return SecretsManagerSecrets(
            _client("secretsmanager", settings), name.removeprefix("secretsmanager:")
        )
    from chalicelib.storage.secrets import FileSecrets

    return FileSecrets(Path(name))


def _presign(settings: Settings) -> Callable[[str, int], str] | None:
    """How S3 signs links to the store's objects; None for a folder: the gateway serves them."""
    if not settings.store.startswith("s3://"):
        return None
    bucket, _, prefix = settings.store.removeprefix("s3://").partition("/")
    folder = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    s3 = lru_cache(maxsize=1)(lambda: _client("s3", settings))

    def presign(key: str, valid_s: int) -> str:
        url: str = s3().generate_presigned_url(
            "get_object", Params={"Bucket": bucket, "Key": folder + key}, ExpiresIn=valid_s
        )
        return url

    return presign


def _notify(url: str, body: bytes) -> None:
    from chalicelib.storage.callback import post

    post(url, body)


def _open_sources(settings: Settings) -> Sources:
    """Buckets of AWS; where the region is `local`, folders beside the store that play buckets."""
    if settings.region == "local":
        from chalicelib.storage.source import LocalSources

        return LocalSources(local_folder(settings) / "buckets")
    from chalicelib.storage.sources import AwsSources

    return AwsSources(settings.region)


def _open_queue(settings: Settings) -> Queue:
    if settings.queue:
        from chalicelib.storage.queue import SqsQueue

        return SqsQueue(lambda: _client("sqs", settings), settings.queue)
    return local_queue(settings)


def local_queue(settings: Settings) -> FolderQueue:
    """The queue of this machine's worker processes."""
    from chalicelib.storage.folder_queue import FolderQueue

    return FolderQueue(local_folder(settings) / "queue", new_id=new_id)


def local_folder(settings: Settings) -> Path:
    """Where this machine keeps what is not in the store: beside its folder, or .lookalike."""
    return Path(".lookalike") if settings.store.startswith("s3://") else Path(settings.store).parent


def _client(service: str, settings: Settings) -> Any:
    """An AWS client of this deployment's region; AWS_ENDPOINT_URL redirects it, as everywhere in
    botocore.
    """
    from chalicelib.storage.clients import client

    return client(service, settings.region)
