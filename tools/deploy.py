"""Uploads the package and makes or updates the stack, by the aws command and the caller's own
credentials.

    python -m tools.deploy --folder build/package-py3.12-x86_64 --stack lookalike --region
    eu-central-1 --bucket my-artefacts [NAME=VALUE …]

NAME=VALUE are parameters of infra/template.yaml.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path


def commands(
    folder: Path, *, stack: str, region: str, bucket: str, parameters: Sequence[str]
) -> list[list[str]]:
    """What is run, in order."""
    aws = ["aws", "--region", region, "cloudformation"]
    ready = str(folder / "uploaded.json")
    source = [
        "--template-file",
        str(folder / "template.json"),
        "--s3-bucket",
        bucket,
        "--s3-prefix",
        stack,
    ]
    upload = [*aws, "package", *source, "--use-json", "--output-template-file", ready]
    target = [
        "--stack-name",
        stack,
        "--capabilities",
        "CAPABILITY_IAM",
        "--no-fail-on-empty-changeset",
    ]
    # The template is over the 51,200 bytes that may be sent inline, so it goes through the bucket
    # as well.
    target += ["--s3-bucket", bucket, "--s3-prefix", stack]
    if parameters:
        target += ["--parameter-overrides", *parameters]
    return [upload, [*aws, "deploy", "--template-file", ready, *target]]


def owned(region: str, bucket: str) -> None:
    """Raises SystemExit unless `bucket` is there and of the caller's own account: the code that it
    holds is run with the rights of the deployment.
    """
    account = _told(region, "sts", "get-caller-identity", "--query", "Account", "--output", "text")
    owner = ["--bucket", bucket, "--expected-bucket-owner", account]
    command = ["aws", "--region", region, "s3api", "head-bucket", *owner]
    if subprocess.run(command, check=False, capture_output=True).returncode:  # noqa: S603  # fixed
        raise SystemExit(
            f"the bucket {bucket} is not there, or not of account {account}; make one of a name "
            f"that nobody else has: aws s3 mb s3://lookalike-packages-{account}-{region}"
        )


def publication(folder: Path, stack: str, region: str, given: Sequence[str]) -> list[str]:
    """`Publish=…` where the template has that parameter: another value for other code or other
    values of any parameter, those that were given before included.
    """
    template = json.loads((folder / "template.json").read_text())
    if "Publish" not in template.get("Parameters", {}):
        return []
    values = {
        row["ParameterKey"]: row["ParameterValue"] for row in _stack(stack, region)["Parameters"]
    } | dict(text.partition("=")[::2] for text in given)
    values.pop("Publish", None)
    digest = hashlib.sha256((folder / "deployment.zip").read_bytes())
    digest.update(json.dumps([template, values], sort_keys=True).encode())
    return [f"Publish={digest.hexdigest()[:10]}"]


def outputs(stack: str, region: str) -> dict[str, str]:
    """The stack's outputs by name."""
    return {row["OutputKey"]: row["OutputValue"] for row in _stack(stack, region)["Outputs"]}


def _stack(stack: str, region: str) -> dict[str, list[dict[str, str]]]:
    """Outputs and parameters of the stack; none where there is no stack yet."""
    found = _told(
        region, "cloudformation", "describe-stacks", "--stack-name", stack, "--output", "json"
    )
    none: dict[str, list[dict[str, str]]] = {"Outputs": [], "Parameters": []}
    return none | dict(json.loads(found)["Stacks"][0]) if found else none


def _told(region: str, *words: str) -> str:
    """What the aws command answers; nothing where it fails."""
    command = ["aws", "--region", region, *words]
    run = subprocess.run(  # noqa: S603  # fixed words
        command, check=False, capture_output=True, text=True
    )
    return "" if run.returncode else run.stdout.strip()


def next_steps(values: dict[str, str], region: str) -> str:
    """What to tell whoever has deployed."""
    endpoint = values.get("Endpoint") or values.get("FunctionUrl", "").removeprefix(
        "https://"
    ).rstrip("/")
    lines = [
        f"Endpoint for clients:  {endpoint or 'none: give DomainName or FunctionUrl=true'}",
        "",
        "To use the lookalike command on this deployment:",
        f"  export AWS_REGION={region} AWS_DEFAULT_REGION={region}",
        f"  export LOOKALIKE_STORE=s3://{values['StoreBucket']}",
        f"  export LOOKALIKE_SECRETS=secretsmanager:{values['KeysSecret']}",
        "  .venv/bin/lookalike doctor",
        "  .venv/bin/lookalike collections create shop --type product",
        "  .venv/bin/lookalike keys create",
    ]
    if "DomainTarget" in values:
        lines.insert(1, f"Point a CNAME of it at  {values['DomainTarget']}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Deploy the package with the aws command.")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--stack", default="lookalike")
    parser.add_argument("--region", required=True)
    parser.add_argument(
        "--bucket", required=True, help="a bucket of yours in that region for the upload"
    )
    parser.add_argument("parameters", nargs="*")
    given = parser.parse_args(arguments)
    if not (given.folder / "template.json").exists():
        raise SystemExit("there is no package yet; run: make package")
    if shutil.which("aws") is None:
        raise SystemExit(
            "the aws command was not found; install it: "
            "https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html"
        )
    owned(given.region, given.bucket)
    published = publication(given.folder, given.stack, given.region, given.parameters)
    for command in commands(
        given.folder,
        stack=given.stack,
        region=given.region,
        bucket=given.bucket,
        parameters=[*given.parameters, *published],
    ):
        if subprocess.run(command, check=False).returncode:  # noqa: S603  # built above
            raise SystemExit(
                f"{' '.join(command[:5])} failed; its message is above."
                " docs/OPERATIONS.md, when a deployment fails"
            )
    print(next_steps(outputs(given.stack, given.region), given.region))


if __name__ == "__main__":
    main()
