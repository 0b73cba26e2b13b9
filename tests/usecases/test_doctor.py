from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib.config import Settings
from chalicelib.errors import CorruptObject, Forbidden, StoreUnavailable
from chalicelib.storage import clients
from chalicelib.storage.account import AwsAccount
from chalicelib.storage.memory import MemoryStore
from chalicelib.storage.object_store import Stat
from chalicelib.usecases import doctor
from chalicelib.usecases.deployment import Deployment
from chalicelib.usecases.doctor import Check, checks
from chalicelib.usecases.keys import revoke_key
from chalicelib.vision.analysis import PictureAnalyzer
from tests.doubles import TinyAnalyzer
from tests.gateway.client import Client, picture
from tests.imports.aws import REGION, aws
from tests.moto_server import locked_moto
from tests.test_docs import check as check_command


def found(
    deployment: Deployment, *, collection: str | None = None, **more: Any
) -> dict[str, Check]:
    """By name. What is not right must name the next step; a command that it names must be one."""
    made = {check.name: check for check in checks(deployment, collection, **more)}
    for check in made.values():
        for command in re.findall(r"lookalike ([a-z][^,;.]*)", check.message):
            check_command(command.split(), check.message)
        assert "Traceback" not in check.message
    return made


def bad(made: dict[str, Check]) -> dict[str, str]:
    return {name: check.state for name, check in made.items() if check.state != "ok"}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder that default settings name is there, as it is once a store was opened."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / Settings().store).mkdir(parents=True)


@pytest.fixture
def on_s3(client: Client) -> Deployment:
    """A deployment that says it is on AWS; its store is in memory."""
    return replace(
        client.deployment,
        settings=Settings(region=REGION, store="s3://shop-store", queue="https://queue"),
    )


class Account:
    """AWS as told."""

    def __init__(
        self,
        *,
        region: str = REGION,
        queue: Exception | None = None,
        credentials: Exception | None = None,
    ) -> None:
        self._region, self._queue, self._credentials = region, queue, credentials

    def caller(self) -> str:
        if self._credentials:
            raise self._credentials
        return "arn:aws:iam::123456789012:user/owner"

    def bucket_region(self, bucket: str) -> str:
        assert bucket == "shop-store"
        return self._region

    def queue_length(self, url: str) -> int:
        assert url == "https://queue"
        if self._queue:
            raise self._queue
        return 3


def test_a_healthy_deployment_has_nothing_to_look_at(on_s3: Deployment, client: Client) -> None:
    client.add("generic", "p", "a.png", picture(1))
    made = found(on_s3, account=Account())
    assert bad(made) == {}
    assert {
        "credentials",
        "region",
        "queue",
        "store",
        "clock",
        "conditions",
        "keys",
        "models",
        "collection generic",
    } <= made.keys()
    assert "rows: 1," in made["collection generic"].message


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Forbidden("no credentials were found"), "aws configure"),
        (StoreUnavailable("sts cannot be reached"), "Check the network"),
    ],
)
def test_without_credentials_the_rest_is_still_looked_at(
    on_s3: Deployment, error: Exception, words: str
) -> None:
    made = found(on_s3, account=Account(credentials=error))
    assert bad(made) == {"credentials": "fail"}
    assert words in made["credentials"].message


@pytest.mark.parametrize(
    ("region", "state", "words"),
    [("us-east-1", "fail", "set AWS_REGION=us-east-1"), ("", "warn", "must be in")],
)
def test_a_bucket_elsewhere_is_named_with_both_regions(
    on_s3: Deployment, region: str, state: str, words: str
) -> None:
    made = found(on_s3, account=Account(region=region))
    assert bad(made) == {"region": state}
    assert words in made["region"].message


def test_a_queue_that_is_not_ours(on_s3: Deployment) -> None:
    made = found(on_s3, account=Account(queue=StoreUnavailable("there is no such queue")))
    assert bad(made) == {"queue": "fail"}
    assert "ImportQueueUrl" in made["queue"].message


def test_a_store_that_may_not_be_written_says_which_step_failed(client: Client) -> None:
    class ReadOnly(MemoryStore):
        def replace(self, key: str, data: bytes, *, version: str) -> str:
            raise StoreUnavailable("access denied")

    made = found(replace(client.deployment, store=ReadOnly()))
    assert bad(made) == {"store": "fail"}
    assert made["store"].message.startswith("cannot replace an object in")
    assert not [name for name in made if name.startswith("collection")], (
        "nothing is said of what cannot be reached"
    )


def test_a_store_that_ignores_conditions(client: Client) -> None:
    class Careless(MemoryStore):
        def replace(self, key: str, data: bytes, *, version: str) -> str:
            return super().replace(key, data, version=self.get(key).version)

    made = found(replace(client.deployment, store=Careless()))
    assert made["conditions"].state == "fail"
    assert "would lose records" in made["conditions"].message


@pytest.mark.parametrize(("skew", "words"), [(600.0, "600 s behind"), (-600.0, "600 s ahead of")])
def test_a_clock_that_is_wrong(client: Client, skew: float, words: str) -> None:
    class Elsewhen(MemoryStore):
        def list(self, prefix: str, *, after: str = "", limit: int | None = None) -> Iterator[Stat]:
            for stat in super().list(prefix, after=after, limit=limit):
                yield replace(stat, modified=client.clock.now + skew)

    made = found(replace(client.deployment, store=Elsewhen()))
    assert bad(made) == {"clock": "fail"}
    assert words in made["clock"].message


def test_without_a_key_nobody_can_call(client: Client) -> None:
    revoke_key(client.deployment, client.key.key_id)
    assert bad(found(client.deployment)) == {"keys": "warn"}


def test_keys_that_cannot_be_read(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(_deployment: Deployment) -> list[Any]:
        raise StoreUnavailable("the secret cannot be read")

    monkeypatch.setattr(doctor, "list_keys", closed)
    made = found(client.deployment)
    assert bad(made) == {"keys": "fail"}
    assert made["keys"].message == "the secret cannot be read"
    on_aws = replace(client.deployment.settings, secrets="secretsmanager:keys")
    assert "KeysSecret" in found(replace(client.deployment, settings=on_aws))["keys"].message


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            CorruptObject(
                "models/lite0.onnx", "its sha256 is not the one in cards.json; restore it"
            ),
            "lite0.onnx: its sha256 .* restore it$",
        ),
        (
            FileNotFoundError(2, "No such file or directory", "/somewhere/models/heads.npz"),
            r"models/heads.npz: No such .* \(git checkout models",
        ),
        (ValueError("cards.json is not JSON"), "not JSON. Restore the files under models/"),
    ],
)
def test_models_that_are_damaged(client: Client, error: Exception, words: str) -> None:
    def broken() -> PictureAnalyzer:
        raise error

    made = found(replace(client.deployment, analyzer=broken))
    assert bad(made) == {"models": "fail"}
    assert re.search(words, made["models"].message)


def test_a_package_that_lambda_would_not_take(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zipped = tmp_path / "deployment.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("app.py", "x" * 1000)
    assert bad(found(client.deployment, package=zipped)) == {}
    monkeypatch.setattr(doctor, "_MAX_PACKAGE", 999)
    made = found(client.deployment, package=zipped)
    assert bad(made) == {"package": "fail"}
    assert "make size" in made["package"].message


def damage(client: Client, key: Callable[[str], bool]) -> None:
    store = client.deployment.store
    (name,) = [stat.key for stat in store.list("collections/generic/") if key(stat.key)]
    store.replace(name, b"{}", version=store.get(name).version)


def test_a_damaged_collection_is_told_from_the_healthy_ones(client: Client) -> None:
    client.add("generic", "p", "a.png", picture(1))
    damage(client, lambda key: "/log/" in key)
    fresh = replace(
        client.deployment,
        catalog=type(client.deployment.catalog)(
            client.deployment.store, clock=client.clock, new_id=client.deployment.new_id
        ),
    )
    made = found(fresh)
    assert bad(made) == {"collection generic": "fail"}
    assert "lookalike scrub generic" in made["collection generic"].message


def test_a_collection_of_other_models_must_be_rebuilt(client: Client) -> None:
    class Newer(TinyAnalyzer):
        fingerprint = "another"

    made = found(replace(client.deployment, analyzer=Newer), collection="generic")
    assert bad(made) == {"collection generic": "fail"}
    assert "lookalike rebuild" in made["collection generic"].message


def test_a_log_that_compaction_does_not_keep_up_with(client: Client) -> None:
    deployment = replace(
        client.deployment, settings=replace(client.deployment.settings, compact_log_objects=1)
    )
    for at in range(5):
        client.add("generic", f"p{at}", "a.png", picture(at))
    made = found(deployment, collection="generic")
    assert bad(made) == {"collection generic": "warn"}
    assert "lookalike compact generic" in made["collection generic"].message


def test_a_collection_that_is_not_there(client: Client) -> None:
    made = found(client.deployment, collection="nobody")
    assert bad(made) == {"collection nobody": "fail"}
    assert "collections list" in made["collection nobody"].message


def test_aws_itself_is_asked() -> None:
    with locked_moto() as url, aws(url) as cloud:
        cloud.bucket("shop-store")
        queue = cloud.client("sqs").create_queue(QueueName="imports")["QueueUrl"]
        cloud.become("owner", "s3:ListBucket", "s3:HeadBucket", "sqs:GetQueueAttributes")
        account = AwsAccount(REGION)
        assert account.caller().endswith("user/owner")
        assert account.bucket_region("shop-store") == REGION
        assert account.queue_length(queue) == 0
        cloud.enforce(after="inf")
        cloud.become("stranger")
        cloud.patch.setattr(clients, "_sessions", [])
        with pytest.raises(Forbidden, match="s3 refuses head_bucket"):
            AwsAccount(REGION).bucket_region("shop-store")
