"""What fails inside has its code and status: every error of the tree (CONTRACT §8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import pytest

from chalicelib import errors as e
from chalicelib.gateway.actions.registry import ACTIONS
from chalicelib.gateway.dispatch import Gateway
from chalicelib.gateway.wire import faults
from tests.gateway.client import Client, b64, picture

NAMED = {"InstanceName": "product", "ProductId": "p", "PicName": "n"}
PIC = {"PicContent": b64(picture(1))}


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
