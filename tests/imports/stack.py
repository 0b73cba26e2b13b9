"""Lookalike on moto: a state bucket, queues, a rule of EventBridge, functions that a test calls."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import app
from chalicelib.config import Settings
from chalicelib.contract.messages import ListImports
from chalicelib.index.catalog import Catalog
from chalicelib.index.collection import Collection
from chalicelib.jobs.imports import list_imports
from chalicelib.jobs.listing import ListedJob
from chalicelib.service import Service
from chalicelib.storage.object_store import ObjectStore
from chalicelib.storage.queue import SqsQueue
from chalicelib.storage.s3 import S3Store, connect
from chalicelib.storage.secrets import FileSecrets
from chalicelib.storage.sources import AwsSources
from chalicelib.usecases.deployment import Deployment
from chalicelib.vision.analysis import Analysis, PictureAnalyzer, Request
from chalicelib.wiring import new_id
from tests.doubles import TinyAnalyzer
from tests.imports.aws import REGION, Aws
from tests.imports.bad_lines import FILES, bad_lines
from tests.imports.catalogue import catalogue
from tests.imports.shop import Killed, add
from tests.imports.test_rough_import import DeadlyStore

DUE = 0
"""Visibility timeout of the test's queue, seconds: what a worker dropped comes again at once."""


class DeadlyAnalyzer:
    """Models in a process that dies by chance."""

    def __init__(self, models: PictureAnalyzer, chance: random.Random, rate: float) -> None:
        self._models = models
        self._chance = chance
        self.rate = rate

    def analyze_many(
        self, pictures: Sequence[tuple[bytes, Request]]
    ) -> Sequence[Analysis | Exception]:
        if self._chance.random() < self.rate:
            raise Killed
        return self._models.analyze_many(pictures)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._models, name)


class HalfwayStore(DeadlyStore):
    """A store whose caller dies while it writes the fifth object: a coordinator that has cut some
    slices and not the others.
    """

    def __init__(self, store: ObjectStore) -> None:
        super().__init__(store, random.Random(0), rate=0.0)
        self._left = 5

    def create(self, key: str, data: bytes) -> str:
        self._left -= 1
        if self._left <= 0:
            raise Killed
        return super().create(key, data)


@dataclass
class Stack:
    """Lookalike on moto: a state bucket, a queue, functions called in Lambda's stead."""

    cloud: Aws
    deployment: Deployment
    events_url: str
    queue_url: str
    patch: pytest.MonkeyPatch

    def events(self) -> list[dict[str, Any]]:
        """What EventBridge delivered since the last call."""
        return [json.loads(message["Body"]) for message in self.receive(self.events_url)]

    def receive(self, url: str) -> list[dict[str, Any]]:
        client = self.cloud.client("sqs")
        found = client.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        messages: list[dict[str, Any]] = found.get("Messages", [])
        if url == self.events_url:
            for message in messages:
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return messages

    def work_off(self, chance: random.Random, *, deadly: bool) -> Counter[str]:
        """Plays SQS and Lambda until no message is left: any order, some delivered twice, workers
        killed.

        How many died at each task, `plan` or `slice`. If deadly, the coordinator dies halfway at
        its first try.
        """
        deaths: Counter[str] = Counter()
        healthy = self.deployment
        while messages := self.receive(self.queue_url):
            message = chance.choice(messages)
            for _ in range(2 if deadly and chance.random() < 0.3 else 1):
                # Three deaths of careful tries at one entry condemn it, and a delivery that nobody
                # took up makes the first try a careful one already.
                rate = 0.02 if deadly and deaths[message["Body"]] < 2 else 0.0
                halfway = deadly and '"plan"' in message["Body"] and not deaths[message["Body"]]
                self.deployment = _mortal(healthy, chance, rate, halfway=halfway)
                deaths[message["Body"]] += self.dies_of(message)
        self.deployment = healthy
        return Counter(json.loads(body)["do"] for body in deaths.elements())

    def dies_of(self, message: Mapping[str, Any]) -> bool:
        """Carries a message out and takes it from the queue, or dies halfway."""
        try:
            self.call(message["Body"], int(message["Attributes"]["ApproximateReceiveCount"]))
        except Killed:
            return True
        self.cloud.client("sqs").delete_message(
            QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"]
        )
        return False

    def call(self, body: str, receives: int) -> None:
        record = {
            "messageId": "1",
            "body": body,
            "attributes": {"ApproximateReceiveCount": str(receives)},
        }
        app.import_slice(
            {"Records": [record]}, SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)
        )

    def jobs(self) -> Sequence[ListedJob]:
        return list_imports(ListImports("shop"), self.deployment).jobs


def stack_on(cloud: Aws, sources: AwsSources, folder: Path) -> Stack:
    """A deployment with an empty collection `shop`, whose functions app.py's names stand for."""
    sqs = cloud.client("sqs")
    events_url = sqs.create_queue(QueueName="events")["QueueUrl"]
    queue_url = sqs.create_queue(QueueName="imports", Attributes={"VisibilityTimeout": str(DUE)})[
        "QueueUrl"
    ]
    bridge = cloud.client("events")
    sources_of_app: list[Any] = app.app.event_sources
    pattern = next(
        source.event_pattern for source in sources_of_app if source.name == "import_event"
    )
    bridge.put_rule(Name="import", EventPattern=json.dumps(pattern))
    arn = sqs.get_queue_attributes(QueueUrl=events_url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    bridge.put_targets(Rule="import", Targets=[{"Id": "1", "Arn": arn}])
    cloud.bucket("state")
    store = S3Store(connect(REGION), "state", sleep=lambda _: None)
    models = TinyAnalyzer()
    clock = iter(range(1_700_000_000, 10**10)).__next__
    deployment = Deployment(
        settings=Settings(region=REGION, queue=queue_url),
        store=store,
        catalog=Catalog(store, clock=lambda: float(clock()), new_id=new_id),
        secrets=FileSecrets(folder / "keys.json"),
        analyzer=lambda: models,
        clock=lambda: float(clock()),
        new_id=new_id,
        sources=sources,
        queue=SqsQueue(lambda: sqs, queue_url),
        presign=lambda key, _: f"https://state/{key}",
    )
    created(deployment, "shop")
    made = Stack(cloud, deployment, events_url, queue_url, cloud.patch)
    cloud.patch.setattr(app, "_deployment", lambda: made.deployment)
    return made


def _mortal(
    healthy: Deployment, chance: random.Random, rate: float, *, halfway: bool
) -> Deployment:
    """A process that dies at `rate` of its store's calls; `halfway`: surely, while it plans."""
    store = HalfwayStore(healthy.store) if halfway else DeadlyStore(healthy.store, chance, rate)
    models = DeadlyAnalyzer(healthy.analyzer(), chance, rate * 3)
    catalog = Catalog(store, clock=healthy.clock, new_id=healthy.new_id)
    return replace(healthy, store=store, catalog=catalog, analyzer=partial(_same, models))


def created(deployment: Deployment, name: str) -> Collection:
    """An empty collection for the models of `deployment`."""
    models = deployment.analyzer()
    return deployment.catalog.create(
        name,
        Service.PRODUCT,
        fingerprint=models.fingerprint,
        dimension=models.dimension,
        bits=models.bits,
    )


def _same(models: DeadlyAnalyzer) -> PictureAnalyzer:
    return models  # type: ignore[return-value]  # by __getattr__


def event_of(bucket: str, key: str, *, number: int = 1, region: str = REGION) -> dict[str, Any]:
    """An event as EventBridge forms it."""
    detail = {
        "version": "0",
        "bucket": {"name": bucket},
        "object": {"key": key, "size": 1, "etag": "e", "sequencer": f"{number:016x}"},
    }
    return {
        "version": "0",
        "id": f"event-{number}",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "123456789012",
        "time": "2026-01-01T00:00:00Z",
        "region": region,
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": detail,
    }


def told(cloud: Aws, bucket: str) -> None:
    """Lets a bucket tell EventBridge what is put into it."""
    cloud.client("s3").put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )


def put_catalogue(stack: Stack, count: int) -> tuple[dict[str, bytes], dict[int, tuple[str, str]]]:
    """A bucket with pictures and a file of `count` lines, 25 of them bad; by line, the code to be
    reported and words of the reason.
    """
    chance = random.Random(7)
    pictures = catalogue(count - 25)
    names = list(pictures)
    stack.cloud.bucket("catalogue")
    told(stack.cloud, "catalogue")
    s3 = stack.cloud.client("s3")
    for name, data in {**pictures, **FILES}.items():
        s3.put_object(Bucket="catalogue", Key=f"2024/spring/{name}", Body=data)
    good = [
        json.dumps(add(f"p{at % 97}", name, IntAttr=at, StrAttr=name[:20].replace("%", "")))
        for at, name in enumerate(names[1:], 1)
    ]
    bad = bad_lines(names[0], names[1])
    lines = [(line, "", "") for line in good] + bad[1:]
    chance.shuffle(lines)
    # The line that gives way stands before the one that counts.
    lines = [bad[0], *lines, (json.dumps(add("twice", names[0], IntAttr=2)), "", "")]
    s3.put_object(
        Bucket="catalogue",
        Key="2024/spring/increment.meta",
        Body="\n".join(line for line, _, _ in lines).encode(),
    )
    return pictures, {
        number: (code, words) for number, (_, code, words) in enumerate(lines, 1) if code
    }
