"""Access keys: made, listed, rotated, revoked. A key may read or write, in all collections or in
some.
"""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, Literal

from chalicelib.contract.values import check_collection
from chalicelib.errors import Conflict, CorruptObject, InvalidField, NotFound, VersionConflict
from chalicelib.storage.attempts import CONTENDED, attempts
from chalicelib.usecases.deployment import Deployment

Access = Literal["read", "write"]

MAX_BYTES: Final = 60_000
"""Of all keys together; AWS Secrets Manager ends at 65,536."""
_LETTERS: Final = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class AccessKey:
    """An access key."""

    key_id: str
    name: str
    """For people."""
    access: Access
    collections: frozenset[str]
    """The only collections it may touch; empty: all."""
    created: float
    """Seconds since the epoch."""
    bearer: bool
    """Whether the secret itself may be sent, as `Authorization: Bearer ID.SECRET`."""
    secrets: tuple[str, ...]
    """Live secrets, newest first: one, or two while the key is being rotated."""

    def __repr__(self) -> str:
        """Keeps the secrets out of logs and tracebacks."""
        return f"AccessKey({self.key_id!r}, {self.name!r}, {self.access!r})"

    @property
    def rotating(self) -> bool:
        """Whether an older secret is still accepted."""
        return len(self.secrets) > 1

    @property
    def owner(self) -> bool:
        """Whether the key may manage collections and keys."""
        return self.access == "write" and not self.collections

    def may(self, access: Access, collection: str | None) -> bool:
        """Whether the key allows `access` to `collection`; None: to what belongs to none."""
        if access == "write" and self.access != "write":
            return False
        return collection is None or not self.collections or collection in self.collections


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key id with the secret just made; the secret is shown once."""

    key_id: str
    secret: str

    def __repr__(self) -> str:
        """Keeps the secret out of logs and tracebacks."""
        return f"NewKey({self.key_id!r})"


@dataclass(frozen=True, slots=True)
class _Ring:
    keys: Mapping[str, AccessKey] = field(default_factory=dict)
    signing: str = ""


def create_key(
    deployment: Deployment,
    *,
    name: str = "",
    access: Access = "write",
    collections: frozenset[str] = frozenset(),
    bearer: bool = False,
) -> NewKey:
    """Makes a key. Raises InvalidField, Conflict when there are too many keys, StoreUnavailable."""
    if len(name) > 100:
        raise InvalidField("name", "a key's name has at most 100 characters")
    if access not in {"read", "write"}:
        raise InvalidField("access", f"access is {access!r}; it must be read or write")
    for collection in collections:
        check_collection(collection)
    new = NewKey(key_id="LA" + _random(20), secret=_random(40))
    key = AccessKey(
        new.key_id, name, access, collections, deployment.clock(), bearer, (new.secret,)
    )
    _change(deployment, lambda keys: {**keys, key.key_id: key})
    return new


def list_keys(deployment: Deployment) -> list[AccessKey]:
    """All keys, oldest first. Raises StoreUnavailable."""
    return sorted(
        _parse(deployment.secrets.read().text).keys.values(),
        key=lambda key: (key.created, key.key_id),
    )


def find_key(deployment: Deployment, key_id: str, *, max_age_s: float) -> AccessKey | None:
    """The key, as of at most `max_age_s` ago. Raises StoreUnavailable."""
    return _parse(deployment.secrets.read(max_age_s=max_age_s).text).keys.get(key_id)


def revoke_key(deployment: Deployment, key_id: str) -> None:
    """Forgets the key: it stops working within a minute everywhere. Raises NotFound."""

    def without(keys: Mapping[str, AccessKey]) -> dict[str, AccessKey]:
        _get(keys, key_id)
        return {other: key for other, key in keys.items() if other != key_id}

    _change(deployment, without)


def rotate_key(deployment: Deployment, key_id: str) -> NewKey:
    """Gives the key a second secret; the first stays valid until retire_key. Raises NotFound,
    Conflict while two are live.
    """
    new = NewKey(key_id=key_id, secret=_random(40))

    def rotated(keys: Mapping[str, AccessKey]) -> dict[str, AccessKey]:
        key = _get(keys, key_id)
        if key.rotating:
            raise Conflict(f"key {key_id} has two live secrets already; retire the older one first")
        return {**keys, key_id: replace(key, secrets=(new.secret, *key.secrets))}

    _change(deployment, rotated)
    return new


def retire_key(deployment: Deployment, key_id: str) -> None:
    """Forgets all but the newest secret of the key. Raises NotFound."""

    def retired(keys: Mapping[str, AccessKey]) -> dict[str, AccessKey]:
        key = _get(keys, key_id)
        return {**keys, key_id: replace(key, secrets=key.secrets[:1])}

    _change(deployment, retired)


def signing_secret(deployment: Deployment) -> str:
    """The secret of this deployment's own links; made with its first key, or here where the keys
    are older. Raises StoreUnavailable.
    """
    return known_signing_secret(deployment) or _update(deployment, _with_signing).signing


def known_signing_secret(deployment: Deployment) -> str | None:
    """The same for a stranger, for whom nothing is made: None where no link was ever signed."""
    return _parse(deployment.secrets.read(max_age_s=60.0).text).signing or None


def _with_signing(ring: _Ring) -> _Ring:
    return ring if ring.signing else replace(ring, signing=_random(40))


def _get(keys: Mapping[str, AccessKey], key_id: str) -> AccessKey:
    if key_id not in keys:
        raise NotFound(f"there is no key {key_id}")
    return keys[key_id]


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def _change(
    deployment: Deployment, change: Callable[[Mapping[str, AccessKey]], Mapping[str, AccessKey]]
) -> None:
    _update(deployment, lambda ring: _with_signing(replace(ring, keys=change(ring.keys))))


def _update(deployment: Deployment, change: Callable[[_Ring], _Ring]) -> _Ring:
    """Changes the ring by compare-and-swap. Raises Conflict, StoreUnavailable."""
    for _ in attempts(CONTENDED):
        current = deployment.secrets.read()
        ring = change(_parse(current.text))
        text = _write(ring)
        if len(text.encode()) > MAX_BYTES:
            raise Conflict("there are too many keys; revoke some")
        try:
            deployment.secrets.replace(text, version=current.version)
        except VersionConflict:
            continue
        return ring
    raise Conflict("the keys keep being changed by others; try again")


def _write(ring: _Ring) -> str:
    """As the secret store keeps it."""
    rows = [
        {
            "id": key.key_id,
            "name": key.name,
            "access": key.access,
            "collections": sorted(key.collections),
            "created": key.created,
            "bearer": key.bearer,
            "secrets": list(key.secrets),
        }
        for key in ring.keys.values()
    ]
    return json.dumps({"format": 1, "signing": ring.signing, "keys": rows}, indent=1)


@lru_cache(maxsize=4)
def _parse(text: str) -> _Ring:
    """From the secret store. Raises CorruptObject, which never quotes the text."""
    if not text:
        return _Ring()
    try:
        document = json.loads(text)
        if document["format"] != 1:
            raise CorruptObject(
                "keys", f"format {document['format']} is not known; upgrade this deployment"
            )
        keys = {
            row["id"]: AccessKey(
                key_id=row["id"],
                name=row["name"],
                access=row["access"],
                collections=frozenset(row["collections"]),
                created=float(row["created"]),
                bearer=bool(row["bearer"]),
                secrets=tuple(row["secrets"]),
            )
            for row in document["keys"]
        }
        return _Ring(keys=keys, signing=document["signing"])
    except (ValueError, KeyError, TypeError) as error:
        # the error may quote the text, which holds secrets
        raise CorruptObject(
            "keys",
            (
                f"they cannot be read ({type(error).__name__}); restore them or remove them to "
                "start anew"
            ),
        ) from None
