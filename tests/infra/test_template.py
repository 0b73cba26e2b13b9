from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from chalicelib.gateway.wire.faults import reshape
from tests.infra.built import merged, template
from tools import restore
from tools.template import FUNCTION, rewrite


def resources(kind: str) -> dict[str, dict[str, Any]]:
    return {
        name: resource
        for name, resource in template()["Resources"].items()
        if resource["Type"] == kind
    }


@pytest.mark.parametrize("snapstart", [False, True])
def test_cfn_lint_finds_nothing(snapstart: bool) -> None:
    text = json.dumps(template(snapstart=snapstart))
    findings = lint(text, config=ManualArgs(regions=["us-east-1", "eu-central-1"]))
    assert [f"{finding.rule.id} {finding.message}" for finding in findings] == []


def test_every_function_has_a_role_of_its_own() -> None:
    functions = resources(FUNCTION)
    assert functions.keys() == {
        "APIHandler",
        "SearchPart",
        "Compact",
        "Collect",
        "ImportEvent",
        "RecoverImports",
        "ImportSlice",
    }
    roles = [function["Properties"]["Role"]["Fn::GetAtt"][0] for function in functions.values()]
    assert len(set(roles)) == len(functions)


def test_every_function_writes_to_a_log_group_that_forgets() -> None:
    groups = {
        group["Properties"]["LogGroupName"]["Fn::Sub"]: group
        for group in resources("AWS::Logs::LogGroup").values()
    }
    for function in resources(FUNCTION).values():
        group = groups["/aws/lambda/" + function["Properties"]["FunctionName"]["Fn::Sub"]]
        assert group["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_a_role_that_infra_configures_but_the_app_lacks_stops_the_package() -> None:
    broken = merged() | {
        "Resources": {**merged()["Resources"], "Forgotten": {"Properties": {"MemorySize": 1}}}
    }
    with pytest.raises(KeyError, match="Forgotten"):
        rewrite(broken)


def test_rewriting_leaves_the_merged_template_alone() -> None:
    before = json.dumps(merged(), sort_keys=True)
    template()
    assert json.dumps(merged(), sort_keys=True) == before


def test_slices_come_from_the_deployments_own_queue_and_fail_one_by_one() -> None:
    (event,) = template()["Resources"]["ImportSlice"]["Properties"]["Events"].values()
    assert event["Properties"]["Queue"] == {"Fn::GetAtt": ["ImportQueue", "Arn"]}
    assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    queue = template()["Resources"]["ImportQueue"]["Properties"]
    timeout = template()["Resources"]["ImportSlice"]["Properties"]["Timeout"]
    assert queue["VisibilityTimeout"] > timeout, (
        "a slice still being worked on would be handed out again"
    )


def test_the_bucket_is_private_encrypted_versioned_and_outlives_the_stack() -> None:
    bucket = template()["Resources"]["Store"]
    assert bucket["DeletionPolicy"] == "RetainExceptOnCreate"
    assert bucket["UpdateReplacePolicy"] == "Retain"
    assert set(bucket["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}
    assert "BucketEncryption" in bucket["Properties"]
    rules = bucket["Properties"]["LifecycleConfiguration"]["Rules"]
    assert [rule["Prefix"] for rule in rules if "ExpirationInDays" in rule] == ["nonces/"], (
        "records never expire"
    )
    assert [
        rule["NoncurrentVersionExpiration"]
        for rule in rules
        if "NoncurrentVersionExpiration" in rule and "Prefix" not in rule
    ] == [{"NoncurrentDays": restore.KEPT.days}]


def test_an_upgrade_never_touches_the_secret_that_holds_the_keys() -> None:
    assert template()["Resources"]["AccessKeys"]["Properties"] == {
        "Description": "Access keys of Lookalike's clients; made by `lookalike keys create`",
        "SecretString": "{}",
    }, "CloudFormation might write the first value over the keys"


def test_the_schedules_and_the_event_that_starts_an_import() -> None:
    def events(name: str) -> list[dict[str, Any]]:
        return [
            event["Properties"]
            for event in template()["Resources"][name]["Properties"]["Events"].values()
        ]

    schedules = {
        "Compact": "rate(1 minute)",
        "Collect": "rate(6 hours)",
        "RecoverImports": "rate(5 minutes)",
    }
    assert {name: events(name) for name in schedules} == {
        name: [{"Schedule": rate}] for name, rate in schedules.items()
    }
    ((started,),) = [event.values() for event in events("ImportEvent")]
    assert started["source"] == ["aws.s3"]
    assert started["detail"] == {"object": {"key": [{"suffix": "increment.meta"}]}}


def test_what_callers_can_make_us_do_at_once_is_bounded() -> None:
    (setting,) = template()["Resources"]["RestAPI"]["Properties"]["MethodSettings"]
    assert setting["ThrottlingRateLimit"] == {"Ref": "RequestRate"}
    parameters = template()["Parameters"]
    reserved = 0
    for function in resources(FUNCTION).values():
        match function["Properties"].get("ReservedConcurrentExecutions"):
            case {"Fn::If": ["Reserves", {"Ref": name}, {"Ref": "AWS::NoValue"}]}:
                reserved += parameters[name]["Default"]
            case {"Fn::If": ["Reserves", count, {"Ref": "AWS::NoValue"}]}:
                reserved += count
    unreserved = 100  # Lambda keeps as many for functions that reserve none
    assert reserved + unreserved <= 200
    assert "account limit of 200" in parameters["ReserveConcurrency"]["Description"]
    manual = (Path(__file__).parents[2] / "docs/OPERATIONS.md").read_text()
    assert "account limit of 200" in manual.replace("\n", " ")


def test_pictures_in_transit_leave_no_version_behind() -> None:
    transit = template()["Resources"]["Transit"]["Properties"]
    assert "VersioningConfiguration" not in transit
    assert transit["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"] == 1
    assert set(transit["PublicAccessBlockConfiguration"].values()) == {True}


def test_the_bucket_itself_refuses_unconditional_writes_of_what_is_written_once() -> None:
    statements = {
        s["Sid"]: s
        for s in template()["Resources"]["StorePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    }
    created = statements["OnlyCreated"]
    assert created["Effect"] == "Deny"
    assert created["Condition"]["Null"] == {"s3:if-none-match": "true"}
    assert any("/log/" in resource["Fn::Sub"] for resource in created["Resource"])
    assert statements["OnlyOverTls"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_api_gateways_own_errors_are_in_the_contracts_form() -> None:
    responses = template()["Resources"]["RestAPI"]["Properties"]["GatewayResponses"]
    assert {
        "DEFAULT_4XX",
        "DEFAULT_5XX",
        "THROTTLED",
        "REQUEST_TOO_LARGE",
        "INTEGRATION_TIMEOUT",
    } <= responses.keys()
    codes = {}
    for name, response in responses.items():
        body = response["ResponseTemplates"]["application/json"]
        answer = json.loads(body.replace("$context.error.messageString", '"text"'))
        assert answer.keys() == {"RequestId", "HostId", "Code", "Message"}, name
        codes[name] = answer["Code"]
    # whoever refuses, the service or what is in front of it, the code is the same
    for name, status in (
        ("REQUEST_TOO_LARGE", 413),
        ("UNSUPPORTED_MEDIA_TYPE", 415),
        ("MISSING_AUTHENTICATION_TOKEN", 404),
    ):
        assert json.loads(reshape(status, b"", host=""))["Code"] == codes[name]
    assert responses["THROTTLED"]["ResponseParameters"]["Headers"]["x-acs-retry-after"] == "'1000'"


def test_forms_stay_text_and_uploads_stay_bytes() -> None:
    binary = template()["Resources"]["RestAPI"]["Properties"]["DefinitionBody"][
        "x-amazon-apigateway-binary-media-types"
    ]
    assert "multipart/form-data" in binary
    assert "application/x-www-form-urlencoded" not in binary, (
        "base64 around a form costs a third of the 6 MB that Lambda takes"
    )


def summed(alarm: dict[str, Any]) -> str:
    """The metric that an alarm adds up over every function."""
    parts = [row["MetricStat"]["Metric"] for row in alarm["Metrics"] if "MetricStat" in row]
    watched = {part["Dimensions"][0]["Value"]["Ref"] for part in parts}
    assert watched == resources(FUNCTION).keys()
    (name,) = {part["MetricName"] for part in parts}
    return str(name)


def test_the_alarms_watch_what_can_go_wrong_and_say_where_to_read_on() -> None:
    alarms = {
        alarm["Properties"].get("MetricName") or summed(alarm["Properties"]): alarm["Properties"]
        for alarm in resources("AWS::CloudWatch::Alarm").values()
    }
    assert alarms.keys() == {
        "Failures",
        "Errors",
        "Throttles",
        "ApproximateNumberOfMessagesVisible",
        "LogObjects",
        "OldestLogSeconds",
        "OverdueDeletions",
        "PictureFailures",
    }
    manual = (Path(__file__).parents[2] / "docs/OPERATIONS.md").read_text()
    for alarm in alarms.values():
        chapter = alarm["AlarmDescription"].split("alarms: ")[1]
        assert f"### Alarm: {chapter}" in manual


def test_with_snapshots_the_api_is_called_by_its_alias() -> None:
    text = json.dumps(template(snapstart=True)["Resources"])
    assert "${APIHandler.Arn}" not in json.dumps(template(snapstart=True)["Resources"]["RestAPI"])
    assert '"ApplyOn": "PublishedVersions"' in text
    assert template()["Resources"]["APIHandler"]["Properties"].get("AutoPublishAlias") is None


def test_with_snapshots_a_parameter_reaches_the_alias_and_old_versions_go() -> None:
    published = template(snapstart=True)
    handler = published["Resources"]["APIHandler"]["Properties"]
    assert handler["AutoPublishCodeSha256"] == {"Ref": "Publish"}
    assert handler["VersionDeletionPolicy"] == "Delete"
    assert "Publish" in published["Parameters"]
    assert "Publish" not in template()["Parameters"]


def test_what_starts_by_the_clock_is_neither_repeated_nor_late() -> None:
    for name, age_s in (("Compact", 60), ("RecoverImports", 300), ("Collect", 3600)):
        limits = template()["Resources"][name]["Properties"]["EventInvokeConfig"]
        assert limits["MaximumEventAgeInSeconds"] == age_s
        assert limits["MaximumRetryAttempts"] <= 1


def test_links_in_callbacks_have_a_host_with_the_function_url_alone() -> None:
    for name in ("ImportSlice", "RecoverImports"):
        values = template()["Resources"][name]["Properties"]["Environment"]["Variables"]
        domain, otherwise = values["LOOKALIKE_PUBLIC_HOSTS"]["Fn::If"][1:]
        assert domain == {"Ref": "DomainName"}
        url = {"Fn::GetAtt": ["Url", "FunctionUrl"]}
        assert otherwise["Fn::If"] == [
            "HasFunctionUrl",
            {"Fn::Select": [2, {"Fn::Split": ["/", url]}]},
            "",
        ]
    # a function that refers to its own URL could not be made
    assert "FunctionUrl" not in json.dumps(template()["Resources"]["APIHandler"])
    assert ["https:", "", "abc.lambda-url.eu-central-1.on.aws", ""][2].startswith("abc.")


def test_a_new_account_has_functions_left_for_searches() -> None:
    """Ten run at once there: import slices, one of each schedule, and one for an event."""
    parameters = template()["Parameters"]
    assert parameters["ImportConcurrency"]["Default"] + 3 + 1 <= 7


def test_the_dashboards_body_is_json() -> None:
    body = template()["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    assert len(json.loads(body)["widgets"]) == 4


def test_every_parameter_is_in_the_manual_and_the_other_way_round() -> None:
    manual = (Path(__file__).parents[2] / "docs/OPERATIONS.md").read_text()
    (paragraph,) = [
        part for part in manual.split("\n\n") if part.startswith("Parameters of the stack")
    ]
    assert set(re.findall(r"`([A-Z]\w+)`", paragraph)) == template()["Parameters"].keys()
