"""Answers of S3 that say success, held against what the protocol promises. A proxy, a load balancer
or a broken server may send 200 with nothing behind it; read as it stands, an empty listing is an
empty collection (docs/adr/0004).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

from chalicelib.errors import ShortObject
from chalicelib.storage.object_store import Blob, Stat, ends_early

CHECKSUM: Final = "crc32"
"""Name of the object's metadata that holds the checksum of its bytes, 8 hex digits. S3's own
checksums are not understood by all servers, and an ETag is no hash where objects are encrypted.
"""
_ETAG_OF_NOTHING: Final = "d41d8cd98f00b204e9800998ecf8427e"
"""MD5, as S3 documents for objects that were sent in one piece and not encrypted with KMS."""
_CONTENT_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
S3Answer = Mapping[str, Any]


class Malformed(Exception):
    """An answer that says success and is not what the protocol promises."""


def checksum(data: bytes) -> str:
    """Of an object's bytes, as its metadata has it. About 1 ms a megabyte."""
    return f"{zlib.crc32(data):08x}"


def version_of(answer: S3Answer) -> str:
    """The ETag of a GET or PUT. Raises Malformed."""
    found = answer.get("ETag")
    if not isinstance(found, str) or not found.strip('"'):
        raise Malformed("it names no ETag")
    return found


def blob_of(answer: S3Answer, *, verify: bool = True) -> Blob:
    """What a GET of a whole object gave. `verify`: against its checksum, where it has one. Raises
    Malformed, and botocore's errors while the body is read.
    """
    data: bytes = answer["Body"].read()  # first, so that the connection is free again
    version = version_of(answer)
    if answer.get("ContentLength") != len(data):
        raise Malformed(
            f"{len(data)} bytes came where {answer.get('ContentLength')} were announced"
        )
    promised = answer.get("Metadata", {}).get(CHECKSUM)
    if verify and promised not in (None, checksum(data)):
        raise Malformed("its bytes do not have their checksum")
    return Blob(data, version)


def check_empty(size: int, etag: str, encryption: str) -> None:
    """Raises Malformed for an object without bytes whose ETag is missing or that of bytes.
    `encryption` is the header x-amz-server-side-encryption: with KMS an ETag says nothing, nor does
    that of an object sent in parts, which has a hyphen.
    """
    hidden = encryption.startswith("aws:kms") or "-" in etag
    if not size and not hidden and etag.strip('"') != _ETAG_OF_NOTHING:
        raise Malformed(f"no bytes came, and its ETag ({etag or 'none'}) is not that of no bytes")


def range_of(answer: S3Answer, key: str, start: int, stop: int) -> bytes:
    """What a GET of bytes `start` to `stop` gave: exactly these. Raises ShortObject, Malformed, and
    botocore's errors while the body is read.
    """
    status = answer["ResponseMetadata"]["HTTPStatusCode"]
    found = _CONTENT_RANGE.fullmatch(answer.get("ContentRange", ""))
    if status != 206 or found is None:
        # not read: it may be the whole object
        answer["Body"].close()
        raise Malformed(f"bytes={start}-{stop - 1} was answered {status} without its range")
    first, last, size = (int(number) for number in found.groups())
    if first == start and last == size - 1 < stop - 1:
        answer["Body"].close()
        raise ends_early(key, size, stop)
    data: bytes = answer["Body"].read()
    if (first, last) != (start, stop - 1) or len(data) != stop - start:
        raise Malformed(
            f"bytes={start}-{stop - 1} was answered with {len(data)} bytes said to be "
            f"{first}-{last}"
        )
    return data


def past_the_end(key: str, start: int, stop: int) -> ShortObject:
    """For 416: the object has no byte `start`, and does not say how many it has."""
    return ends_early(key, start, stop)


def page_of(answer: S3Answer, prefix: str, after: str) -> list[Stat]:
    """The rows of a page of ListObjectsV2 that was asked for `prefix`, from keys after `after`.
    Raises Malformed.
    """
    rows = answer.get("Contents", [])
    _check_envelope(answer, prefix, len(rows))
    try:
        page = [Stat(row["Key"], row["Size"], row["LastModified"].timestamp()) for row in rows]
    except KeyError as error:
        raise Malformed(f"a row of the listing has no {error}") from error
    keys = [after, *(stat.key for stat in page)]
    if any(first >= second for first, second in pairwise(keys)):
        raise Malformed("the listing is not in the order of keys")
    if not all(stat.key.startswith(prefix) for stat in page):
        raise Malformed(f"the listing names keys that do not begin with {prefix}")
    return page


def _check_envelope(answer: S3Answer, prefix: str, rows: int) -> None:
    """What a page says of itself, beside its `rows`: bucket and prefix, how long it is, whether and
    where it goes on. Raises Malformed.
    """
    if not answer.get("Name") or answer.get("Prefix", "") != prefix:
        raise Malformed("the listing does not say of which bucket and prefix it is")
    if answer.get("KeyCount") != rows or not isinstance(answer.get("IsTruncated"), bool):
        raise Malformed("the listing does not say how long it is, or is not so long")
    if answer["IsTruncated"] and not (rows and answer.get("NextContinuationToken")):
        raise Malformed("the listing says that it goes on, and not where")


def check_deleted(answer: S3Answer) -> None:
    """Raises Malformed unless a DELETE was answered with 204."""
    status = answer["ResponseMetadata"]["HTTPStatusCode"]
    if status != 204:
        raise Malformed(f"a deletion was answered with {status} instead of 204")
