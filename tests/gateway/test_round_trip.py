"""Whatever AddImage takes comes back: added, exported, imported, it is the same record."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.contract.values import MAX_CUSTOM_CONTENT, MAX_ID, MAX_STR_ATTR
from chalicelib.gateway.dispatch import Gateway
from chalicelib.gateway.wire.incoming import Answer
from chalicelib.jobs.imports import start_folder_import
from chalicelib.jobs.records import load
from chalicelib.usecases.keys import NewKey, create_key
from tests.gateway.client import acs3, b64
from tests.imports.shop import Shop, drawn, open_shop

HOSTILE = [
    *("./d.jpg", "../up.jpg", "a//b.jpg", "/a.jpg", "a.jpg/", "..", ".", "/", "\\\\host\\x"),
    *(
        "https://cdn.example/a.jpg?x=1&y=2#z",
        "s3://bucket/a.jpg",
        "C:\\a.jpg",
        "file:///etc/passwd",
    ),
    *("increment.meta", "a\u2028b", "\u0085", "\ufeffa", "\ufffd", "e\u0301", "\u202etxt.gpj"),
    *("%2e%2e%2f", "a b+c", '"', "'", "{}", "#", "^,#", " ", " a", "a ", "\U0010ffff", "nul", "~"),
    *("x" * MAX_ID, "🎁" * MAX_ID, "*?", "a\\nb", "null", "1e999", "-", "=cmd()", "<b>"),
]
_TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=30)
_NAMES = st.one_of(st.sampled_from(HOSTILE), _TEXT)
_ATTRIBUTE = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00\\¥$&%"),
    max_size=MAX_STR_ATTR,
)
_CONTENT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=200
)
_RECORD = st.fixed_dictionaries(
    {"ProductId": _NAMES, "PicName": _NAMES},
    optional={
        "CustomContent": st.one_of(_CONTENT, st.just("\x01" * MAX_CUSTOM_CONTENT)),
        "IntAttr": st.integers(-(2**31), 2**31 - 1),
        "IntAttr4": st.just(0),
        "StrAttr": _ATTRIBUTE,
        "StrAttr3": _ATTRIBUTE,
        "CategoryId": st.sampled_from([0, 22, 88888888]),
        "Region": st.just("10,90,10,90"),
    },
)


class Wire:
    """The shop's API."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.key = shop, create_key(shop.deployment)
        self._gateway = Gateway(shop.deployment)

    def send(self, action: str, params: dict[str, object]) -> Answer:
        texts = {"InstanceName": "shop", **{name: str(each) for name, each in params.items()}}
        now, key = self.shop.deployment.clock(), NewKey(self.key.key_id, self.key.secret)
        body = urlencode(texts).encode()
        return self._gateway.answer(acs3(key, action, "2020-12-14", now=now, body=body))

    def exported(self) -> bytes:
        """The file that DumpMeta writes."""
        started = self.send("DumpMeta", {})
        assert started.status == 200, started.body
        self.shop.work_off()
        number = int(json.loads(started.body)["Data"]["Id"])
        key = load("shop", "exports", number, self.shop.deployment.store).export_key
        assert key
        return self.shop.deployment.store.get(key).data


def records(shop: Shop) -> dict[tuple[str, str], str]:
    return {
        (record.key.product_id, record.key.pic_name): repr(record)
        for record in shop.collection.snapshot().records()
    }


def survives(folder: Path, wanted: list[dict[str, object]]) -> None:
    """Adds, exports and imports `wanted`; what then is there is what was."""
    shop = open_shop(folder)
    wire = Wire(shop)
    for seed, params in enumerate(wanted):
        answer = wire.send("AddImage", {**params, "PicContent": b64(drawn(seed % 7))})
        assert answer.status == 200, answer.body
    before = records(shop)
    assert set(before) == {(str(each["ProductId"]), str(each["PicName"])) for each in wanted}
    shop.folder.joinpath("increment.meta").write_bytes(wire.exported())
    job = start_folder_import("shop", shop.location, shop.deployment)
    shop.work_off()
    assert [error.message for error in shop.progress(job).errors] == []
    assert records(shop) == before


@given(st.lists(_RECORD, min_size=1, max_size=6))
@settings(max_examples=25, deadline=None)
def test_any_record_comes_back(wanted: list[dict[str, object]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        survives(Path(folder), wanted)


def test_every_name_that_was_ever_trouble_comes_back(tmp_path: Path) -> None:
    survives(tmp_path, [{"ProductId": name, "PicName": name} for name in HOSTILE])


@pytest.mark.parametrize("name", ["", "a\x00", "a\n", "\x7f", "x" * (MAX_ID + 1)])
def test_what_could_not_is_refused_when_it_is_added(tmp_path: Path, name: str) -> None:
    wire = Wire(open_shop(tmp_path))
    picture = b64(drawn(1))
    for one in ({"ProductId": name, "PicName": "n"}, {"ProductId": "p", "PicName": name}):
        assert wire.send("AddImage", {**one, "PicContent": picture}).status == 400
    assert records(wire.shop) == {}
