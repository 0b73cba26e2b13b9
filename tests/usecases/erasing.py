"""A shop with a secret record, and whether anything of it is left in the store."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from chalicelib.config import Settings
from chalicelib.gateway.import_events import wording
from chalicelib.index.catalog import Catalog
from chalicelib.index.collection import Collection
from chalicelib.index.format.records import Key
from chalicelib.jobs.imports import start_folder_import
from chalicelib.jobs.retention import sweep_jobs
from chalicelib.storage.object_store import ObjectStore
from chalicelib.usecases import maintain
from tests.imports import shop as importing
from tests.index.simulated import Clock

DAY = 86_400
SECRET = Key("secret-product-7", "secret-picture.jpg")
CONTENT = "secret-content-of-the-record"
OTHERS = 40


@dataclass
class Shop:
    """Forty records and the secret one, in one segment."""

    shop: importing.Shop
    clock: Clock
    pieces: tuple[bytes, ...] = ()
    """What may not be found: 16-byte windows of the feature, ids, attributes."""

    @property
    def collection(self) -> Collection:
        return self.shop.collection

    def traces(self) -> list[str]:
        """Keys of objects that hold a piece of the secret record."""
        return traces(self.shop.deployment.store, self.pieces)

    def pass_days(self, days: float) -> None:
        """Compaction, collection and the sweep of jobs as they are scheduled, only rarer."""
        for _ in range(round(days * 4)):
            self.clock.now += DAY / 4
            for _ in range(2):
                maintain.compact_all(self.shop.deployment)
            maintain.collect_all(self.shop.deployment)
            sweep_jobs(self.shop.deployment, wording(self.shop.deployment))


def traces(store: ObjectStore, pieces: Sequence[bytes]) -> list[str]:
    keys = [stat.key for stat in store.list("")]
    return [key for key in keys if holds(pieces, key, store.get(key).data)]


def holds(pieces: Sequence[bytes], key: str, data: bytes) -> bool:
    """Whether an object has one of `pieces` in its key, its bytes, or what of these is packed."""
    packed = (inflated(data[at.start() :]) for at in re.finditer(b"\x78[\x01\x5e\x9c\xda]", data))
    data = b"".join([key.encode(), data, *packed])
    return any(piece in data for piece in pieces)


def inflated(data: bytes) -> bytes:
    """What a zlib stream at the beginning of `data` holds; nothing, if there is none."""
    try:
        return zlib.decompressobj().decompress(data)
    except zlib.error:
        return b""


def open_shop(folder: Path, store: ObjectStore, clock: Clock, settings: Settings) -> Shop:
    made = importing.open_shop(folder, store=store, settings=settings)
    catalog = Catalog(store, clock=clock, new_id=made.deployment.new_id)
    made.deployment = replace(made.deployment, catalog=catalog, clock=clock)
    found = Shop(made, clock)
    for number in range(OTHERS):
        made.draw(f"{number}.jpg", number)
    made.draw(SECRET.pic_name, 77)
    made.write_meta(
        *(importing.add(str(n), f"{n}.jpg") for n in range(OTHERS)),
        importing.add(*SECRET, StrAttr="secret-word-in-an-attribute", CustomContent=CONTENT),
    )
    start_folder_import("shop", made.location, made.deployment)
    made.work_off()
    maintain.compact(made.deployment, "shop")
    known = found.collection.snapshot().find(SECRET)
    assert known is not None
    feature = known.vector.feature.tobytes()
    found.pieces = (
        *(feature[at : at + 16] for at in range(len(feature) - 15)),
        SECRET.product_id.encode(),
        SECRET.pic_name.encode(),
        CONTENT.encode(),
        b"secret-word-in-an-attribute",
    )
    assert any("/segments/" in key for key in found.traces())
    return found
