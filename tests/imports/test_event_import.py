"""An increment.meta put into a bound bucket is imported by itself: S3 → EventBridge → coordinator →
SQS → workers, on moto.
"""

from __future__ import annotations

import io
import json
import logging
import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

import app
import chalicelib.wiring
import cli.importing
from chalicelib.config import Settings
from chalicelib.contract.messages import ListImports, StartImport
from chalicelib.errors import SourceError
from chalicelib.gateway.wire.faults import Fault, fault_of
from chalicelib.index.catalog import Catalog
from chalicelib.index.collection import Collection
from chalicelib.jobs.bindings import Binding, bind
from chalicelib.jobs.imports import list_imports, start_import
from chalicelib.jobs.listing import ListedJob
from chalicelib.jobs.run_task import BUSY_S
from chalicelib.service import Service
from chalicelib.storage.bucket import AwsSources
from chalicelib.storage.object_store import ObjectStore
from chalicelib.storage.queue import Queue, SqsQueue
from chalicelib.storage.s3 import S3Store, connect
from chalicelib.storage.secrets import FileSecrets
from chalicelib.usecases.deployment import Deployment
from chalicelib.vision.analysis import Analysis, PictureAnalyzer, Request
from chalicelib.wiring import new_id
from cli.main import execute
from cli.watching import Ended, watch
from tests.doubles import TinyAnalyzer
from tests.imports.aws import REGION, Aws
from tests.imports.bad_lines import FILES, bad_lines
from tests.imports.catalogue import catalogue
from tests.imports.shop import Killed, add, answers, drawn
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
    """Lookalike on moto: a state bucket, a queue, functions that the test calls in Lambda's stead."""

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
        client = self.cloud.client("sqs")
        healthy = self.deployment
        while messages := self.receive(self.queue_url):
            message = chance.choice(messages)
            receives = int(message["Attributes"]["ApproximateReceiveCount"])
            rate = (
                0.02 if deadly and deaths[message["Body"]] < 3 else 0.0
            )  # a fourth death would condemn a line
            for _ in range(2 if deadly and chance.random() < 0.3 else 1):
                halfway = deadly and '"plan"' in message["Body"] and not deaths[message["Body"]]
                store = (
                    HalfwayStore(healthy.store)
                    if halfway
                    else DeadlyStore(healthy.store, chance, rate)
                )
                models = DeadlyAnalyzer(healthy.analyzer(), chance, rate * 3)
                catalog = Catalog(store, clock=healthy.clock, new_id=healthy.new_id)
                self.deployment = replace(
                    healthy, store=store, catalog=catalog, analyzer=partial(_same, models)
                )
                try:
                    self.call(message["Body"], receives)
                except Killed:
                    deaths[message["Body"]] += 1
                else:
                    client.delete_message(
                        QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"]
                    )
        self.deployment = healthy
        killed: Counter[str] = Counter()
        for body, count in deaths.items():
            killed[json.loads(body)["do"]] += count
        return killed

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


@pytest.fixture
def stack(cloud: Aws, sources: AwsSources, tmp_path: Path) -> Stack:
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
        secrets=FileSecrets(tmp_path / "keys.json"),
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


def real_models() -> PictureAnalyzer:
    from chalicelib.vision.analyze import Analyzer

    return Analyzer(threads=2)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("count", "models"),
    [(200, TinyAnalyzer), pytest.param(2000, real_models, marks=pytest.mark.slow)],
)
def test_a_bucket_with_25_bad_lines_is_imported_by_an_event(
    stack: Stack,
    caplog: pytest.LogCaptureFixture,
    count: int,
    models: Callable[[], PictureAnalyzer],
) -> None:
    caplog.set_level(logging.INFO)
    analyzer = models()
    stack.deployment = replace(stack.deployment, analyzer=lambda: analyzer)
    stack.deployment.catalog.drop("shop")
    created(stack.deployment, "shop")
    pictures, expected = put_catalogue(stack, count)
    bind(Binding("catalogue", "/2024", "shop"), stack.deployment.store)
    events = stack.events()
    while more := stack.events():
        events += more
    assert {event["detail-type"] for event in events} == {"Object Created"}
    for event in events:
        if event["detail"]["object"]["key"].endswith("increment.meta"):
            for _ in range(2):  # EventBridge delivers at least once
                app.import_event(event, None)
    deaths = stack.work_off(random.Random(3), deadly=True)
    assert deaths["plan"] > 0
    assert deaths["slice"] > 3

    (job,) = stack.jobs()
    assert (job.status, job.code, job.added, job.deleted, job.failed) == (
        "SUCCESS",
        "0",
        count - 25,
        0,
        25,
    )
    assert (job.bucket, job.path) == ("catalogue", "/2024/spring")
    snapshot = stack.deployment.catalog.open("shop").snapshot()
    assert len(snapshot) == count - 25
    reported = read_errors(stack, job)
    assert {error["Line"]: error["Code"] for error in reported} == {
        line: code for line, (code, _) in expected.items()
    }
    for error in reported:
        assert expected[error["Line"]][1] in error["Message"]
        assert error["Input"]

    # The same by one worker without trouble, in the file's order: the answers agree in every bit.
    calm = created(stack.deployment, "calm")
    bind(Binding("catalogue", "/2024", "calm"), stack.deployment.store)
    s3 = stack.cloud.client("s3")
    meta = s3.get_object(Bucket="catalogue", Key="2024/spring/increment.meta")["Body"].read()
    s3.put_object(Bucket="catalogue", Key="2024/spring/increment.meta", Body=meta)
    (event,) = stack.events()
    app.import_event(event, None)
    stack.work_off(random.Random(0), deadly=False)
    queries = list(pictures.values())[:: max(1, count // 60)]
    assert answers(stack.deployment.catalog.open("shop"), analyzer, queries) == answers(
        calm, analyzer, queries
    )
    no_picture_anywhere(stack, caplog.text, [*pictures.values(), *FILES.values()])


def read_errors(stack: Stack, job: ListedJob) -> list[dict[str, Any]]:
    assert job.error_url
    data = stack.deployment.store.get(job.error_url.removeprefix("https://state/")).data
    return [json.loads(line) for line in data.splitlines()]


SIGNATURES = re.compile(
    rb"\xff\xd8\xff[\xc0-\xfe]|\x89PNG\r\n|GIF8[79]a|WEBPVP8|II\*\0|MM\0\*|BM.{4}\0{4}.{2}\0\0[\x0c-\x7c]\0\0\0",
    re.DOTALL,
)
"""Of JPEG, PNG, GIF, WEBP, TIFF and BMP, so long that no feature vector has one by chance."""


def no_picture_anywhere(stack: Stack, log: str, pictures: Sequence[bytes]) -> None:
    """Neither the store nor the log holds a picture's signature or any 64 bytes of a picture."""
    windows = {
        data[at : at + 64]
        for data in pictures
        for at in range(0, len(data) - 63, 64)
        if len(set(data[at : at + 64])) > 8
    }
    scanned = 0
    for where, data in [
        *(
            (stat.key, stack.deployment.store.get(stat.key).data)
            for stat in stack.deployment.store.list("")
        ),
        ("log", log.encode()),
    ]:
        scanned += len(data)
        assert SIGNATURES.search(data) is None, where
        # Windows start at multiples of 64 in a picture, so looking at every offset of the store
        # finds them wherever they were put.
        assert not any(data[at : at + 64] in windows for at in range(len(data) - 63)), where
    assert scanned > 10_000


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"])
def test_the_scan_knows_the_signature_of_every_kind_of_picture(kind: str) -> None:
    data = io.BytesIO()
    Image.new("RGB", (120, 110), "red").save(data, format=kind)
    assert SIGNATURES.search(b"x" * 50 + data.getvalue()[:64])


def test_the_scan_would_find_a_picture(stack: Stack) -> None:
    picture = next(iter(catalogue(1).values()))
    stack.deployment.store.create(
        "collections/shop/hidden", b"x" * 5000 + picture[100:400] + b"x" * 5000
    )
    with pytest.raises(AssertionError, match="hidden"):
        no_picture_anywhere(stack, "", [picture])


def test_files_of_other_names_and_folders_start_nothing(stack: Stack) -> None:
    stack.cloud.bucket("catalogue")
    told(stack.cloud, "catalogue")
    bind(Binding("catalogue", "/bound", "shop"), stack.deployment.store)
    s3 = stack.cloud.client("s3")
    for key in (
        "bound/a.jpg",
        "bound/old.increment.meta",
        "boundary/increment.meta",
        "increment.meta",
    ):
        s3.put_object(Bucket="catalogue", Key=key, Body=b"")
    for event in stack.events():
        app.import_event(event, None)
    assert stack.receive(stack.queue_url) == []
    assert stack.jobs() == []


def test_a_bucket_of_another_region_becomes_a_failed_job_that_says_why(stack: Stack) -> None:
    stack.cloud.bucket("far", {"increment.meta": b""}, region="us-west-2")
    bind(Binding("far", "/", "shop"), stack.deployment.store)
    app.import_event(event_of("far", "increment.meta", region="us-west-2"), None)
    app.import_event(
        event_of("far", "increment.meta", number=2), None
    )  # a rule that forwards events may hide where they came from
    for job in stack.jobs():
        assert job.status == "FAIL"
        assert "'far' is in us-west-2" in job.message
        assert REGION in job.message
    assert len(stack.jobs()) == 2


def test_a_bucket_of_another_region_is_refused_by_the_api_and_the_command_line(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.cloud.bucket("far", {"x/increment.meta": b""}, region="us-west-2")
    with pytest.raises(SourceError, match="'far' is in us-west-2") as caught:
        start_import(StartImport("shop", "far", "/x"), stack.deployment)
    assert fault_of(caught.value, "IncreaseInstance") == Fault("Console.BadRequest", 400)
    stack.patch.setattr(chalicelib.wiring, "deployment", lambda: stack.deployment)
    assert execute(["import", "s3://far/x", "-c", "shop"]) == 6
    assert "'far' is in us-west-2" in " ".join(capsys.readouterr().err.split())
    assert stack.jobs() == []
    assert stack.receive(stack.queue_url) == []


def test_an_import_from_the_command_line_is_the_queues_and_goes_on_without_it(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.cloud.bucket(
        "catalogue", {"increment.meta": json.dumps(add("1", "a.jpg")).encode(), "a.jpg": drawn(1)}
    )
    stack.patch.setattr(chalicelib.wiring, "deployment", lambda: stack.deployment)

    def interrupt(*_: object, **__: object) -> Ended:
        raise KeyboardInterrupt

    stack.patch.setattr(cli.importing, "watch", interrupt)
    assert execute(["import", "s3://catalogue"]) == 130
    assert "The deployment goes on" in capsys.readouterr().err
    stack.work_off(random.Random(1), deadly=False)
    assert [job.status for job in stack.jobs()] == ["SUCCESS"]

    def works(*given: Any, **more: Any) -> Ended:
        stack.work_off(random.Random(1), deadly=False)
        return watch(*given, **more)

    stack.patch.setattr(cli.importing, "watch", works)
    assert execute(["import", "s3://catalogue"]) == 0
    assert "1 added, 0 deleted, 0 failed" in capsys.readouterr().out


def test_an_event_waits_for_the_import_that_is_running(stack: Stack) -> None:
    line = json.dumps(add("1", "a.jpg")).encode()
    pictures = {f"{folder}/a.jpg": drawn(number) for number, folder in enumerate("ab")}
    stack.cloud.bucket(
        "catalogue", {"a/increment.meta": line, "b/increment.meta": line, **pictures}
    )
    bind(Binding("catalogue", "/", "shop"), stack.deployment.store)
    for number, folder in enumerate("ab"):
        app.import_event(event_of("catalogue", f"{folder}/increment.meta", number=number), None)
    assert [job.status for job in stack.jobs()] == ["PROCESSING", "PROCESSING"]
    queue = ImpatientQueue(stack.deployment.queue)
    stack.deployment = replace(stack.deployment, queue=queue)
    stack.work_off(random.Random(1), deadly=False)
    assert {job.status for job in stack.jobs()} == {"SUCCESS"}
    assert BUSY_S in queue.delays
    assert len(stack.deployment.catalog.open("shop").snapshot()) == 1


class ImpatientQueue:
    """Remembers how long messages should wait, and sends them at once."""

    grain = 256

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self.delays: list[int] = []

    def send(self, messages: Sequence[str], *, delay_s: int = 0) -> None:
        self.delays.append(delay_s)
        self._queue.send(messages)
