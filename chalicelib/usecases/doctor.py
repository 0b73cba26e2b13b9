"""Looks for what would make a deployment fail, and says what to do about each finding."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from chalicelib.errors import (
    CollectionNotFound,
    Forbidden,
    LookalikeError,
    ObjectMissing,
    StorageError,
    StoreUnavailable,
    StoreUnfit,
)
from chalicelib.storage.account import Account
from chalicelib.storage.probe import probe
from chalicelib.usecases.deployment import Deployment
from chalicelib.usecases.keys import list_keys
from chalicelib.vision.analysis import PictureAnalyzer

State = Literal["ok", "warn", "fail"]

MAX_SKEW_S: Final = 60.0
"""Half of what would reorder records of two writers is harmless (docs/FORMAT.md); signatures are
refused at 15 minutes.
"""
_MAX_PACKAGE: Final = 250 * 2**20
_LITTLE_SPACE: Final = 2**30
_SCRATCH: Final = "probes/doctor"
_RESTORE_MODELS: Final = "Restore the files under models/ from the repository (git checkout models)"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding."""

    name: str
    state: State
    message: str
    """What was found; for anything but "ok" also what to do."""


def checks(
    deployment: Deployment,
    collection: str | None = None,
    *,
    account: Account | None = None,
    package: Path | None = None,
) -> Iterator[Check]:
    """Findings, one after the other as they are made; of `collection` alone, or of all. Raises
    nothing: an error is a finding.

    `account` where the store is on AWS, `package` where a deployment's zip lies beside the code.
    """
    if account is not None:
        yield from _account(deployment, account)
    reachable = True
    for check in _store(deployment):
        reachable = reachable and check.state != "fail"
        yield check
    yield _keys(deployment)
    models = _models(deployment)
    yield models
    if package is not None and package.exists():
        yield _package(package)
    if reachable:
        yield from _collections(
            deployment, collection, deployment.analyzer() if models.state == "ok" else None
        )


def _account(deployment: Deployment, account: Account) -> Iterator[Check]:
    """Who we are for AWS, where the bucket is, and whether the queue answers."""
    try:
        yield Check("credentials", "ok", f"AWS knows us as {account.caller()}")
    except Forbidden as error:
        yield Check(
            "credentials",
            "fail",
            f"{error}. Log in (aws sso login, aws configure) or set AWS_PROFILE",
        )
        return
    except LookalikeError as error:
        yield Check(
            "credentials", "fail", f"{error}. Check the network, and AWS_ENDPOINT_URL if it is set"
        )
        return
    bucket = deployment.settings.store.removeprefix("s3://").split("/")[0]
    yield _region(deployment.settings.region, bucket, account)
    if deployment.settings.queue:
        try:
            yield Check(
                "queue",
                "ok",
                f"{account.queue_length(deployment.settings.queue)} import slices are waiting",
            )
        except LookalikeError as error:
            yield Check(
                "queue",
                "fail",
                f"{error}. LOOKALIKE_QUEUE must be the stack's output ImportQueueUrl",
            )


def _region(region: str, bucket: str, account: Account) -> Check:
    """Whether bucket and deployment are in one region."""
    try:
        actual = account.bucket_region(bucket)
    except LookalikeError as error:
        return Check(
            "region",
            "fail",
            f"bucket {bucket}: {error}. LOOKALIKE_STORE must name the stack's output StoreBucket",
        )
    if not actual:
        return Check(
            "region",
            "warn",
            f"the store does not say where bucket {bucket} is; on AWS it must be in {region}",
        )
    if actual != region:
        return Check(
            "region",
            "fail",
            (
                f"this is set to region {region}, but bucket {bucket} is in {actual}: set "
                f"AWS_REGION={actual}"
            ),
        )
    return Check("region", "ok", f"bucket and deployment are both in {region}")


def _store(deployment: Deployment) -> Iterator[Check]:
    """Every step that the store must be able to do, on an object of our own."""
    key = f"{_SCRATCH}/{deployment.new_id()}"
    step = "write into"
    try:
        version = deployment.store.create(key, b"1")
        step = "replace an object in"
        deployment.store.replace(key, b"2", version=version)
        step = "read from"
        deployment.store.get(key)
        step = "list"
        (stat,) = deployment.store.list(key)
        step = "delete from"
        deployment.store.delete(key)
    except StoreUnavailable as error:
        yield Check(
            "store",
            "fail",
            (
                f"cannot {step} {deployment.settings.store}: {error}. Check the "
                + (
                    "credentials and the network"
                    if deployment.settings.store.startswith("s3://")
                    else "folder's rights, and the space on its disk"
                )
            ),
        )
        return
    except StorageError as error:
        yield Check("store", "fail", f"cannot {step} {deployment.settings.store}: {error}")
        return
    except (OSError, ValueError) as error:
        yield Check(
            "store",
            "fail",
            (
                f"cannot {step} {deployment.settings.store}: {error}. Whoever runs this must own "
                "it, or choose another"
            ),
        )
        return
    yield Check(
        "store",
        "ok",
        f"{deployment.settings.store} can be written, replaced, read, listed and deleted from",
    )
    yield _clock(stat.modified - deployment.clock())
    yield _conditions(deployment)
    if not deployment.settings.store.startswith("s3://"):
        try:
            free = shutil.disk_usage(deployment.settings.store).free
        except OSError as error:
            yield Check("space", "warn", f"cannot be told: {error.strerror}; look with df")
            return
        state: State = "ok" if free > _LITTLE_SPACE else "warn"
        yield Check(
            "space",
            state,
            f"{free / 2**30:.1f} GiB are free"
            + ("" if state == "ok" else ": make room before adding more"),
        )


def _clock(skew: float) -> Check:
    """`skew`: seconds that the store's clock is ahead of ours."""
    if abs(skew) <= MAX_SKEW_S:
        return Check("clock", "ok", f"within {abs(skew):.0f} s of the store's")
    direction = "behind" if skew > 0 else "ahead of"
    return Check(
        "clock",
        "fail",
        (
            f"this machine's clock is {abs(skew):.0f} s {direction} the store's: turn time "
            "synchronisation on (chrony, ntp)"
        ),
    )


def _conditions(deployment: Deployment) -> Check:
    """Whether the store honours conditional writes (storage/probe.py)."""
    try:
        probe(deployment.store, deployment.settings.store, new_id=deployment.new_id)
    except StoreUnfit as error:
        return Check(
            "conditions", "fail", f"{error}. Use another store: this one would lose records"
        )
    except StorageError as error:
        return Check("conditions", "fail", f"could not be tried: {error}")
    return Check("conditions", "ok", "the store honours conditional writes")


def _keys(deployment: Deployment) -> Check:
    """Whether anybody can call."""
    try:
        keys = list_keys(deployment)
    except LookalikeError as error:
        on_aws = deployment.settings.secrets.startswith("secretsmanager:")
        hint = (
            ". LOOKALIKE_SECRETS must be the stack's output KeysSecret, as secretsmanager:NAME"
            if on_aws
            else ""
        )
        return Check("keys", "fail", f"{error}{hint}")
    if not keys:
        return Check(
            "keys", "warn", "there is no access key, so nobody can call: lookalike keys create"
        )
    return Check("keys", "ok", f"{len(keys)} access key{'s' if len(keys) > 1 else ''}")


def _models(deployment: Deployment) -> Check:
    """Whether the models can be loaded, and which they are."""
    try:
        analyzer = deployment.analyzer()
    except LookalikeError as error:
        return Check("models", "fail", str(error))
    except OSError as error:
        said = (
            f"models/{Path(error.filename).name}: {error.strerror}"
            if error.filename
            else str(error)
        )
        return Check("models", "fail", f"{said}. {_RESTORE_MODELS}")
    except (ValueError, KeyError) as error:
        return Check("models", "fail", f"{error}. {_RESTORE_MODELS}")
    return Check(
        "models",
        "ok",
        (
            f"fingerprint {analyzer.fingerprint[:12]}, {analyzer.dimension} numbers and "
            f"{analyzer.bits} bits a picture"
        ),
    )


def _package(package: Path) -> Check:
    with zipfile.ZipFile(package) as archive:
        size = sum(member.file_size for member in archive.infolist())
    said = f"{package.name} is {size / 2**20:.0f} MiB unzipped"
    if size > _MAX_PACKAGE:
        return Check("package", "fail", f"{said}; Lambda takes 250: make size shows what is heavy")
    return Check("package", "ok", f"{said}; Lambda takes 250")


def _collections(
    deployment: Deployment, only: str | None, analyzer: PictureAnalyzer | None
) -> Iterator[Check]:
    """One finding a collection."""
    try:
        names = [only] if only is not None else deployment.catalog.names()
    except LookalikeError as error:
        yield Check("collections", "fail", str(error))
        return
    if not names:
        yield Check(
            "collections",
            "warn",
            "there is none yet: lookalike collections create NAME --type product",
        )
    for name in names:
        yield _collection(deployment, name, analyzer)


def _collection(deployment: Deployment, name: str, analyzer: PictureAnalyzer | None) -> Check:
    """Whether a collection can be read, fits the models and is kept in shape."""
    title = f"collection {name}"
    try:
        collection = deployment.catalog.open(name)
        stats = collection.snapshot().stats
        strays = collection.current().log.strays()
    except CollectionNotFound:
        return Check(
            title,
            "fail",
            (
                "there is none of that name: lookalike collections list, or collections create "
                f"{name} --type product"
            ),
        )
    except ObjectMissing as error:
        return Check(
            title,
            "fail",
            f"{error}: an object is gone; lookalike scrub {name}, then docs/OPERATIONS.md, restore",
        )
    except LookalikeError as error:
        return Check(title, "fail", f"{error}. lookalike scrub {name} shows what is damaged")
    if analyzer is not None and collection.info.fingerprint != analyzer.fingerprint:
        return Check(
            title,
            "fail",
            (
                "its features are of other models than this version has: lookalike rebuild "
                f"SOURCE -c {name}"
            ),
        )
    if strays:
        return Check(
            title,
            "warn",
            f"{strays[0]} is none of its objects, and so are {len(strays) - 1} others: delete them"
            if len(strays) > 1
            else f"{strays[0]} is none of its objects: delete it",
        )
    said = f"rows: {stats.rows}, segments: {stats.segments}, log objects: {stats.log_objects}"
    if stats.log_objects > 4 * deployment.settings.compact_log_objects:
        return Check(
            title, "warn", f"{said}: compaction does not keep up; lookalike compact {name}"
        )
    return Check(title, "ok", said)
