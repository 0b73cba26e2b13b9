"""How much of an import's CPU goes into decoding and the models, and what it asks of S3.

A bucket on moto (its own process), a coordinator, and worker processes that get slices as Lambda
would get them from SQS.

    python -m benchmarks.import [--pictures 500] [--workers 1 2 4] [--service product]
    [--requests-only]

Requests per picture fall until slices are full, from 2048 pictures on; --requests-only counts them
without the models' CPU.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, cast

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

os.environ.update(
    {
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }
)
REGION = "eu-central-1"
_spawn = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Spent:
    """One worker's account."""

    cpu_s: float
    models_s: float
    """CPU seconds in decoding and the models."""
    pictures: int


class CountingApp:
    """moto behind one lock, which also counts what it is asked."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.asked: Counter[tuple[str, str]] = Counter()

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """WSGI."""
        bucket = environ["PATH_INFO"].split("/")[1]
        method = (
            "LIST" if "list-type" in environ.get("QUERY_STRING", "") else environ["REQUEST_METHOD"]
        )
        self.asked[bucket, method] += 1
        return self._app(environ, start_response)


def serve(pipe: Connection) -> None:
    """The moto process: sends its URL, then its counts whenever it is asked for them."""
    from tests import moto_server

    apps: list[CountingApp] = []
    locked = moto_server.LockedApp

    def counted(app: Any) -> CountingApp:
        apps.append(CountingApp(locked(app)))
        return apps[-1]

    moto_server.LockedApp = counted  # type: ignore[assignment,misc]  # the same server, counted
    with moto_server.locked_moto() as url:
        pipe.send(url)
        while pipe.recv() == "counts":
            pipe.send(dict(apps[0].asked))
            apps[0].asked.clear()


def work(pipe: Connection, store: str, queue: str, tiny: bool) -> None:
    """A worker process: takes messages from the pipe until None comes, then says what it has spent
    since it was warm.
    """
    from chalicelib.gateway.import_events import on_message

    deployment = built(store, queue, tiny=tiny)
    models = Timed(deployment.analyzer())
    deployment = replace(deployment, analyzer=lambda: models)
    models.analyze_many(warm_pictures())
    models.spent, models.pictures = 0.0, 0
    pipe.send("warm")
    begun: float | None = None
    while (body := pipe.recv()) is not None:
        begun = begun if begun is not None else time.process_time()
        on_message(body, deployment, remaining_s=lambda: 900.0, receives=1)
        pipe.send("done")
    pipe.send(
        Spent(time.process_time() - (begun or time.process_time()), models.spent, models.pictures)
    )


class Timed:
    """The models, with the CPU time of the thread that runs them: with one thread of the models,
    that is all of theirs.
    """

    def __init__(self, models: Any) -> None:
        self._models = models
        self.spent = 0.0
        self.pictures = 0

    def analyze_many(self, pictures: Sequence[Any]) -> Any:
        """See vision.analysis.PictureAnalyzer."""
        begun = time.thread_time()
        answers = self._models.analyze_many(pictures)
        self.spent += time.thread_time() - begun
        self.pictures += len(pictures)
        return answers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._models, name)


def built(store: str, queue: str, *, tiny: bool) -> Any:
    """The deployment of coordinator and workers alike; `tiny`: with a stand-in for the models."""
    from chalicelib.config import Settings
    from chalicelib.wiring import build_deployment
    from tests.doubles import TinyAnalyzer

    deployment = build_deployment(Settings(region=REGION, store=store, queue=queue, threads=1))
    return replace(deployment, analyzer=TinyAnalyzer) if tiny else deployment


def warm_pictures() -> list[Any]:
    """Enough for everything to be loaded."""
    from chalicelib.service import Service
    from chalicelib.vision.analysis import Request
    from tests.imports.shop import drawn

    return [(drawn(n, side=512), Request(Service.PRODUCT)) for n in range(8)]


@contextmanager
def workers(
    count: int, store: str, queue: str, *, tiny: bool
) -> Iterator[list[tuple[Connection, Any]]]:
    """Warm worker processes."""
    started = []
    for _ in range(count):
        ours, theirs = _spawn.Pipe()
        process = _spawn.Process(target=work, args=(theirs, store, queue, tiny), daemon=True)
        process.start()
        started.append((ours, process))
    for pipe, _ in started:
        pipe.recv()
    yield started
    for _, process in started:
        process.join()


def work_off(queue: str, deployment: Any, idle: list[Connection], job_id: int) -> None:
    """Hands the queue's messages to idle workers until the job has ended."""
    import boto3

    from chalicelib.gateway.import_events import on_message
    from chalicelib.jobs.records import load

    sqs = boto3.client("sqs")
    busy: dict[Connection, str] = {}
    while busy or not load("shop", "imports", job_id, deployment.store).finished:
        taken = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=1) if idle else {}
        for message in taken.get("Messages", []):
            if '"plan"' in message["Body"]:
                on_message(message["Body"], deployment, remaining_s=lambda: 900.0, receives=1)
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                continue
            pipe = idle.pop()
            busy[pipe] = message["ReceiptHandle"]
            pipe.send(message["Body"])
        for pipe in cast("list[Connection]", wait(list(busy), timeout=0.2)):
            pipe.recv()
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=busy.pop(pipe))
            idle.append(pipe)


def per_picture(asked: Mapping[tuple[str, str], int], pictures: int) -> dict[str, float]:
    """Requests to S3, by (bucket, method), for each picture."""
    kinds = {
        "GET/picture": [n for (_, method), n in asked.items() if method in ("GET", "HEAD")],
        "PUT/picture": [n for key, n in asked.items() if key == ("state", "PUT")],
        "LIST/picture": [n for (_, method), n in asked.items() if method == "LIST"],
    }
    return {kind: sum(counts) / pictures for kind, counts in kinds.items()}


def run(
    count: int, name: str, queue: str, moto: Connection, service: Any, *, tiny: bool
) -> dict[str, Any]:
    """One import by `count` workers; what it took."""
    from chalicelib.contract.messages import CreateCollection, StartImport
    from chalicelib.jobs.imports import start_import
    from chalicelib.jobs.records import load
    from chalicelib.usecases.manage import create_collection

    store = f"s3://state/{name}"
    deployment = built(store, queue, tiny=tiny)
    create_collection(CreateCollection("shop", service), deployment)
    with workers(count, store, queue, tiny=tiny) as crew:
        moto.send("counts")
        moto.recv()
        begun = time.monotonic()
        job = start_import(StartImport("shop", "catalogue", "/shop"), deployment)
        work_off(queue, deployment, [pipe for pipe, _ in crew], job.id)
        wall = time.monotonic() - begun
        moto.send("counts")
        asked: Counter[tuple[str, str]] = Counter(moto.recv())
        for pipe, _ in crew:
            pipe.send(None)
        spent: list[Spent] = [pipe.recv() for pipe, _ in crew]
    ended = load("shop", "imports", job.id, deployment.store)
    assert ended.failed == 0, ended.message
    pictures, cpu = sum(each.pictures for each in spent), sum(each.cpu_s for each in spent)
    took = (
        {}
        if tiny
        else {
            "models %": 100 * sum(each.models_s for each in spent) / cpu,
            "pictures/CPU s": pictures / cpu,
            "CPU ms/picture": 1000 * cpu / pictures,
            "wall s": wall,
        }
    )
    return {
        "workers": count,
        "pictures": pictures,
        **took,
        **per_picture(asked, pictures),
    }


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--service", default="product")
    parser.add_argument(
        "--requests-only",
        action="store_true",
        help="count requests to S3, with a stand-in for the models",
    )
    options = parser.parse_args()
    import boto3

    from chalicelib.service import Service
    from tests.imports.catalogue import catalogue
    from tests.imports.shop import add

    service = Service.named(options.service)
    ours, theirs = _spawn.Pipe()
    server = _spawn.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    os.environ["AWS_ENDPOINT_URL"] = ours.recv()
    s3, sqs = boto3.client("s3"), boto3.client("sqs")
    for bucket in ("state", "catalogue"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    pictures = catalogue(options.pictures, min_side=service.min_side)
    for name, data in pictures.items():
        s3.put_object(Bucket="catalogue", Key=f"shop/{name}", Body=data)
    lines = [json.dumps(add(f"p{at % 97}", name)) for at, name in enumerate(pictures)]
    s3.put_object(Bucket="catalogue", Key="shop/increment.meta", Body="\n".join(lines).encode())
    size = sum(map(len, pictures.values())) / len(pictures) / 1024
    print(
        f"{len(pictures)} pictures of {size:.0f} KiB on average, {service.name.lower()}; "
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, onnxruntime {version('onnxruntime')}, "
        f"moto {version('moto')}"
    )
    for count in options.workers:
        queue = sqs.create_queue(
            QueueName=f"imports-{count}", Attributes={"VisibilityTimeout": "900"}
        )["QueueUrl"]
        row = run(count, f"run{count}", queue, ours, service, tiny=options.requests_only)
        if count == options.workers[0]:
            print(" | ".join(row))
        print(
            " | ".join(
                f"{value:.3f}" if isinstance(value, float) else str(value) for value in row.values()
            ),
            flush=True,
        )
    ours.send("end")
    server.join()


if __name__ == "__main__":
    main()
