"""An AWS account on moto with the deployment's buckets, queue, secret and roles, and IAM that is
enforced.

What moto cannot do is done here: it evaluates no conditions (they are taken out, and the requests
that they concern are recorded with their headers instead), knows no resource of Secrets Manager and
Lambda ("*" stands for it), and wants the actions s3:HeadBucket, sqs:SendMessageBatch and
lambda:Invoke, which on AWS are s3:ListBucket, sqs:SendMessage and lambda:InvokeFunction.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import boto3
import pytest
from moto.iam import access_control
from moto.s3.models import FakeBucket

from chalicelib.config import Settings
from chalicelib.storage import clients
from chalicelib.usecases.deployment import Deployment
from chalicelib.wiring import build_deployment
from tests.doubles import TinyAnalyzer
from tests.imports.aws import REGION, aws
from tests.infra.built import template

ACCOUNT = "123456789012"
STORE, TRANSIT, PICTURES, FOREIGN = "store", "transit", "pictures", "foreign"
ROLES = {
    "api": "APIHandler",
    "search": "SearchPart",
    "compact": "Compact",
    "collect": "Collect",
    "import-event": "ImportEvent",
    "recover-imports": "RecoverImports",
    "import-slice": "ImportSlice",
}
_BLIND = ("secretsmanager:", "lambda:")


@dataclass(frozen=True)
class Request:
    """One request as IAM saw it."""

    role: str
    action: str
    resource: str
    creates: bool
    """It carries If-None-Match: *."""
    swaps: bool
    """It carries If-Match."""


@dataclass
class Account:
    """See the module."""

    url: str
    patch: pytest.MonkeyPatch
    values: dict[str, Any]
    parameters: dict[str, bool]
    requests: list[Request] = field(default_factory=list)
    role: str = ""

    def root(self, service: str) -> Any:
        keys = {"aws_access_key_id": "root", "aws_secret_access_key": "root"}
        return boto3.client(service, region_name=REGION, endpoint_url=self.url, **keys)

    def make_roles(self) -> None:
        iam = self.root("iam")
        for function in ROLES:
            trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
            iam.create_role(
                RoleName=function,
                AssumeRolePolicyDocument=json.dumps(
                    {"Version": "2012-10-17", "Statement": [trust]}
                ),
            )
            document = {
                "Version": "2012-10-17",
                "Statement": [
                    _for_moto(statement)
                    for statement in statements(function, self.values, **self.parameters)
                ],
            }
            iam.put_role_policy(
                RoleName=function, PolicyName="role", PolicyDocument=json.dumps(document)
            )

    @contextmanager
    def acting_as(self, function: str) -> Iterator[Deployment]:
        """The function's own deployment, built by wiring with the role's credentials; IAM is
        enforced inside.
        """
        arn = f"arn:aws:iam::{ACCOUNT}:role/{function}"
        lent = self.root("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        self.role = function
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ACCESS_KEY_ID", lent["AccessKeyId"])
            patch.setenv("AWS_SECRET_ACCESS_KEY", lent["SecretAccessKey"])
            patch.setenv("AWS_SESSION_TOKEN", lent["SessionToken"])
            patch.setattr(clients, "_sessions", [])
            self._enforce("0")
            try:
                yield self.deployment()
            finally:
                self._enforce("inf")
                self.role = ""

    @contextmanager
    def acting_as_owner(self) -> Iterator[Deployment]:
        """With all rights, as somebody at the command line."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(clients, "_sessions", [])
            yield self.deployment()

    def deployment(self) -> Deployment:
        variables = {
            "LOOKALIKE_REGION": REGION,
            "LOOKALIKE_STORE": f"s3://{STORE}",
            "LOOKALIKE_UPLOADS": f"s3://{TRANSIT}",
            "LOOKALIKE_SECRETS": f"secretsmanager:{self.values['AccessKeys']}",
            "LOOKALIKE_QUEUE": self.values["ImportQueue"],
            "LOOKALIKE_SEARCH_FUNCTION": "lookalike-search",
        }
        analyzer = TinyAnalyzer()
        return replace(
            build_deployment(Settings.read(variables)),
            analyzer=lambda: analyzer,
            notify=lambda _url, _body: None,
        )

    def _enforce(self, after: str) -> None:
        """Policies count from the request number `after` on ("inf": never)."""
        import http.client
        from contextlib import closing

        with closing(http.client.HTTPConnection(self.url.removeprefix("http://"))) as connection:
            connection.request(
                "POST", "/moto-api/reset-auth", after, {"Content-Type": "text/plain"}
            )
            assert connection.getresponse().status == 200


VALUES: dict[str, Any] = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::StackName": "lookalike",
    "Store.Arn": f"arn:aws:s3:::{STORE}",
    "Transit.Arn": f"arn:aws:s3:::{TRANSIT}",
    "ImportQueue.Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:imports",
    "DeadLetters.Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead",
    "AccessKeys": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:keys-abc",
    "SearchPart.Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:lookalike-search",
    "ImportBuckets": [f"arn:aws:s3:::{PICTURES}"],
    "ImportRoles": [f"arn:aws:iam::{ACCOUNT}:role/lends-pictures"],
}
"""What CloudFormation puts for names in the policies."""


def statements(
    function: str, values: dict[str, Any] | None = None, **conditions: bool
) -> list[dict[str, Any]]:
    """The statements of a function's role, as CloudFormation would make them with these conditions
    of the template.
    """
    held = {
        "HasImportBuckets": True,
        "HasImportRoles": True,
        "ManagesInConsole": False,
    } | conditions
    resources = template()["Resources"]
    role = resources[ROLES[function]]["Properties"]["Role"]["Fn::GetAtt"][0]
    (policy,) = resources[role]["Properties"]["Policies"]
    resolved = [
        _resolve(statement, values or VALUES, held)
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    return [statement for statement in resolved if statement is not None]


def _resolve(node: Any, values: dict[str, Any], held: dict[str, bool]) -> Any:
    """A part of a template with its functions worked out. `values`: what names stand for; `held`:
    which conditions hold.
    """
    if isinstance(node, list):
        return [_resolve(value, values, held) for value in node]
    if not isinstance(node, dict):
        return node
    match node:
        case {"Fn::If": [condition, then, otherwise]}:
            return _resolve(then if held[condition] else otherwise, values, held)
        case {"Ref": "AWS::NoValue"}:
            return None
        case {"Ref": name}:
            return values[name]
    inside = {name: _resolve(value, values, held) for name, value in node.items()}
    return _called(inside, values)


def _called(node: dict[str, Any], values: dict[str, Any]) -> Any:
    """What a function of text gives, its arguments resolved; `node` itself if it is none."""
    match node:
        case {"Fn::Join": [separator, parts]}:
            return separator.join(parts)
        case {"Fn::Split": [separator, text]}:
            return text.split(separator)
        case {"Fn::Sub": text}:
            text, more = text if isinstance(text, list) else (text, {})
            known = values | more
            return re.sub(r"\$\{([\w.:]+)\}", lambda found: known[found[1]], text)
    return node


def refused_by_the_bucket(request: Request) -> list[str]:
    """Statements of the store's own policy that deny `request`; moto does not look at them."""
    policy = template()["Resources"]["StorePolicy"]["Properties"]["PolicyDocument"]
    carried = {"s3:if-none-match": request.creates, "s3:if-match": request.swaps}
    found = []
    for statement in _resolve(policy["Statement"], VALUES, {}):
        resources = (
            statement["Resource"]
            if isinstance(statement["Resource"], list)
            else [statement["Resource"]]
        )
        absent = statement["Condition"].get("Null", {})
        if (
            absent
            and statement["Action"] == request.action
            and any(fnmatch.fnmatchcase(request.resource, one) for one in resources)
        ):
            assert statement["Effect"] == "Deny"
            if all(not carried[key] for key in absent):
                found.append(statement["Sid"])
    return found


def _for_moto(statement: dict[str, Any]) -> dict[str, Any]:
    """A statement in moto's spelling of actions, without what moto does not look at."""
    made = {name: value for name, value in statement.items() if name != "Condition"}
    if "s3:ListBucket" in made["Action"]:
        made["Action"] = [*made["Action"], "s3:HeadBucket"]
    if "sqs:SendMessage" in made["Action"]:
        made["Action"] = [*made["Action"], "sqs:SendMessageBatch"]
    if "lambda:InvokeFunction" in made["Action"]:
        made["Action"] = [*made["Action"], "lambda:Invoke"]
    if made["Action"][0].startswith(_BLIND):
        made["Resource"] = "*"
    return made


@contextmanager
def account(url: str, **parameters: bool) -> Iterator[Account]:
    """A fresh account at the moto server `url`; `parameters` are the template's conditions that
    hold.
    """
    with aws(url) as made:
        s3, sqs = made.client("s3"), made.client("sqs")
        for bucket in (STORE, TRANSIT, PICTURES, FOREIGN):
            s3.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
            )
        queue = sqs.create_queue(QueueName="imports", Attributes={"VisibilityTimeout": "0"})[
            "QueueUrl"
        ]
        sqs.create_queue(QueueName="dead")
        secret = made.client("secretsmanager").create_secret(Name="keys", SecretString="{}")["ARN"]
        values = VALUES | {"ImportQueue": queue, "AccessKeys": secret}
        found = Account(url, made.patch, values, parameters)
        found.make_roles()
        with _recording(found):
            yield found


@contextmanager
def _recording(found: Account) -> Iterator[None]:
    """Every request that a policy allowed is noted in `found.requests`. DeleteObjects needs
    s3:DeleteObject on each of its keys, as AWS documents; moto asks for it on the bucket instead.
    """
    original = access_control.IAMRequestBase.check_action_permitted

    def check(self: Any, resource: str) -> None:
        if self._action == "s3:DeleteObject" and "/" not in resource:
            return  # many at once: `check_key` looks at each
        original(self, resource)
        creates = self._headers.get("If-None-Match") == "*"
        found.requests.append(
            Request(found.role, self._action, resource, creates, "If-Match" in self._headers)
        )

    def check_key(self: FakeBucket, action: str, resource: str) -> Any:
        if found.role and action == "s3:DeleteObject":
            if not _may(found, action, resource):
                return access_control.PermissionResult.DENIED
            found.requests.append(Request(found.role, action, resource, False, False))
        return in_policy(self, action, resource)

    in_policy = FakeBucket.get_permission
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(access_control.IAMRequestBase, "check_action_permitted", check)
        patch.setattr(FakeBucket, "get_permission", check_key)
        yield


def _may(found: Account, action: str, resource: str) -> bool:
    """Whether the acting role has a right on a resource."""
    for statement in statements(found.role, found.values, **found.parameters):
        named = statement["Resource"]
        resources = named if isinstance(named, list) else [named]
        if action in statement["Action"] and any(
            fnmatch.fnmatchcase(resource, one) for one in resources
        ):
            return True
    return False
