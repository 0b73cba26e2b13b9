"""CPU time from the start of a process to its first answer, from the packaged zip, against S3 and
Secrets Manager on moto.

    make package && python -m benchmarks.cold_start [--rows 10000] [--runs 7]

Each run is a fresh interpreter that sees the unpacked package and nothing else, as on Lambda.
Prints one table: CPU milliseconds of all threads (median, least), and of the same request once the
process is warm (median); of the process alone, moto runs in another.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode

import numpy as np

from chalicelib.attributes import Attributes
from chalicelib.config import Settings
from chalicelib.index.format.records import Key, Put, Record, quantise
from chalicelib.region import Region
from chalicelib.service import Service
from chalicelib.usecases.deployment import Deployment
from chalicelib.usecases.keys import NewKey, create_key
from chalicelib.usecases.maintain import compact
from chalicelib.wiring import build_deployment
from tests.gateway.client import acs3, picture
from tests.infra.events import gateway_event
from tests.moto_server import locked_moto

ROOT = Path(__file__).resolve().parents[1]
SEED = 7
BATCH = 5_000
REPEATED = 10
"""Warm requests of each process."""

ANSWER = """
import sys, time, json
sys.path.insert(0, sys.argv[1])
import app
ready = time.process_time()
event = json.load(open(sys.argv[2]))
answer = app.app(event, None)
cpu = time.process_time()
warm = []
for _ in range(int(sys.argv[3])):
    begun = time.process_time()
    app.app(event, None)
    warm.append((time.process_time() - begun) * 1000)
warm = sorted(warm)[len(warm) // 2] if warm else 0
times = {"ready": ready * 1000, "cpu": cpu * 1000, "warm": warm}
print(json.dumps({**times, "status": answer["statusCode"], "body": answer["body"][:300]}))
"""


@dataclass(frozen=True)
class Measured:
    """Of one fresh process."""

    ready_ms: float
    """CPU until app.py is imported."""
    cpu_ms: float
    warm_ms: float
    """Median CPU of the same request when the process answers it again."""


def serve_moto() -> None:
    """The other process: prints the URL, then serves until its input ends."""
    with locked_moto() as url:
        print(url, flush=True)
        sys.stdin.read()


@contextlib.contextmanager
def moto() -> Iterator[str]:
    """A moto server in a process of its own, so that its CPU is not counted."""
    command = [sys.executable, "-m", "benchmarks.cold_start", "--serve-moto"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


def fill(deployment: Deployment, rows: int) -> NewKey:
    """A compacted collection of `rows` random records of the shipped models, and a key."""
    analyzer = deployment.analyzer()
    collection = deployment.catalog.create(
        "shop",
        Service.GENERIC,
        fingerprint=analyzer.fingerprint,
        dimension=analyzer.dimension,
        bits=analyzer.bits,
    )
    rng = np.random.default_rng(SEED)
    for first in range(0, rows, BATCH):
        features = rng.normal(size=(min(BATCH, rows - first), analyzer.dimension)).astype(
            np.float32
        )
        features /= np.linalg.norm(features, axis=1, keepdims=True)
        bits = rng.integers(0, 256, (len(features), analyzer.bits // 8), dtype=np.uint8)
        collection.append(
            [
                Put(
                    Record(
                        Key(f"p{first + at}", "1.jpg"),
                        88888888,
                        Region(0, 9, 0, 9),
                        Attributes(int_attr=at),
                        quantise(feature, bits[at]),
                    )
                )
                for at, feature in enumerate(features)
            ]
        )
    compact(deployment, "shop")
    return create_key(deployment)


def run(
    python: Path, task: Path, environment: Mapping[str, str], event: dict[str, Any], folder: Path
) -> Measured:
    """One fresh process. Raises RuntimeError when it does not answer 200."""
    file = folder / "event.json"
    file.write_text(json.dumps(event))
    command = [str(python), "-I", "-S", "-B", "-c", ANSWER, str(task), str(file), str(REPEATED)]
    finished = subprocess.run(
        command, env=dict(environment), cwd=task, capture_output=True, text=True, check=False
    )
    if finished.returncode:
        raise RuntimeError(finished.stderr[-2000:])
    found = json.loads(finished.stdout.splitlines()[-1])
    if found["status"] != 200:
        raise RuntimeError(f"{found['status']} {found['body']}\n{finished.stderr[-2000:]}")
    return Measured(found["ready"], found["cpu"], found["warm"])


def actions() -> list[tuple[str, dict[str, str]]]:
    """What is asked first of a cold process."""
    content = base64.b64encode(picture(5, (640, 480), format="JPEG")).decode()
    return [
        ("Detail", {}),
        ("CheckImageExists", {"ProductId": "p1", "PicName": "1.jpg"}),
        ("DeleteImage", {"ProductId": "nobody", "PicName": "1.jpg"}),
        ("SearchImageByName", {"ProductId": "p1", "PicName": "1.jpg"}),
        ("SearchImageByPic", {"PicContent": content}),
        ("AddImage", {"ProductId": "new", "PicName": "1.jpg", "PicContent": content}),
    ]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--package", type=Path, default=ROOT / "build/package-py3.12-x86_64")
    parser.add_argument("--serve-moto", action="store_true")
    given = parser.parse_args()
    if given.serve_moto:
        serve_moto()
        return
    python = (
        ROOT / "build" / f"venv-py{given.package.name.split('-py')[1].split('-')[0]}" / "bin/python"
    ).resolve()
    with moto() as url, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with zipfile.ZipFile(given.package / "deployment.zip") as archive:
            archive.extractall(folder / "task")
        aws = {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "y",
            "AWS_REGION": "eu-central-1",
        }
        environment = aws | {
            "LOOKALIKE_STORE": "s3://store",
            "LOOKALIKE_SECRETS": "secretsmanager:keys",
            "OPENBLAS_NUM_THREADS": "1",
        }
        os.environ |= aws
        prepare(url)
        deployment = build_deployment(Settings.read(environment))
        key = fill(deployment, given.rows)
        print(
            f"{platform.machine()}, {os.cpu_count()} CPUs, {given.package.name}, "
            f"{given.rows} rows, {given.runs} runs, seed {SEED}"
        )
        print(f"{'first action':<20}{'imported':>10}{'CPU ms':>10}{'least':>10}{'warm':>10}")
        for action, fields in actions():
            made = []
            for _ in range(given.runs + 1):
                body = urlencode({"InstanceName": "shop", **fields}).encode()
                signed = acs3(key, action, "2020-12-14", now=time.time(), body=body)
                made.append(
                    run(python, folder / "task", environment, gateway_event(signed, body), folder)
                )
            made = made[1:]  # the first fills the file cache
            cpu = [one.cpu_ms for one in made]
            ready, warm = median(one.ready_ms for one in made), median(one.warm_ms for one in made)
            print(
                f"{action:<20}{ready:>10.0f}{median(cpu):>10.0f}{min(cpu):>10.0f}{warm:>10.1f}",
                flush=True,
            )


def prepare(url: str) -> None:
    """Bucket and secret."""
    import boto3

    where = {"region_name": "eu-central-1", "endpoint_url": url}
    boto3.client("s3", **where).create_bucket(
        Bucket="store", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    boto3.client("secretsmanager", **where).create_secret(Name="keys", SecretString="{}")


if __name__ == "__main__":
    main()
