"""Bytes nobody meant: the three body formats under mutation, and /openapi.json in the hands of
Schemathesis. Never a 5xx, never a hang.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from chalicelib.gateway.wire.incoming import Incoming
from chalicelib.gateway.wire.schema import ERROR
from tests.gateway.client import FORM, HOST, Client, b64, picture
from tests.gateway.test_post_content import build
from tests.live import live

SEED = 20201214
SMALL = b64(picture(1, (100, 100)))
FORMS: list[dict[str, object]] = [
    {
        "Action": "AddImage",
        "ProductId": "p",
        "PicName": "n",
        "PicContent": SMALL,
        "IntAttr": 1,
        "StrAttr": "s",
        "Region": "1,90,1,90",
    },
    {
        "Action": "SearchImageByPic",
        "PicContent": SMALL,
        "Num": 5,
        "Filter": '(int_attr>=1 AND str_attr in ("s","t"))',
        "ScoreThreshold": "0.1",
    },
    {
        "Action": "SearchImageByName",
        "ProductId": "p",
        "PicName": "n",
        "CategoryId": 0,
        "DistinctProductId": "true",
    },
    {"Action": "SearchImageByFilter", "Filter": 'str_attr != "x" OR int_attr not in (1,2)'},
    {
        "Action": "UpdateImage",
        "ProductId": "p",
        "PicName": "n",
        "CustomContent": "名 {}",
        "IntAttr4": -5,
    },
    {"Action": "CompareSimilarByImage", "PrimaryPicContent": SMALL, "SecondaryPicContent": SMALL},
    {"Action": "DeleteImage", "IsDeleteByFilter": "true", "Filter": "int_attr=1"},
    {"Action": "CheckImageExists", "ProductId": "p", "PicName": "n"},
    {"Action": "IncreaseInstance", "BucketName": "bucket", "Path": "/a"},
    {"Action": "DumpMetaList", "Id": 5, "PageSize": 10},
]
ITEMS = [
    {
        "item_id": "1",
        "cat_id": "0",
        "cust_content": "名",
        "YQ==": SMALL,
        "pic_list": "YQ==",
        "int_attr": "1",
        "region": "1,90,1,90",
    },
    {"s": "0", "n": "10", "cat_id": "0", "YQ==": SMALL, "pic_list": "YQ==", "filter": "int_attr=1"},
    {"item_id": "1", "pic_list": "YQ=="},
]
TOKENS = [
    b"",
    b"\x00",
    b"\xff\xfe",
    b"%",
    b"%00",
    b"%FF",
    b"&",
    b"=",
    b"^",
    b"#",
    b",",
    b"\r\n",
    b"{",
    b"}",
    b"[",
    b'"',
    b"\\ud800",
    b"1e999",
    b"-1",
    b"9" * 40,
]
TOKENS += [
    b"null",
    b"true",
    b"http://127.0.0.1/uploads/a/b",
    b"../..",
    "𝔘".encode(),
    b"(" * 70,
    b"not",
    b"in",
    b"&&&&",
    b"a=1&a=2",
    b"\x7f",
]


def mutate(data: bytes, chance: random.Random) -> bytes:
    """None to three edits of bytes."""
    for _ in range(chance.randint(0, 3)):
        at, end = sorted((chance.randint(0, len(data)), chance.randint(0, len(data))))
        end = min(end, at + chance.choice((1, 4, 64, len(data))))
        kind = chance.randrange(6)
        if kind == 0:
            data = data[:at] + bytes((chance.randrange(256),)) + data[at + 1 :]
        elif kind == 1:
            data = data[:at] + data[end:]
        elif kind == 2:
            data = data[:at] + chance.choice(TOKENS) + data[at:]
        elif kind == 3:
            data = data[:at] + data[at:end] * 2 + data[end:]
        elif kind == 4:
            data = data[:at]
        else:
            data = data[:at] + chance.choice(TOKENS) + data[end:]
    return data


def bodies(chance: random.Random) -> tuple[str, str, bytes]:
    """(path, content type, body) of one mutated request."""
    kind = chance.randrange(3)
    if kind == 2:
        values = chance.choice(ITEMS)
        verb = "add" if "cust_content" in values else "search" if "s" in values else "delete"
        return f"/item/{verb}", "application/octet-stream", mutate(build(dict(values)), chance)
    params = {
        "InstanceName": chance.choice(("product", "generic", "nobody")),
        **chance.choice(FORMS),
    }
    if kind == 1:
        return (
            "/",
            "application/json",
            mutate(json.dumps(params, ensure_ascii=chance.random() < 0.5).encode(), chance),
        )
    return (
        "/",
        FORM,
        mutate(urlencode({name: str(value) for name, value in params.items()}).encode(), chance),
    )


def hammer(inputs: int, seed: int) -> dict[str, int]:
    """Sends that many; how often each code was answered. A body that yields a 5xx is in the
    failure's message.
    """
    client, chance = Client.new(), random.Random(seed)
    token = f"Bearer {client.key.key_id}.{client.key.secret}"
    codes: dict[str, int] = {}
    for _ in range(inputs):
        path, kind, body = bodies(chance)
        headers = [("host", HOST), ("authorization", token), ("content-type", kind)]
        query = [("instanceName", "product")] if path != "/" else []
        answer = client.send(Incoming.of("POST", path, query=query, headers=headers, body=body))
        members: dict[str, Any] = json.loads(answer.body)
        assert answer.status < 500, (path, kind, body, members)
        code = str(members.get("Code", 0))
        refusal = set(ERROR["properties"])  # type: ignore[call-overload]
        assert answer.status == 200 or set(members) == refusal, members
        codes[code] = codes.get(code, 0) + 1
    return codes


def test_mutated_bodies_never_yield_a_5xx() -> None:
    codes = hammer(1500, SEED)
    # the mutants reach past the parsers: some still work, and many kinds of refusal are met
    assert codes["0"] > 50
    assert len(codes) > 12


@pytest.mark.slow
def test_twenty_thousand_mutated_bodies_never_yield_a_5xx() -> None:
    codes = hammer(20_000, SEED + 1)
    assert sum(codes.values()) == 20_000
    assert len(codes) > 20


ST = Path(os.environ.get("SDK_PYTHON", ".venv-sdk/bin/python")).absolute().with_name("st")
CHECKS = (
    "not_a_server_error,status_code_conformance,"
    "content_type_conformance,response_schema_conformance"
)


STEERED: dict[str, object] = {
    "InstanceName": {"enum": ["product", "generic", "fabric", "trademark", "nobody"]},
    **{
        name: {"enum": [b64(picture(seed, (460, 460))) for seed in range(3)] + [SMALL, "AAAA"]}
        for name in ("PicContent", "PrimaryPicContent")
    },
    **{name: {"enum": ["a", "b", "名"]} for name in ("ProductId", "PicName")},
}


def steered(node: Any) -> Any:
    """The document with names and pictures that exist, so that requests get past the first checks;
    without the action whose documented answer is a 500.
    """
    if isinstance(node, list):
        return [
            steered(part)
            for part in node
            if not (isinstance(part, dict) and part.get("title") == "SearchImageByText")
        ]
    if isinstance(node, dict):
        return {
            name: STEERED[name] if name in STEERED else steered(value)
            for name, value in node.items()
        }
    return node


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", ["as served", "steered"])
def test_schemathesis_finds_no_5xx_in_two_thousand_cases(kind: str, tmp_path: Path) -> None:
    if not ST.exists():
        pytest.skip("needs the outside environment, which `make test-slow` makes")
    from chalicelib.gateway.openapi import document

    with live(tmp_path / "state") as server:
        target = [f"{server.url}openapi.json"]
        if kind == "steered":
            (tmp_path / "openapi.json").write_text(
                json.dumps(steered(json.loads(json.dumps(document()))))
            )
            target = [str(tmp_path / "openapi.json"), "--url", server.url]
        options = [
            "--checks",
            CHECKS,
            "--phases",
            "coverage,fuzzing",
            "--max-examples",
            "250",
            "--seed",
            "1",
            "--continue-on-failure",
            "--no-color",
        ]
        options += [
            "--suppress-health-check",
            "all",
            "-H",
            f"Authorization: Bearer {server.key_id}.{server.secret}",
        ]
        done = subprocess.run(
            [str(ST), "run", *target, *options],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-6000:]
    cases = re.search(r"(\d+) generated", done.stdout)
    assert cases is not None, done.stdout[-2000:]
    assert int(cases[1]) >= 2000, done.stdout[-2000:]
