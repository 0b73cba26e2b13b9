from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.test_docs import check as check_command
from tools import deploy
from tools.deploy import commands, next_steps
from tools.package import ROOT, Order, configured, copy_project


def test_nothing_is_shipped_but_code_models_and_configuration(tmp_path: Path) -> None:
    copy_project(tmp_path / "stage", Order())
    names = {
        path.relative_to(tmp_path / "stage").as_posix()
        for path in (tmp_path / "stage").rglob("*")
        if path.is_file()
    }
    assert {
        "app.py",
        "requirements.txt",
        ".chalice/config.json",
        "vendor/models/__init__.py",
        "chalicelib/errors.py",
    } <= names
    assert not [
        name
        for name in names
        if name.endswith(".pyc") or "/build/" in name or name.startswith("tests")
    ]


def test_a_stage_that_is_not_described_is_made_like_prod() -> None:
    config = json.loads((ROOT / ".chalice/config.json").read_text())
    made = configured(config, Order(stage="trial", arch="arm64"))
    assert made["stages"]["trial"] == made["stages"]["prod"]
    assert made["lambda_architecture"] == "arm64"


def test_every_function_names_its_own_policy_file() -> None:
    functions = json.loads((ROOT / ".chalice/config.json").read_text())["stages"]["prod"][
        "lambda_functions"
    ]
    policies = [function["iam_policy_file"] for function in functions.values()]
    assert len(set(policies)) == len(policies)
    assert {path.name for path in (ROOT / ".chalice").glob("policy-*.json")} == set(policies)


def test_the_pins_of_the_package_agree_with_the_runtime_requirements() -> None:
    def pins(name: str) -> dict[str, str]:
        lines = [line for line in (ROOT / name).read_text().splitlines() if "==" in line]
        return dict(line.split("==") for line in lines)

    assert not pins("constraints.txt").keys() & pins("requirements.txt").keys()
    assert pins("constraints.txt")["chalice"] == pins("requirements-dev.txt")["chalice"]


def test_a_deployment_uploads_then_deploys_with_the_parameters_given() -> None:
    upload, deploy = commands(
        Path("build/p"),
        stack="shop",
        region="eu-central-1",
        bucket="artefacts",
        parameters=["AlarmEmail=a@b.example"],
    )
    assert upload[:5] == ["aws", "--region", "eu-central-1", "cloudformation", "package"]
    assert "--parameter-overrides" in deploy
    assert deploy[-1] == "AlarmEmail=a@b.example"
    assert "CAPABILITY_IAM" in deploy
    assert (
        upload[upload.index("--output-template-file") + 1]
        == deploy[deploy.index("--template-file") + 1]
    )


@pytest.mark.parametrize(
    ("outputs", "endpoint"),
    [
        (
            {"FunctionUrl": "https://abc.lambda-url.eu-central-1.on.aws/"},
            "abc.lambda-url.eu-central-1.on.aws",
        ),
        (
            {
                "FunctionUrl": "https://abc/",
                "Endpoint": "img.example.com",
                "DomainTarget": "d-1.example",
            },
            "img.example.com",
        ),
    ],
)
def test_after_a_deployment_the_endpoint_is_a_bare_host(
    outputs: dict[str, str], endpoint: str
) -> None:
    said = next_steps(
        {"StoreBucket": "store", "KeysSecret": "arn:secret", **outputs}, "eu-central-1"
    )
    assert f"Endpoint for clients:  {endpoint}\n" in said
    assert "LOOKALIKE_STORE=s3://store" in said


OUTPUTS = {
    "FunctionUrl": "https://abc.lambda-url.eu-central-1.on.aws/",
    "StoreBucket": "store-1",
    "KeysSecret": "arn:secret",
}


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An `aws` command that writes down what it was asked, and fails at what `fails` names; the
    file of its orders.
    """
    said = json.dumps(
        {
            "Stacks": [
                {
                    "Outputs": [
                        {"OutputKey": name, "OutputValue": value} for name, value in OUTPUTS.items()
                    ],
                    "Parameters": [
                        {"ParameterKey": "AlarmEmail", "ParameterValue": "before@b.example"},
                        {"ParameterKey": "Publish", "ParameterValue": "0123456789"},
                    ],
                }
            ]
        }
    )
    command = tmp_path / "bin" / "aws"
    command.parent.mkdir()
    lines = [
        "#!/bin/sh",
        f'echo "$@" >> {tmp_path}/orders',
        f'[ "$4" = "$(cat {tmp_path}/fails)" ] && exit 1',
    ]
    command.write_text(
        "\n".join(
            [
                *lines,
                f"[ \"$4\" = describe-stacks ] && echo '{said}'",
                '[ "$4" = get-caller-identity ] && echo 123456789012',
                "exit 0",
                "",
            ]
        )
    )
    command.chmod(0o755)
    (tmp_path / "fails").write_text("nothing")
    (tmp_path / "template.json").write_text("{}")
    monkeypatch.setenv("PATH", f"{command.parent}:/usr/bin:/bin")
    return tmp_path / "orders"


ORDER = [
    "--stack",
    "shop",
    "--region",
    "eu-central-1",
    "--bucket",
    "packages",
    "AlarmEmail=a@b.example",
]


def test_deploying_runs_its_commands_and_says_how_to_go_on(
    aws: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy.main(["--folder", str(aws.parent), *ORDER])
    assert [line.split()[3] for line in aws.read_text().splitlines()] == [
        "get-caller-identity",
        "head-bucket",
        "package",
        "deploy",
        "describe-stacks",
    ]
    said = capsys.readouterr().out
    assert "abc.lambda-url.eu-central-1.on.aws" in said
    assert "export LOOKALIKE_SECRETS=secretsmanager:arn:secret" in said
    for command in re.findall(r"bin/lookalike (.*)", said):
        check_command(command.split(), said)


def test_code_is_uploaded_into_a_bucket_of_the_callers_own_account_only(aws: Path) -> None:
    (aws.parent / "fails").write_text("head-bucket")
    with pytest.raises(SystemExit, match=r"packages is not there, or not of account 123456789012"):
        deploy.main(["--folder", str(aws.parent), *ORDER])
    asked = aws.read_text()
    assert "--bucket packages --expected-bucket-owner 123456789012" in asked
    assert "package " not in asked.replace("--bucket packages", "")


def test_a_new_version_is_published_for_new_code_and_for_any_new_value(
    aws: Path, tmp_path: Path
) -> None:
    folder = aws.parent

    def published(*given: str) -> list[str]:
        return deploy.publication(folder, "shop", "eu-central-1", given)

    (folder / "deployment.zip").write_bytes(b"code")
    assert published("FanOutRows=5") == []  # no snapshots
    (folder / "template.json").write_text(json.dumps({"Parameters": {"Publish": {}}}))
    (first,) = published()
    assert re.fullmatch(r"Publish=[0-9a-f]{10}", first)
    assert published() == [first]
    assert published("AlarmEmail=before@b.example") == [first]  # that it has already
    assert published("FanOutRows=5") != [first]
    assert published("AlarmEmail=other@b.example") != [first]
    (folder / "deployment.zip").write_bytes(b"other code")
    assert published() != [first]


def test_a_deployment_that_fails_goes_no_further_and_names_the_manual(aws: Path) -> None:
    (aws.parent / "fails").write_text("deploy")
    with pytest.raises(SystemExit, match=r"deploy failed; .* docs/OPERATIONS\.md"):
        deploy.main(["--folder", str(aws.parent), *ORDER])
    assert "describe-stacks" not in aws.read_text()


def test_without_a_package_or_the_aws_command_the_next_step_is_named(
    aws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit, match="run: make package"):
        deploy.main(["--folder", str(aws.parent / "bin"), *ORDER])
    monkeypatch.setenv("PATH", str(aws.parent))
    with pytest.raises(SystemExit, match=r"install it: https://docs\.aws"):
        deploy.main(["--folder", str(aws.parent), *ORDER])
