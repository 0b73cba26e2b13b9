"""One behaviour, three homes: memory, an owner-only file, AWS Secrets Manager (moto)."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest

from chalicelib.errors import StorageError, StoreUnavailable, VersionConflict
from chalicelib.storage.secrets import (
    FileSecrets,
    MemorySecrets,
    SecretsManagerSecrets,
    SecretStore,
)
from tests.moto_server import locked_moto

Clock = Callable[[], float]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with locked_moto() as url:
        yield url


def manager(endpoint: str, name: str, clock: Clock = lambda: 0.0) -> SecretsManagerSecrets:
    client = boto3.client(
        "secretsmanager",
        region_name="eu-central-1",
        endpoint_url=endpoint,
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    if name not in [row["Name"] for row in client.list_secrets()["SecretList"]]:
        client.create_secret(Name=name, SecretString="{}")
    return SecretsManagerSecrets(client, name, clock=clock)


@pytest.fixture(params=["memory", "file", "manager"])
def store(request: pytest.FixtureRequest, tmp_path: Path, endpoint: str) -> SecretStore:
    if request.param == "memory":
        return MemorySecrets()
    if request.param == "file":
        return FileSecrets(tmp_path / "state" / "keys.json")
    return manager(endpoint, f"keys-{tmp_path.name}")


def test_nothing_is_there_at_first(store: SecretStore) -> None:
    assert store.read().text == ""


def test_what_was_written_is_read_and_has_another_version(store: SecretStore) -> None:
    first = store.read()
    store.replace('{"one": "schlüssel"}', version=first.version)
    second = store.read()
    assert second.text == '{"one": "schlüssel"}'
    store.replace("two", version=second.version)
    assert store.read().text == "two"
    assert len({first.version, second.version, store.read().version}) == 3


def test_a_stale_write_changes_nothing(store: SecretStore) -> None:
    first = store.read()
    store.replace("one", version=first.version)
    with pytest.raises(VersionConflict):
        store.replace("two", version=first.version)
    assert store.read().text == "one"


def test_of_many_writers_at_once_one_wins_each_version(store: SecretStore) -> None:
    wins: list[str] = []

    def write(number: int) -> None:
        version = store.read().version
        barrier.wait()
        try:
            store.replace(f"writer {number}", version=version)
        except (VersionConflict, StoreUnavailable):
            return
        wins.append(f"writer {number}")

    barrier = threading.Barrier(6)
    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wins == [store.read().text]


def test_no_representation_shows_the_text(store: SecretStore) -> None:
    store.replace("hush", version=store.read().version)
    assert "hush" not in repr(store.read()) + repr(store)


def test_the_file_is_its_owners_alone_from_the_first_byte(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    umask = os.umask(0)
    try:
        FileSecrets(path).replace("hush", version="")
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_others_may_open_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    FileSecrets(path).replace("hush", version="")
    path.chmod(0o640)
    with pytest.raises(StorageError, match="chmod 600"):
        FileSecrets(path).read()


def test_processes_do_not_lose_each_others_changes(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    code = (
        "import sys; from pathlib import Path\n"
        "from chalicelib.errors import VersionConflict; from chalicelib.storage.secrets import "
        "FileSecrets\n"
        "store = FileSecrets(Path(sys.argv[1])); done = 0\n"
        "while done < 20:\n"
        "    secret = store.read()\n"
        "    try: store.replace(str(int(secret.text or 0) + 1), version=secret.version); done += "
        "1\n"
        "    except VersionConflict: pass\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, str(path)]) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert FileSecrets(path).read().text == "60"


def test_the_manager_is_asked_again_only_when_what_is_remembered_is_too_old(
    endpoint: str, tmp_path: Path
) -> None:
    now = [0.0]
    name = f"aged-{tmp_path.name}"
    reader, writer = manager(endpoint, name, lambda: now[0]), manager(endpoint, name)
    reader.read()
    writer.replace("new", version=writer.read().version)
    now[0] = 59.0
    assert reader.read(max_age_s=60).text == ""
    assert reader.read(max_age_s=30).text == "new"


def test_a_secret_that_is_not_there_is_no_empty_one(endpoint: str) -> None:
    client = boto3.client(
        "secretsmanager",
        region_name="eu-central-1",
        endpoint_url=endpoint,
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    with pytest.raises(StorageError, match="there is no secret nowhere"):
        SecretsManagerSecrets(client, "nowhere").read()


@pytest.mark.parametrize("answer", [{}, {"SecretString": "{}"}, {"VersionId": "1"}])
def test_an_answer_without_the_secret_is_no_secret(answer: dict[str, str]) -> None:
    class Client:
        class exceptions:  # noqa: N801  # botocore's name
            ResourceNotFoundException = KeyError

        def get_secret_value(self, **_: object) -> dict[str, str]:
            return answer

    with pytest.raises(StoreUnavailable, match="the answer lacks it"):
        SecretsManagerSecrets(Client(), "keys").read()
