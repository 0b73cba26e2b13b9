"""Every code of CONTRACT §8 and SIGNATURES §5 that can occur here, with its status; and the store
is unchanged by all of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import pytest

from chalicelib import errors as e
from chalicelib.config import Settings
from chalicelib.gateway.actions.registry import ACTIONS
from chalicelib.gateway.dispatch import Gateway
from chalicelib.gateway.wire import faults
from chalicelib.gateway.wire.incoming import Incoming
from tests.gateway.client import FORM, HOST, Client, acs3, b64, picture, roa, rpc

NAMED = {"InstanceName": "product", "ProductId": "p", "PicName": "n"}
PIC = {"PicContent": b64(picture(1))}
BIG = b64(bytes(4 * 1024 * 1024 + 1))

REQUESTS: list[tuple[str, Mapping[str, object], int, str]] = [
    ("AddImage", {**NAMED, **PIC, "InstanceName": ""}, 400, "InvalidInstanceName"),
    ("AddImage", {**NAMED, **PIC, "InstanceName": "x" * 21}, 400, "InvalidInstanceName"),
    ("AddImage", {**NAMED, **PIC, "InstanceName": "nobody"}, 400, "InvalidInstance"),
    ("SearchImageByName", {**NAMED, "InstanceName": "nobody"}, 400, "InvalidInstance"),
    ("Detail", {"InstanceName": "nobody"}, 400, "Console.InstanceNotFound"),
    (
        "CompareSimilarByImage",
        {"InstanceName": "nobody", "PrimaryPicContent": "AAAA", "SecondaryPicContent": "AAAA"},
        400,
        "Console.InstanceNotFound",
    ),
    ("AddImage", {**NAMED, **PIC, "ProductId": ""}, 400, "NoSpecifiedProductId"),
    ("AddImage", {**NAMED, **PIC, "PicName": ""}, 400, "NoSpecifiedPicName"),
    ("AddImage", NAMED, 400, "NoSpecifiedPicContent"),
    ("SearchImageByPic", {"InstanceName": "product"}, 400, "NoSpecifiedPicContent"),
    ("AddImage", {**NAMED, **PIC, "ProductId": "x" * 513}, 400, "InvalidProductId"),
    ("AddImage", {**NAMED, **PIC, "PicName": "a\x00b"}, 400, "InvalidPicName"),
    ("AddImage", {**NAMED, **PIC, "CustomContent": "x" * 4097}, 400, "InvalidCustomContent"),
    *(
        ("AddImage", {**NAMED, **PIC, f"StrAttr{n}": "50%"}, 400, f"InvalidStrAttr{n}")
        for n in ("", "2", "3", "4")
    ),
    *(
        ("UpdateImage", {**NAMED, f"IntAttr{n}": 2**31}, 400, f"InvalidIntAttr{n}")
        for n in ("", "2", "3", "4")
    ),
    ("AddImage", {**NAMED, **PIC, "IntAttr": "seven"}, 400, "InvalidIntAttr"),
    ("AddImage", {**NAMED, **PIC, "CategoryId": 10}, 400, "InvalidCategory"),
    ("SearchImageByName", {**NAMED, "CategoryId": "x"}, 400, "InvalidCategory"),
    ("AddImage", {**NAMED, **PIC, "Region": "1,2,3"}, 400, "InvalidRegion"),
    ("AddImage", {**NAMED, **PIC, "Region": "0,5000,0,5000"}, 400, "InvalidRegion"),
    (
        "SearchImageByPic",
        {"InstanceName": "product", **PIC, "Filter": "int_attr >> 1"},
        400,
        "InvalidFilterClause",
    ),
    ("SearchImageByFilter", {"InstanceName": "product"}, 400, "InvalidFilterClause"),
    (
        "DeleteImage",
        {"InstanceName": "product", "IsDeleteByFilter": "true"},
        400,
        "InvalidFilterClause",
    ),
    (
        "SearchImageByPic",
        {"InstanceName": "product", **PIC, "Num": "ten"},
        400,
        "InvalidNumParameter",
    ),
    ("SearchImageByPic", {"InstanceName": "product", **PIC, "Num": 0}, 400, "InvalidNumParameter"),
    (
        "SearchImageByPic",
        {"InstanceName": "product", **PIC, "Num": 101},
        400,
        "OverflowMaxReturnNum",
    ),
    (
        "SearchImageByPic",
        {"InstanceName": "product", **PIC, "Start": 500},
        400,
        "InvalidStartParameter",
    ),
    (
        "SearchImageByPic",
        {"InstanceName": "product", **PIC, "Start": 450, "Num": 100},
        400,
        "OverflowMaxResultNum",
    ),
    ("SearchImageByText", {"InstanceName": "product"}, 400, "InvalidText"),
    ("SearchImageByText", {"InstanceName": "product", "Text": "x" * 513}, 400, "InvalidTextLength"),
    (
        "SearchImageByText",
        {"InstanceName": "product", "Text": "red"},
        500,
        "UnsupportedInstanceType",
    ),
    ("AddImage", {**NAMED, "PicContent": BIG}, 400, "InvalidPicContent"),
    ("AddImage", {**NAMED, "PicContent": "not base64!"}, 400, "InvalidPicContent"),
    (
        "CompareSimilarByImage",
        {"InstanceName": "product", "SecondaryPicContent": "AAAA"},
        400,
        "InvalidPrimaryPicContent",
    ),
    (
        "CompareSimilarByImage",
        {"InstanceName": "product", "PrimaryPicContent": "AAAA"},
        400,
        "InvalidSecondaryPicContent",
    ),
    ("AddImage", {**NAMED, "PicContent": b64(b"not a picture")}, 400, "UnsupportedPicFormat"),
    ("AddImage", {**NAMED, "PicContent": b64(picture(1)[:-400])}, 400, "UnsupportedPicFormat"),
    ("AddImage", {**NAMED, "PicContent": b64(picture(1, (99, 120)))}, 400, "UnsupportedPicPixels"),
    ("AddImage", {**NAMED, "PicContent": "http://example.com/a.jpg"}, 400, "InvalidPicUrl"),
    ("SearchImageByName", NAMED, 400, "PicNotExist"),
    ("UpdateImage", {**NAMED, "IntAttr": 1}, 400, "PicNotExist"),
    ("DeleteImage", {"InstanceName": "product"}, 400, "NoSpecifiedProductId"),
    ("DeleteImage", {"InstanceName": "product", "Colour": "red"}, 400, "BadRequest"),
    ("AddImage", {**NAMED, **PIC, "Crop": "maybe"}, 400, "BadRequest"),
    (
        "SearchImageByPic",
        {"InstanceName": "product", **PIC, "ScoreThreshold": "2"},
        400,
        "BadRequest",
    ),
    ("IncreaseInstance", {"InstanceName": "product"}, 400, "Console.BadRequest"),
    ("IncreaseList", {"InstanceName": "product", "PageNumber": 0}, 400, "Console.BadRequest"),
    ("DumpMetaList", {"InstanceName": "product", "PageSize": 501}, 400, "Console.BadRequest"),
    ("DumpMeta", {"InstanceName": "nobody"}, 400, "Console.InstanceNotFound"),
]


@pytest.mark.parametrize(
    ("action", "params", "status", "code"),
    REQUESTS,
    ids=[f"{row[3]}-{row[0]}-{i}" for i, row in enumerate(REQUESTS)],
)
def test_a_bad_request_has_its_code_and_changes_nothing(
    action: str, params: Mapping[str, object], status: int, code: str, client: Client
) -> None:
    before = {
        stat.key: client.deployment.store.get(stat.key).version
        for stat in client.deployment.store.list("")
    }
    assert client.code(action, params) == (status, code)
    assert {
        stat.key: client.deployment.store.get(stat.key).version
        for stat in client.deployment.store.list("")
    } == before


def raising(client: Client, error: Exception) -> Client:
    """The same deployment with an analyzer that fails."""
    import dataclasses

    class Failing:
        fingerprint, dimension, bits = "tiny-1", 64, 64

        def score_curve(self, service: object) -> NoReturn:
            raise error

        def analyze(self, data: bytes, request: object) -> NoReturn:
            raise error

        def analyze_many(self, pictures: object) -> NoReturn:
            raise error

    deployment = dataclasses.replace(client.deployment, analyzer=Failing)
    return Client(deployment, Gateway(deployment), client.key, client.clock)


INNER: list[tuple[Exception, str, int, str]] = [
    (e.BadPicture(e.PictureFault.ORIENTATION, "turned"), "AddImage", 400, "IncorrectOrientation"),
    (e.BadPicture(e.PictureFault.BYTES, "large"), "AddImage", 400, "InvalidPicContent"),
    (e.OverCapacity("full"), "AddImage", 400, "InstanceOverQuota"),
    (e.FingerprintMismatch("other"), "AddImage", 409, "InstanceStatusError"),
    (e.StoreUnavailable("away"), "AddImage", 500, "InternalOssError"),
    (e.StoreUnavailable("away"), "CompareSimilarByImage", 500, "Console.CallServiceError"),
    (e.OutcomeUnknown("lost"), "AddImage", 500, "RequestTimeout"),
    (e.CorruptObject("k", "bits"), "AddImage", 500, "AccessEngineFailed"),
    (e.FormatTooNew("new"), "AddImage", 500, "InternalError"),
    (ZeroDivisionError("secret text"), "AddImage", 500, "UnknownException"),
    (ZeroDivisionError("secret text"), "CompareSimilarByImage", 500, "ServerInternalError"),
]


@pytest.mark.parametrize(
    ("error", "action", "status", "code"),
    INNER,
    ids=[f"{row[3]}-{type(row[0]).__name__}" for row in INNER],
)
def test_a_failure_inside_has_its_code(
    error: Exception, action: str, status: int, code: str, client: Client
) -> None:
    compare = {
        "InstanceName": "product",
        "PrimaryPicContent": PIC["PicContent"],
        "SecondaryPicContent": PIC["PicContent"],
    }
    answer, members = raising(client, error).call(
        action, {**NAMED, **PIC} if action == "AddImage" else compare
    )
    assert (answer, members["Code"]) == (status, code)
    assert "secret text" not in members["Message"]
    assert "Traceback" not in members["Message"]


CONSOLE: list[tuple[Exception, str, int, str]] = [
    (e.Forbidden("no"), "Detail", 403, "Console.NoPermission"),
    (e.Forbidden("no"), "CompareSimilarByImage", 403, "Console.NoPermissionError"),
    (e.Forbidden("no"), "AddImage", 403, "NoPermission"),
    (e.JobRunning("one"), "IncreaseInstance", 409, "Console.IncrementStatusError"),
    (e.JobRunning("one"), "DumpMeta", 409, "Console.TaskAlreadyExist"),
    (e.FingerprintMismatch("other"), "IncreaseInstance", 409, "Console.InstanceStatusError"),
    (e.JobNotFound("no"), "IncreaseList", 400, "Console.BadRequest"),
    (e.AlreadyExists("there"), "CreateCollection", 409, "AlreadyExists"),
    (e.Conflict("two secrets"), "CreateKey", 409, "Conflict"),
    (e.StoreUnavailable("away"), "DumpMeta", 500, "Console.CallServiceError"),
    (ValueError("x"), "Detail", 500, "Console.InternalError"),
    (
        e.SourceError(e.SourceFault.NO_PERMISSION, "no"),
        "IncreaseInstance",
        403,
        "Console.NoPermission",
    ),
    *(
        (e.SourceError(fault, "no"), "IncreaseInstance", 400, "Console.BadRequest")
        for fault in e.SourceFault
        if fault.name in {"OTHER_REGION", "NO_META"}
    ),
]


def codes(name: str) -> faults.Codes:
    return next(action.codes for action in ACTIONS.everything() if action.name == name)


@pytest.mark.parametrize(("error", "action", "status", "code"), CONSOLE)
def test_the_table_knows_the_console_actions(
    error: Exception, action: str, status: int, code: str
) -> None:
    assert faults.fault_of(error, codes(action)) == faults.Fault(code, status)


def leaves(kind: type[e.LookalikeError]) -> list[type[e.LookalikeError]]:
    return [kind, *(leaf for child in kind.__subclasses__() for leaf in leaves(child))]


def test_every_error_of_the_tree_has_a_row() -> None:
    made: dict[type, Callable[[], Exception]] = {
        e.InvalidFilter: lambda: e.InvalidFilter(0, "m"),
        e.BadPicture: lambda: e.BadPicture(e.PictureFault.FORMAT, "m"),
        e.Unauthenticated: lambda: e.Unauthenticated(e.AuthFault.TOKEN, "m"),
        e.Throttled: lambda: e.Throttled("m", retry_after_ms=1),
        e.SourceError: lambda: e.SourceError(e.SourceFault.NO_META, "m"),
        e.ObjectMissing: lambda: e.ObjectMissing("k"),
        e.CorruptObject: lambda: e.CorruptObject("k", "m"),
        e.ShortObject: lambda: e.ShortObject("k", "m"),
        faults.WireFault: lambda: faults.WireFault("BadRequest", "m"),
        e.InvalidField: lambda: e.InvalidField("collection", "m"),
        e.MissingField: lambda: e.MissingField("collection", "m"),
        e.OverLimit: lambda: e.OverLimit("count", "m"),
    }
    unknown = faults.fault_of(Exception())
    for kind in leaves(e.LookalikeError):
        if kind.__module__ not in {"chalicelib.errors", "chalicelib.gateway.wire.faults"}:
            continue
        error = made[kind]() if kind in made else kind("m")
        if kind not in {e.LookalikeError, e.Refused}:
            assert faults.fault_of(error) != unknown, kind


def code_of(client: Client, incoming: Incoming) -> tuple[int, str, str]:
    answer = client.send(incoming)
    members: dict[str, Any] = json.loads(answer.body)
    assert set(members) == {"RequestId", "HostId", "Code", "Message"}
    return answer.status, members["Code"], members["Message"]


def detail(client: Client, **changes: Any) -> Incoming:
    arguments: dict[str, Any] = {
        "now": client.clock.now,
        "query": {"InstanceName": "product"},
        **changes,
    }
    return acs3(
        arguments.pop("key", client.key),
        arguments.pop("action", "Detail"),
        arguments.pop("version", "2020-12-14"),
        **arguments,
    )


def test_an_unknown_key(client: Client) -> None:
    from chalicelib.usecases.keys import NewKey

    assert code_of(client, detail(client, key=NewKey("LAnobody", "x")))[:2] == (
        404,
        "InvalidAccessKeyId.NotFound",
    )


def test_a_wrong_secret_is_told_with_a_colon_for_the_classic_sdk(client: Client) -> None:
    from chalicelib.usecases.keys import NewKey

    status, code, message = code_of(client, detail(client, key=NewKey(client.key.key_id, "wrong")))
    assert (status, code) == (400, "SignatureDoesNotMatch")
    assert len(message.split(":")) > 1, (
        "the classic core SDK takes split(':')[1] of exactly this answer"
    )


def test_a_changed_body_too(client: Client) -> None:
    import dataclasses

    incoming = acs3(
        client.key,
        "DeleteImage",
        "2020-12-14",
        now=client.clock.now,
        body=b"InstanceName=product&ProductId=p",
    )
    status, code, message = code_of(
        client, dataclasses.replace(incoming, body=incoming.body + b"2")
    )
    assert (status, code) == (400, "SignatureDoesNotMatch")
    assert ":" in message


@pytest.mark.parametrize("ahead", [1, -1], ids=["future", "past"])
@pytest.mark.parametrize(("scheme", "minutes"), [("ACS3", 15), ("RPC", 31), ("ROA", 15)])
def test_a_time_stamp_counts_within_its_schemes_window_either_way(
    client: Client, scheme: str, minutes: int, ahead: int
) -> None:
    def code(seconds: float) -> tuple[int, str]:
        now = client.clock.now + ahead * seconds
        if scheme == "ACS3":
            incoming = detail(client, now=now)
        elif scheme == "RPC":
            incoming = rpc(client.key, "Detail", {"InstanceName": "product"}, now=now)
        else:
            incoming = roa(
                client.key, "/v2/image/delete", now=now, body=b"InstanceName=product&ProductId=p"
            )
        answer = client.send(incoming)
        return answer.status, str(json.loads(answer.body).get("Code", 0))

    assert code(minutes * 60 - 2) == (200, "0")
    assert code(minutes * 60 + 2) == (400, "InvalidTimeStamp.Expired")


@pytest.mark.parametrize("known", [True, False], ids=["with a key of ours", "with its own key id"])
def test_a_security_token(client: Client, known: bool) -> None:
    from chalicelib.usecases.keys import NewKey

    key = client.key if known else NewKey("STS.NUgYrLnoC37mZZCNnAbez", "temporary")
    status, code, message = code_of(
        client,
        detail(
            client, key=key, extra={"x-acs-security-token": "t", "x-acs-accesskey-id": key.key_id}
        ),
    )
    assert (status, code) == (400, "InvalidSecurityToken")
    assert "STS" in message


def test_no_signature_and_half_of_one(client: Client) -> None:
    bare = Incoming.of(
        "POST", "/", query=[("Action", "Detail")], headers=[("host", HOST)], body=b""
    )
    assert code_of(client, bare)[:2] == (400, "MissingParameter")
    half = Incoming.of(
        "POST",
        "/",
        query=[],
        headers=[("authorization", "ACS3-HMAC-SHA256 Credential=x")],
        body=b"",
    )
    assert code_of(client, half)[:2] == (400, "IncompleteSignature")


def test_what_is_not_spoken(client: Client) -> None:
    assert code_of(client, detail(client, action="Describe"))[:2] == (404, "InvalidAction.NotFound")
    assert code_of(client, detail(client, version="2016-01-01"))[:2] == (400, "InvalidVersion")
    assert code_of(client, detail(client, version="console", action="Nothing"))[:2] == (
        404,
        "InvalidAction.NotFound",
    )
    assert code_of(client, detail(client, path="/v3"))[:2] == (404, "InvalidAction.NotFound")


def test_a_path_and_an_action_that_disagree(client: Client) -> None:
    incoming = acs3(
        client.key,
        "DeleteImage",
        "2019-03-25",
        now=client.clock.now,
        path="/v2/image/add",
        body=b"InstanceName=product",
    )
    assert code_of(client, incoming)[:2] == (404, "InvalidAction.NotFound")


def test_2019_codes(client: Client) -> None:
    incoming = acs3(
        client.key,
        "SearchImage",
        "2019-03-25",
        now=client.clock.now,
        path="/v2/image/search",
        body=b"InstanceName=product&Type=SearchByText",
    )
    assert code_of(client, incoming)[:2] == (400, "InvalidType")


@pytest.mark.parametrize(
    ("verb", "body", "code"),
    [
        ("add", b"item_id,0,4", "NoCaretSeperator"),
        ("add", b"^", "EmptyMeta"),
        ("add", b"item_id^1000", "InvalidMetaItem"),
        ("add", b"item_id,0,4^1000", "NoPicList"),
        ("add", b"cat_id,0,1#pic_list,1,1^0", "NoSpecifiedItemId"),
        ("add", b"item_id,0,4#pic_list,4,4^1000", "NoSpecifiedPic"),
        ("add", b"item_id,0,4#pic_list,4,8^1000YQ==", "NoSpecifiedAddPic"),
        ("add", b"item_id,0,4#pic_list,4,5#?,5,8^1000?abc", "InvalidPicList"),
        ("search", b"pic_list,0,4^YQ==", "NoSpecifiedSearchPic"),
        ("search", b"s,0,1#pic_list,1,5#YQ==,5,9^xYQ==AAAA", "InvalidStartParameter"),
        ("search", b"n,0,1#pic_list,1,5#YQ==,5,9^xYQ==AAAA", "InvalidNumParameter"),
        ("delete", b"pic_list,0,0^", "NoSpecifiedItemId"),
    ],
)
def test_2018_codes(client: Client, verb: str, body: bytes, code: str) -> None:
    incoming = roa(
        client.key,
        f"/item/{verb}",
        now=client.clock.now,
        query={"instanceName": "product"},
        body=body,
        content_type="application/octet-stream",
    )
    assert code_of(client, incoming)[:2] == (400, code)


def test_a_body_of_8_mb_or_more(client: Client) -> None:
    headers = [("host", HOST), ("content-type", FORM)]
    assert code_of(
        client, Incoming.of("POST", "/", query=[], headers=headers, body=b"x" * (8 * 1024 * 1024))
    )[:2] == (
        413,
        "RequestBodyTooLarge",
    )


def test_a_body_nobody_reads_here(client: Client) -> None:
    headers = [("host", HOST), ("content-type", "text/csv")]
    assert code_of(client, Incoming.of("POST", "/", query=[], headers=headers, body=b"a,b"))[
        :2
    ] == (415, "UnsupportedMediaType")


def test_a_rate_over_the_limit_is_denied_until_a_token_is_back() -> None:
    client = Client.new(Settings(requests_per_second=2))
    exists = {**NAMED}
    assert [client.call("CheckImageExists", exists)[0] for _ in range(2)] == [200, 200]
    answer = client.send(detail(client, action="CheckImageExists", query=exists))
    assert (answer.status, json.loads(answer.body)["Code"]) == (403, "DeniedRequest")
    assert 0 < int(answer.headers["x-acs-retry-after"]) <= 501
    assert client.code("Detail", {"InstanceName": "product"}) == (400, "DeniedRequest")
    assert client.call("CheckImageExists", {**exists, "InstanceName": "generic"})[0] == 200, (
        "a limit per collection"
    )
    client.later(0.6)
    assert client.call("CheckImageExists", exists)[0] == 200


def test_a_full_collection_takes_nothing_more() -> None:
    client = Client.new(Settings(capacity_records=2))
    client.add("product", "p", "1", picture(1))
    client.add("product", "p", "2", picture(2))
    assert client.code("AddImage", {**NAMED, "PicName": "3", **PIC}) == (400, "InstanceOverQuota")
    client.ok("DeleteImage", {"InstanceName": "product", "ProductId": "p", "PicName": "1"})
    client.add("product", "p", "3", picture(3))


def test_models_that_changed_are_reported_as_the_instances_state(client: Client) -> None:
    import dataclasses

    from tests.doubles import TinyAnalyzer

    class Newer(TinyAnalyzer):
        fingerprint = "tiny-2"

    client.add("product", "p", "n", picture(1))
    deployment = dataclasses.replace(client.deployment, analyzer=Newer)
    newer = Client(deployment, Gateway(deployment), client.key, client.clock)
    status, members = newer.call("AddImage", {**NAMED, **PIC})
    assert (status, members["Code"]) == (409, "InstanceStatusError")
    assert "lookalike rebuild" in members["Message"]
    assert newer.code("SearchImageByPic", {"InstanceName": "product", **PIC}) == (
        409,
        "InstanceStatusError",
    )


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (403, b'{"message":"Missing Authentication Token"}', "InvalidAction.NotFound"),
        (
            405,
            b'{"Code":"MethodNotAllowedError","Message":"Unsupported method: PUT"}',
            "UnsupportedHTTPMethod",
        ),
        (415, b'{"Code":"UnsupportedMediaType","Message":"x"}', "UnsupportedMediaType"),
        (500, b"<html>", "UnknownException"),
        (413, b'{"message": "the body"}', "RequestBodyTooLarge"),
    ],
)
def test_errors_of_chalice_take_the_contracts_form_and_leave_a_line(
    status: int, body: bytes, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="lookalike.requests"):
        members = json.loads(faults.reshape(status, body, host=HOST))
    assert set(members) == {"RequestId", "HostId", "Code", "Message"}
    assert members["Code"] == code
    line = json.loads(caplog.messages[-1])
    assert (line["request_id"], line["status"], line["code"]) == (
        members["RequestId"],
        status,
        code,
    )


def test_an_error_in_the_contracts_form_is_left_as_it_is() -> None:
    body = faults.error_body("X", "m", request_id="1", host=HOST)
    assert faults.reshape(400, body, host=HOST) is body
