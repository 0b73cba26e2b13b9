"""A shop with pictures to import, and a queue that behaves as badly as it may."""

from __future__ import annotations

import io
import itertools
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from chalicelib.config import Settings
from chalicelib.gateway.import_events import wording
from chalicelib.index.catalog import Catalog
from chalicelib.index.collection import Collection
from chalicelib.index.format.records import quantise
from chalicelib.index.read.query import Hit, Query
from chalicelib.jobs.imports import GROUP
from chalicelib.jobs.progress import Progress, Watch
from chalicelib.jobs.records import Job, load
from chalicelib.jobs.run_task import handle
from chalicelib.service import Service
from chalicelib.storage.memory import MemoryStore
from chalicelib.storage.object_store import ObjectStore
from chalicelib.storage.secrets import FileSecrets
from chalicelib.storage.source import LocalSources, Location
from chalicelib.usecases.deployment import Deployment
from chalicelib.vision.analysis import PictureAnalyzer, Request
from tests.doubles import TinyAnalyzer


class Killed(BaseException):
    """The worker died; nothing in it may catch this."""


@dataclass
class RoughQueue:
    """Delivers in any order, some messages twice, and again what was not deleted; as SQS may."""

    chance: random.Random
    grain: int = 16
    duplicates: float = 0.0
    waiting: list[tuple[str, int]] = field(default_factory=list)
    sent: int = 0

    def send(self, messages: Sequence[str], *, delay_s: int = 0) -> None:
        for message in messages:
            self.sent += 1
            self.waiting.append((message, 0))
            if self.chance.random() < self.duplicates:
                self.waiting.append((message, 0))

    def take(self) -> tuple[str, int]:
        return self.waiting.pop(self.chance.randrange(len(self.waiting)))


@dataclass
class Shop:
    """A deployment over a store, with a folder of pictures."""

    deployment: Deployment
    queue: RoughQueue
    folder: Path
    told: list[tuple[str, bytes]]

    @property
    def collection(self) -> Collection:
        return self.deployment.catalog.open("shop")

    @property
    def location(self) -> Location:
        return Location("folder", "", str(self.folder))

    def handle(
        self, message: str, *, remaining_s: Callable[[], float] = lambda: 900.0, receives: int = 1
    ) -> None:
        """Handles one message."""
        handle(
            message,
            self.deployment,
            wording(self.deployment),
            remaining_s=remaining_s,
            receives=receives,
        )

    def work_off_one(self, *, remaining_s: Callable[[], float] = lambda: 900.0) -> bool:
        """Handles a message, if one waits. One whose worker is killed will be delivered again."""
        if not self.queue.waiting:
            return False
        message, deaths = self.queue.take()
        try:
            self.handle(message, remaining_s=remaining_s, receives=deaths + 1)
        except Killed:
            self.queue.waiting.append((message, deaths + 1))
        return True

    def work_off(
        self,
        *,
        remaining_s: Callable[[], float] = lambda: 900.0,
        most: int = 10_000,
        finish: bool = True,
    ) -> int:
        """Handles messages until none waits, or `most` of them; how many."""
        for number in range(most):
            if not self.work_off_one(remaining_s=remaining_s):
                return number
        if finish:
            raise AssertionError(f"still {len(self.queue.waiting)} messages after {most}")
        return most

    def job(self, job: Job) -> Job:
        return load("shop", job.kind.group, job.id, self.deployment.store)

    def progress(self, job: Job) -> Progress:
        return Watch("shop", job.kind.group, job.id).look(self.deployment)

    def write_meta(self, *lines: str | dict[str, object]) -> None:
        self.folder.joinpath("increment.meta").write_text(
            "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
        )

    def draw(self, name: str, seed: int | None = None) -> bytes:
        """Draws a picture into the folder."""
        data = drawn(seed if seed is not None else hash_of(name))
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return data

    def keys(self) -> list[tuple[str, str]]:
        return sorted(
            (row.key.product_id, row.key.pic_name) for row in self.collection.snapshot().rows()
        )

    def answers(self, pictures: Sequence[bytes], *, count: int = 20) -> list[list[Hit]]:
        """What searching for each of `pictures` finds."""
        return answers(self.collection, self.deployment.analyzer(), pictures, count=count)


def answers(
    collection: Collection, analyzer: PictureAnalyzer, pictures: Sequence[bytes], *, count: int = 20
) -> list[list[Hit]]:
    """What searching for each of `pictures` finds."""
    snapshot = collection.snapshot()
    found = []
    for picture in pictures:
        analysis = analyzer.analyze(picture, Request(collection.info.service))
        found.append(
            list(snapshot.search(Query(quantise(analysis.feature, analysis.code), count)).hits)
        )
    return found


def open_shop(
    folder: Path,
    *,
    store: ObjectStore | None = None,
    analyzer: PictureAnalyzer | None = None,
    service: Service = Service.PRODUCT,
    queue: RoughQueue | None = None,
    settings: Settings | None = None,
) -> Shop:
    """A shop with an empty collection `shop`."""
    numbers = itertools.count(1)
    ticks = itertools.count(1_700_000_000)
    clock = lambda: float(next(ticks))  # noqa: E731
    new_id = lambda: f"{next(numbers):032x}"  # noqa: E731
    store = store or MemoryStore(clock=clock)
    models = analyzer or TinyAnalyzer()
    queue = queue or RoughQueue(random.Random(1))
    told: list[tuple[str, bytes]] = []
    deployment = Deployment(
        settings=settings or Settings(),
        store=store,
        catalog=Catalog(store, clock=clock, new_id=new_id),
        secrets=FileSecrets(folder / "keys.json"),
        analyzer=lambda: models,
        clock=clock,
        new_id=new_id,
        sources=LocalSources(folder / "buckets"),
        queue=queue,
        notify=lambda url, body: told.append((url, body)),
    )
    deployment.catalog.create(
        "shop",
        service,
        fingerprint=models.fingerprint,
        dimension=models.dimension,
        bits=models.bits,
    )
    pictures = folder / "buckets" / "pics" / "shop"
    pictures.mkdir(parents=True)
    return Shop(deployment, queue, pictures, told)


def hash_of(name: str) -> int:
    return int.from_bytes(name.encode()[-6:], "big")


def drawn(seed: int, *, side: int = 112) -> bytes:
    """A JPEG of blocks; another seed, another picture."""
    blocks = np.random.default_rng(seed).integers(0, 256, (7, 7, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(blocks).resize((side, side), Image.Resampling.BICUBIC).save(
        stream, "JPEG", quality=80
    )
    return stream.getvalue()


def add(product_id: str, pic_name: str, **more: object) -> dict[str, object]:
    """A line of increment.meta."""
    return {"OperationType": "ADD", "ProductId": product_id, "PicName": pic_name, **more}


def delete(product_id: str, pic_name: str | None = None) -> dict[str, object]:
    """A line of increment.meta."""
    line: dict[str, object] = {"OperationType": "DELETE", "ProductId": product_id}
    return line | ({"PicName": pic_name} if pic_name else {})


__all__ = [
    "GROUP",
    "Killed",
    "RoughQueue",
    "Shop",
    "add",
    "answers",
    "delete",
    "drawn",
    "open_shop",
]
