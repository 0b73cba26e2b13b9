"""Follows docs/OPERATIONS.md: its `sh` blocks are run as they stand, by bash, against AWS as moto
plays it.

What moto cannot play is made here instead: it stops at Serverless templates, so this stack has the
template's own buckets and queues, a secret made beside it, and functions that are only names.
test_artefact.py runs the functions themselves.
"""

from __future__ import annotations

import base64
import io
import json
import os
import re
import shutil
import subprocess
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.gateway.client import picture
from tests.imports.aws import REGION, aws
from tests.infra.built import template
from tests.moto_server import locked_moto

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(shutil.which("aws") is None, reason="needs the aws command"),
]

ROOT = Path(__file__).parents[2]
PLAYED = ("Store", "Transit", "ImportQueue", "DeadLetters")
OUTPUTS = ("StoreBucket", "TransitBucket", "ImportQueueUrl")
FUNCTIONS = (
    "api",
    "search",
    "compact",
    "collect",
    "import-event",
    "import-slice",
    "recover-imports",
)


def blocks(chapter: str) -> list[str]:
    """The `sh` blocks of a chapter."""
    text = (ROOT / "docs/OPERATIONS.md").read_text().split(f"\n## {chapter}\n")[1].split("\n## ")[0]
    found = re.findall(r"^( *)```sh\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


@dataclass
class Shell:
    """A reader at a terminal: what was exported stays exported."""

    environment: dict[str, str]

    def run(self, commands: str, *, rc: int = 0) -> str:
        """What the commands print. Fails the test unless they end with `rc`."""
        script = f"set -e\ncd {ROOT}\n{commands}\necho; echo ==; env -0 | base64 -w0\n"
        done = subprocess.run(
            ["bash", "-c", script],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == rc, f"{commands}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        said, _, kept = done.stdout.partition("\n==\n")
        if kept:
            pairs = (
                pair.partition("=") for pair in base64.b64decode(kept).decode().split("\0") if pair
            )
            self.environment = {name: value for name, _, value in pairs}
        return said


def stack(secret: str) -> dict[str, Any]:
    """The part of the deployment's template that moto can make; it cannot make a secret, so that
    one is there already.
    """
    whole = template()
    kept = {name: whole["Resources"][name] for name in PLAYED}
    return {
        "Resources": kept,
        "Outputs": {name: whole["Outputs"][name] for name in OUTPUTS}
        | {"KeysSecret": {"Value": secret}},
    }


@pytest.fixture(scope="module")
def shell() -> Iterator[Shell]:
    with locked_moto() as url, aws(url) as cloud:
        role = cloud.role("any", "s3:GetObject", external_id="x")
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("app.py", "")
        for name in FUNCTIONS:
            cloud.client("lambda").create_function(
                FunctionName=f"lookalike-{name}",
                Runtime="python3.12",
                Role=role,
                Handler="app.app",
                Code={"ZipFile": package.getvalue()},
            )
        empty = template()["Resources"]["AccessKeys"]["Properties"]["SecretString"]
        secret = cloud.client("secretsmanager").create_secret(Name="keys", SecretString=empty)
        patient = Config(
            read_timeout=280, retries={"total_max_attempts": 1}
        )  # asked again, moto would say that the stack is there
        formation = boto3.client(
            "cloudformation", region_name=REGION, endpoint_url=url, config=patient
        )
        formation.create_stack(StackName="lookalike", TemplateBody=json.dumps(stack(secret["ARN"])))
        for bucket in cloud.client("s3").list_buckets()[
            "Buckets"
        ]:  # moto overlooks that the template asks for it
            if "store" in bucket["Name"]:
                cloud.client("s3").put_bucket_versioning(
                    Bucket=bucket["Name"], VersioningConfiguration={"Status": "Enabled"}
                )
        keys = {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "root",
            "AWS_SECRET_ACCESS_KEY": "root",
            "NO_COLOR": "1",
            "COLUMNS": "200",
        }
        names = ("PATH", "HOME", "LANG", "PYENV_ROOT", "PYENV_VERSION")
        yield Shell({name: os.environ[name] for name in names if name in os.environ} | keys)


@pytest.fixture(scope="module")
def deployed(shell: Shell) -> Shell:
    """After the chapter on deploying."""
    region, package, deploy, exports, first = blocks("Deploy")
    shell.run(region)
    assert "make package" in package, "test_artefact.py makes it"
    shell.run(deploy.replace("make deploy", "make --dry-run deploy"))
    shell.run(exports)
    said = shell.run(first)
    assert "broken" not in said
    assert "honours conditional writes" in said
    return shell


def test_the_first_deployment_ends_with_a_service_that_answers(deployed: Shell) -> None:
    assert shown(deployed, "collections list")[0]["name"] == "shop"
    said = deployed.run("printf '%s' \"$LOOKALIKE_STORE $LOOKALIKE_SECRETS\"")
    assert re.search(r"s3://\S+ secretsmanager:arn:aws:secretsmanager:", said)
    add(deployed, 1)
    found = deployed.run(f".venv/bin/lookalike search {saved(1)} -c shop")
    assert "p1" in found
    assert "broken" not in deployed.run(".venv/bin/lookalike doctor")


def test_a_collection_is_restored_by_the_chapter_on_restoring(deployed: Shell) -> None:
    for at in range(2, 4):
        add(deployed, at)
    before = shown(deployed, "collections show shop")
    moment = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    time.sleep((moment - datetime.now(UTC)).total_seconds() + 1.05)
    deployed.run(".venv/bin/lookalike collections drop shop --yes")
    stop, undo, start = (
        block.replace("2026-11-25T12:00:00Z", moment.isoformat()) for block in blocks("Restore")
    )
    deployed.run(stop)
    assert reserved(deployed) == dict.fromkeys(FUNCTIONS, 0)
    assert "Nothing was changed" in deployed.run(undo)
    deployed.run(start)
    assert reserved(deployed) == dict.fromkeys(FUNCTIONS)
    assert shown(deployed, "collections show shop")["records"] == before["records"]


def test_a_backup_is_a_store_of_its_own(deployed: Shell, tmp_path: Path) -> None:
    add(deployed, 5)
    (block,) = blocks("Back up")
    deployed.run(block.replace("backup/monday", str(tmp_path / "monday")))
    count = shown(deployed, "collections show shop")["records"]
    copied = Shell(
        deployed.environment
        | {
            "LOOKALIKE_STORE": str(tmp_path / "monday"),
            "LOOKALIKE_SECRETS": str(tmp_path / "keys.json"),
        }
    )
    assert shown(copied, "collections show shop")["records"] == count


def test_a_key_is_rotated_by_the_chapter_on_keys(deployed: Shell) -> None:
    (key,) = shown(deployed, "keys list")
    (block,) = blocks("Rotate keys")
    said = deployed.run(block.replace("KEY_ID", key["access_key_id"]))
    assert key["access_key_id"] in said
    assert not shown(deployed, "keys list")[0]["rotating"]


def test_the_package_is_uploaded_as_far_as_moto_goes(deployed: Shell, tmp_path: Path) -> None:
    from tools.deploy import commands

    (tmp_path / "deployment.zip").write_bytes(b"PK\5\6" + bytes(18))
    (tmp_path / "template.json").write_text(json.dumps(template()))
    upload, _ = commands(
        tmp_path, stack="lookalike", region=REGION, bucket="$PACKAGES", parameters=[]
    )
    deployed.run(" ".join(upload))
    uploaded = json.loads((tmp_path / "uploaded.json").read_text())
    place = uploaded["Resources"]["APIHandler"]["Properties"]["CodeUri"]
    assert re.match(rf"s3://lookalike-packages-\d{{12}}-{REGION}/lookalike/", place)


def client(shell: Shell, service: str) -> Any:
    url = shell.environment["AWS_ENDPOINT_URL"]
    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=url,
        aws_access_key_id="root",
        aws_secret_access_key="root",
    )


def reserved(shell: Shell) -> dict[str, int | None]:
    function = client(shell, "lambda")
    return {
        name: function.get_function_concurrency(FunctionName=f"lookalike-{name}").get(
            "ReservedConcurrentExecutions"
        )
        for name in FUNCTIONS
    }


def shown(shell: Shell, command: str) -> Any:
    return json.loads(shell.run(f".venv/bin/lookalike {command} --json"))


def saved(seed: int) -> Path:
    path = ROOT / "build" / f"operations-{seed}.png"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(picture(seed, (300, 220)))
    return path


def add(shell: Shell, seed: int) -> None:
    shell.run(f".venv/bin/lookalike add {saved(seed)} -c shop --product p{seed}")
