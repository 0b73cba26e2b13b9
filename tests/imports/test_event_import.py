"""An increment.meta put into a bound bucket is imported by itself: S3 → EventBridge → coordinator →
SQS → workers, on moto.
"""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

import app
import chalicelib.wiring
import cli.importing
from chalicelib.contract.messages import StartImport
from chalicelib.errors import SourceError
from chalicelib.gateway.actions.imports import START
from chalicelib.gateway.wire.faults import Fault, fault_of
from chalicelib.jobs.bindings import Binding, bind
from chalicelib.jobs.imports import start_import
from chalicelib.jobs.listing import ListedJob
from chalicelib.jobs.run_task import BUSY_S
from chalicelib.storage.queue import Queue
from chalicelib.vision.analysis import PictureAnalyzer
from cli.main import execute
from cli.watching import Ended, watch
from tests.doubles import TinyAnalyzer
from tests.imports.aws import REGION
from tests.imports.bad_lines import FILES
from tests.imports.picture_scan import no_picture_anywhere
from tests.imports.shop import add, answers, drawn
from tests.imports.stack import Stack, created, event_of, put_catalogue, told


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
    assert fault_of(caught.value, START.codes) == Fault("Console.BadRequest", 400)
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
