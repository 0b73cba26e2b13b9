"""AWS played by moto, with real identities and IAM enforcement."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from chalicelib.storage import clients

REGION = "eu-central-1"
READ = (
    "s3:GetObject",
    "s3:ListBucket",
    "s3:HeadBucket",
)  # AWS knows no s3:HeadBucket, moto wants it


@dataclass(frozen=True)
class Aws:
    """A moto server, with helpers for what the owner of an account does in its console."""

    url: str
    patch: pytest.MonkeyPatch

    def client(self, service: str, **more: Any) -> Any:
        """As root."""
        root = {
            "region_name": REGION,
            "aws_access_key_id": "root",
            "aws_secret_access_key": "root",
            "endpoint_url": self.url,
        }
        return boto3.client(service, **root | more)

    def bucket(
        self, name: str, objects: Mapping[str, bytes] | None = None, *, region: str = REGION
    ) -> None:
        """Makes a bucket in `region` that holds `objects`."""
        client = self.client("s3", region_name=region)
        where = (
            {}
            if region == "us-east-1"
            else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        )
        client.create_bucket(Bucket=name, **where)
        for key, data in (objects or {}).items():
            client.put_object(Bucket=name, Key=key, Body=data)

    def become(self, user: str, *actions: str, resource: str = "*") -> None:
        """From now on this process is `user`, who may do `actions` and nothing else; enforcement is
        on.
        """
        iam = self.client("iam")
        iam.create_user(UserName=user)
        if actions:
            iam.put_user_policy(
                UserName=user, PolicyName="all", PolicyDocument=policy(*actions, resource=resource)
            )
        key = iam.create_access_key(UserName=user)["AccessKey"]
        self.patch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        self.patch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        self.enforce(after="0")

    def role(self, name: str, *actions: str, external_id: str) -> str:
        """A role that whoever knows `external_id` may assume; its ARN."""
        iam = self.client("iam")
        condition = {"StringEquals": {"sts:ExternalId": external_id}}
        trust = {
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": "sts:AssumeRole",
            "Condition": condition,
        }
        made = iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=policy(*actions))
        return str(made["Role"]["Arn"])

    def enforce(self, *, after: str) -> None:
        """IAM holds after so many more requests; `inf`: never."""
        _moto(self.url, "reset-auth", after)


def _moto(url: str, action: str, body: str = "") -> None:
    with contextlib.closing(http.client.HTTPConnection(url.removeprefix("http://"))) as connection:
        connection.request("POST", f"/moto-api/{action}", body, {"Content-Type": "text/plain"})
        assert connection.getresponse().status == 200


def policy(*actions: str, resource: str = "*") -> str:
    """A policy document that allows `actions`."""
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": resource}],
        }
    )


@contextlib.contextmanager
def aws(url: str) -> Iterator[Aws]:
    """A fresh AWS at the moto server `url`, of which this process is the owner."""
    with pytest.MonkeyPatch.context() as patch:
        _moto(url, "reset")
        patch.setenv("AWS_ACCESS_KEY_ID", "root")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "root")
        patch.setenv("AWS_ENDPOINT_URL", url)
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        patch.delenv("AWS_PROFILE", raising=False)
        patch.setattr(clients, "_sessions", [])
        found = Aws(url, patch)
        try:
            yield found
        finally:
            found.enforce(after="inf")
