"""The exception tree, grouped by what the caller must do. No HTTP words: gateway/wire/faults.py has
those.

LookalikeError
├─ InvalidRequest                 fix the request and send it again
│  ├─ InvalidField(field)         a value is out of its limits or malformed
│  │  ├─ InvalidFilter(position)  the filter does not parse
│  │  └─ OverLimit                a count or a length is over its limit
│  ├─ MissingField(field)         a required value is absent
│  ├─ Superseded                  a later line of the same import speaks of the same picture
│  └─ BadPicture(fault)           the picture cannot be used
├─ Refused                        the caller may not do this
│  ├─ Unauthenticated(fault)      who calls is not established
│  ├─ Forbidden                   the key may not do this here
│  └─ Throttled                   too many requests; wait and repeat
├─ NotFound                       no such thing
│  ├─ CollectionNotFound
│  ├─ RecordNotFound
│  ├─ PictureNotFound             no file of that name where an import reads
│  └─ JobNotFound
├─ Conflict                       the state of things forbids it now
│  ├─ AlreadyExists               a collection, key or object of that name is there
│  ├─ JobRunning                  one job of this kind is under way
│  ├─ OverCapacity                the collection is full
│  └─ FingerprintMismatch         features of different models do not mix; re-import
├─ Unsupported                    not offered for this kind of collection
├─ SourceError(fault)             a bucket or folder to import from cannot be read
└─ StorageError                   the store failed the service, not the caller
   ├─ ObjectMissing               no object of that key
   ├─ VersionConflict             replaced by somebody else meanwhile; nothing was written
   ├─ OutcomeUnknown              the answer was lost; ask before repeating
   ├─ StoreUnavailable            nothing was written; repeat later
   ├─ StoreUnfit                  the store ignores conditions; refuse to run on it
   ├─ CorruptObject(key)          an object is not what its checksum promised
   │  └─ ShortObject(key)         it ends before the bytes that were asked for
   └─ FormatTooNew(key)           written by a later version; upgrade
"""

from __future__ import annotations

from enum import Enum, auto


class LookalikeError(Exception):
    """Base of all that Lookalike raises on purpose. The message is for the person who reads it."""


class InvalidRequest(LookalikeError):
    """Fix the request and send it again."""


class InvalidField(InvalidRequest):
    """A value is out of its limits or malformed. `field` is the field's name in
    contract/messages.py.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class InvalidFilter(InvalidField):
    """The filter does not parse. `position` counts characters from 0."""

    def __init__(self, position: int, message: str) -> None:
        super().__init__("filter", message)
        self.position = position


class OverLimit(InvalidField):
    """A count or a length is over its limit."""


class MissingField(InvalidRequest):
    """A required value is absent. `field` is the field's name in contract/messages.py."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Superseded(InvalidRequest):
    """A later line of the same import speaks of the same picture; that one counts."""


class PictureFault(Enum):
    """Why a picture cannot be used."""

    FORMAT = auto()
    """Not a supported format, or damaged."""
    SIDES = auto()
    """A side is too short or too long."""
    BYTES = auto()
    """The file is too large."""
    ORIENTATION = auto()
    """Rotation data is present and the deployment refuses it."""


class BadPicture(InvalidRequest):
    """The picture cannot be used."""

    def __init__(self, fault: PictureFault, message: str) -> None:
        super().__init__(message)
        self.fault = fault


class Refused(LookalikeError):
    """The caller may not do this."""


class AuthFault(Enum):
    """Why a caller is not authenticated."""

    UNKNOWN_KEY = auto()
    SIGNATURE = auto()
    INCOMPLETE = auto()
    EXPIRED = auto()
    REPLAYED = auto()
    TOKEN = auto()


class Unauthenticated(Refused):
    """Who calls is not established."""

    def __init__(self, fault: AuthFault, message: str) -> None:
        super().__init__(message)
        self.fault = fault


class Forbidden(Refused):
    """The key may not do this here."""


class Throttled(Refused):
    """Too many requests. `retry_after_ms` says when to repeat, milliseconds."""

    def __init__(self, message: str, *, retry_after_ms: int) -> None:
        super().__init__(message)
        self.retry_after_ms = retry_after_ms


class NotFound(LookalikeError):
    """No such thing."""


class CollectionNotFound(NotFound):
    """No collection of that name."""


class RecordNotFound(NotFound):
    """No record of that product id and picture name."""


class PictureNotFound(NotFound):
    """No file of that name in the bucket or folder that an import reads."""


class JobNotFound(NotFound):
    """No job of that id."""


class Conflict(LookalikeError):
    """The state of things forbids it now."""


class AlreadyExists(Conflict):
    """A collection, key or object of that name is there already."""


class JobRunning(Conflict):
    """One job of this kind is under way."""


class OverCapacity(Conflict):
    """The collection is full."""


class FingerprintMismatch(Conflict):
    """Features of different models do not mix; re-import the collection."""


class Unsupported(LookalikeError):
    """Not offered for this kind of collection."""


class SourceFault(Enum):
    """Why a bucket or folder cannot be imported from."""

    OTHER_REGION = auto()
    NO_PERMISSION = auto()
    NO_ROLE = auto()
    BAD_ARN = auto()
    NO_BUCKET = auto()
    NO_PATH = auto()
    NO_META = auto()


class SourceError(LookalikeError):
    """A bucket or folder to import from cannot be read."""

    def __init__(self, fault: SourceFault, message: str) -> None:
        super().__init__(message)
        self.fault = fault


class StorageError(LookalikeError):
    """The store failed the service, not the caller."""


class ObjectMissing(StorageError):
    """No object of that key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"no object {key}")
        self.key = key


class VersionConflict(StorageError):
    """Replaced by somebody else meanwhile; nothing was written."""


class OutcomeUnknown(StorageError):
    """The answer was lost: the write may or may not have happened. Ask before repeating."""


class StoreUnavailable(StorageError):
    """The store did not answer; nothing was written. Repeat later."""


class StoreUnfit(StorageError):
    """The store ignores conditional writes; Lookalike would lose data on it."""


class CorruptObject(StorageError):
    """An object is not what its checksum promised."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(f"{key}: {message}")
        self.key = key


class ShortObject(CorruptObject):
    """An object ends before the bytes that were asked for."""


class FormatTooNew(StorageError):
    """Written by a later version of Lookalike; upgrade this deployment."""
