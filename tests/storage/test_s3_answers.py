"""Answers that say success are held against what was asked; what does not fit is asked again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.parsers import ResponseParserError

from chalicelib.errors import OutcomeUnknown, StorageError, StoreUnavailable
from chalicelib.storage.object_store import ObjectStore
from chalicelib.storage.s3 import S3Store


class _Answering:
    """A client whose answers to one call are made up."""

    def __init__(self, client: Any, name: str, *answers: Any) -> None:
        self._client = client
        self._name = name
        self._answers = list(answers)
        self.calls: list[dict[str, Any]] = []
        self.meta = client.meta

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._client, name)
        if name != self._name:
            return real

        def call(**request: Any) -> Any:
            self.calls.append(request)
            made = self._answers.pop(0) if self._answers else None
            return real(**request) if made is None else made(real(**request))

        return call


def _whole(answer: Any) -> Any:
    """As from a store that does not know Range."""
    answer["ResponseMetadata"]["HTTPStatusCode"] = 200
    del answer["ContentRange"]
    return answer


def _shifted(answer: Any) -> Any:
    return {**answer, "ContentRange": "bytes 1-3/9"}


def _unnamed(answer: Any) -> Any:
    return {key: value for key, value in answer.items() if key != "ContentRange"}


@pytest.mark.parametrize("wrong", [_whole, _shifted, _unnamed])
def test_a_range_that_is_not_the_one_asked_for_is_asked_for_again(
    client: Any, bucket: str, wrong: Any
) -> None:
    S3Store(client, bucket).create("a", b"012345678")
    answering = _Answering(client, "get_object", wrong)
    store = S3Store(answering, bucket, sleep=lambda _: None)
    assert store.get_range("a", 2, 5) == b"234"
    assert [call["Range"] for call in answering.calls] == ["bytes=2-4"] * 2
    never = S3Store(_Answering(client, "get_object", *[wrong] * 9), bucket, sleep=lambda _: None)
    with pytest.raises(StoreUnavailable, match="bytes=2-4"):
        never.get_range("a", 2, 5)


def test_the_client_holds_as_many_connections_as_readers_read_at_once(client: Any) -> None:
    assert client.meta.config.max_pool_connections >= 32


def _refusing(*codes: str) -> Any:
    """The first objects of an answer were not removed, for these reasons."""

    def made(answer: Any) -> Any:
        rows = answer["Deleted"]
        errors = [{"Key": row["Key"], "Code": code} for row, code in zip(rows, codes, strict=False)]
        return {"Deleted": rows[len(codes) :], "Errors": errors}

    return made


def test_what_one_request_leaves_is_deleted_by_the_next(client: Any, bucket: str) -> None:
    keys = [f"a/{number}" for number in range(1003)]
    for key in keys[-5:]:
        S3Store(client, bucket, "p").create(key, b"")
    answering = _Answering(
        client, "delete_objects", _refusing("InternalError", "SlowDown"), lambda _: {}
    )
    S3Store(answering, bucket, "p", sleep=lambda _: None).delete_many(keys)
    sizes = [len(call["Delete"]["Objects"]) for call in answering.calls]
    assert sizes == [1000, 2, 2, 3]
    assert "Contents" not in client.list_objects_v2(Bucket=bucket)


def test_what_cannot_be_deleted_is_named(client: Any, bucket: str) -> None:
    answering = _Answering(client, "delete_objects", *[_refusing("AccessDenied")] * 9)
    store = S3Store(answering, bucket, "p", sleep=lambda _: None)
    with pytest.raises(StoreUnavailable, match=r"1 of 3 objects.*p/a: AccessDenied"):
        store.delete_many(["a", "b", "c"])


def test_a_limited_listing_asks_for_no_more(client: Any, bucket: str) -> None:
    plain = S3Store(client, bucket)
    for number in range(5):
        plain.create(f"log/{number}", b"")
    answering = _Answering(client, "list_objects_v2")
    assert [stat.key for stat in S3Store(answering, bucket).list("log/", limit=1)] == ["log/0"]
    assert [call["MaxKeys"] for call in answering.calls] == [1]


def _empty(answer: Any) -> Any:
    """200 with nothing in it."""
    return {"ResponseMetadata": {**answer["ResponseMetadata"], "HTTPStatusCode": 200}}


def _without(*names: str) -> Callable[[Any], Any]:
    return lambda answer: {name: value for name, value in answer.items() if name not in names}


def _with(**members: Any) -> Callable[[Any], Any]:
    return lambda answer: {**answer, **members}


def _cut(_: Any) -> Any:
    raise ResponseParserError("Unable to parse response (no element found)")


def _rows(change: Callable[[list[Any]], list[Any]]) -> Callable[[Any], Any]:
    return lambda answer: {**answer, "Contents": change(answer["Contents"])}


class _Body:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self) -> bytes:
        return self._data


def _bytes(change: Callable[[bytes], bytes], **members: Any) -> Callable[[Any], Any]:
    return lambda answer: {**answer, "Body": _Body(change(answer["Body"].read())), **members}


_LISTINGS: dict[str, Callable[[Any], Any]] = {
    "empty": _empty,
    "cut": _cut,
    "of no bucket": _without("Name"),
    "of another prefix": _with(Prefix="elsewhere/"),
    "without a count": _without("KeyCount"),
    "with fewer rows than it counts": _rows(lambda rows: rows[1:]),
    "without a word on its end": _without("IsTruncated"),
    "that goes on nowhere": _with(IsTruncated=True),
    "out of order": _rows(lambda rows: rows[::-1]),
    "with a row twice": _rows(lambda rows: [rows[0], rows[0], *rows[2:]]),
    "with a foreign key": _rows(lambda rows: [{**rows[0], "Key": "a"}, *rows[1:]]),
    "with a row without size": _rows(lambda rows: [_without("Size")(rows[0]), *rows[1:]]),
}
_OBJECTS: dict[str, Callable[[Any], Any]] = {
    "without a version": _without("ETag"),
    "with an empty version": _with(ETag='""'),
    "empty": _bytes(lambda _: b"", ContentLength=0),
    "cut short": _bytes(lambda data: data[:-1]),
    "cut short throughout": _bytes(lambda data: data[:-1], ContentLength=8),
    "without a length": _without("ContentLength"),
    "with a wrong bit": _bytes(lambda data: bytes([data[0] ^ 1]) + data[1:]),
}


def _wrong_once_and_always(
    client: Any, bucket: str, name: str, wrong: Any, read: Callable[[ObjectStore], object]
) -> object:
    """What `read` gives where one answer is wrong. Where all are, it must fail."""
    never = S3Store(_Answering(client, name, *[wrong] * 40), bucket, "p", sleep=lambda _: None)
    with pytest.raises(StoreUnavailable, match="did not answer"):
        read(never)
    answering = _Answering(client, name, wrong)
    found = read(S3Store(answering, bucket, "p", sleep=lambda _: None))
    assert len(answering.calls) == 2
    return found


@pytest.mark.parametrize("wrong", _LISTINGS.values(), ids=_LISTINGS.keys())
def test_a_listing_that_is_wrong_is_never_believed(client: Any, bucket: str, wrong: Any) -> None:
    keys = [f"log/{number}" for number in range(4)]
    for key in keys:
        S3Store(client, bucket, "p").create(key, b"")
    found = _wrong_once_and_always(
        client,
        bucket,
        "list_objects_v2",
        wrong,
        lambda store: [stat.key for stat in store.list("log/")],
    )
    assert found == keys


@pytest.mark.parametrize("wrong", _OBJECTS.values(), ids=_OBJECTS.keys())
def test_an_object_that_is_wrong_is_never_believed(client: Any, bucket: str, wrong: Any) -> None:
    S3Store(client, bucket, "p").create("a", b"012345678")
    found = _wrong_once_and_always(
        client, bucket, "get_object", wrong, lambda store: store.get("a").data
    )
    assert found == b"012345678"


def test_a_write_whose_answer_names_no_version_is_unknown(client: Any, bucket: str) -> None:
    for key, wrong in (("a", _empty), ("b", _cut)):
        store = S3Store(_Answering(client, "put_object", wrong), bucket)
        with pytest.raises(OutcomeUnknown, match="may or may not"):
            store.create(key, b"one")


def test_a_deletion_that_was_not_answered_as_one_is_repeated(client: Any, bucket: str) -> None:
    S3Store(client, bucket).create("a", b"")
    answering = _Answering(client, "delete_object", _empty)
    S3Store(answering, bucket, sleep=lambda _: None).delete("a")
    assert len(answering.calls) == 2


def test_not_changed_is_believed_of_the_version_that_was_named_only(
    client: Any, bucket: str
) -> None:
    """A cache in between that always says 304 must not keep a reader in the past for ever."""
    from botocore.exceptions import ClientError

    plain = S3Store(client, bucket)
    old = plain.create("a", b"one")
    new = plain.replace("a", b"two", version=old)

    def unchanged(etag: str) -> Callable[[Any], Any]:
        metadata = {"HTTPStatusCode": 304, "HTTPHeaders": {"etag": etag}}
        error: Any = {"Error": {"Code": "304"}, "ResponseMetadata": metadata}

        def made(answer: Any) -> Any:
            answer["Body"].read()
            raise ClientError(error, "GetObject")

        return made

    answering = _Answering(client, "get_object", unchanged(new))
    blob = S3Store(answering, bucket, sleep=lambda _: None).get_if_changed("a", version=old)
    assert blob is not None
    assert blob.data == b"two"
    honest = S3Store(_Answering(client, "get_object"), bucket)
    assert honest.get_if_changed("a", version=new) is None


def test_an_object_of_an_earlier_release_has_no_checksum_and_is_read(
    client: Any, bucket: str
) -> None:
    client.put_object(Bucket=bucket, Key="a", Body=b"one")
    assert S3Store(client, bucket).get("a").data == b"one"


def test_a_cut_answer_is_an_error_of_the_store(client: Any, bucket: str) -> None:
    """Not of the parser: everybody upstairs knows what to do about a StorageError."""
    store = S3Store(
        _Answering(client, "list_objects_v2", *[_cut] * 9), bucket, sleep=lambda _: None
    )
    with pytest.raises(StorageError):
        list(store.list(""))
