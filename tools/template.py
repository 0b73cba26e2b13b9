"""Does to Chalice's merged template what merging cannot: replace values, add a log group for every
function.
"""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from typing import Any, Final

Template = dict[str, Any]

FUNCTION: Final = "AWS::Serverless::Function"
_PUBLISH: Final = {
    "Type": "String",
    "Default": "0000000000",
    "AllowedPattern": "[0-9a-f]{10,}",
    "Description": "Set by `make deploy` from the package and the parameters; a new value publishes"
    " a new version of the API, and the old one goes",
}


def rewrite(template: Template, *, snapstart: bool = False) -> Template:
    """The template that is deployed.

    `snapstart` makes the API run from snapshots of published versions, which CloudFormation
    publishes at every deployment. Raises KeyError when the app lacks a function that
    infra/template.yaml configures: the merge would leave half a resource.
    """
    result = copy.deepcopy(template)
    resources = result["Resources"]
    incomplete = sorted(name for name, resource in resources.items() if "Type" not in resource)
    if incomplete:
        raise KeyError(
            f"infra/template.yaml configures {', '.join(incomplete)},"
            " but app.py has no such function"
        )
    _import_queue(resources)
    functions = {
        name: resource for name, resource in resources.items() if resource["Type"] == FUNCTION
    }
    for name, function in functions.items():
        resources[f"{name}Log"] = _log_group(function)
        function["DependsOn"] = f"{name}Log"
    if snapstart:
        _snapstart(resources)
        result["Parameters"]["Publish"] = copy.deepcopy(_PUBLISH)
    # Chalice's own output: the stage URL cannot be used by SDKs, whose endpoint is a bare host
    # (CONTRACT §11).
    del result["Outputs"]["EndpointURL"]
    return result


def _import_queue(resources: Template) -> None:
    """The event source: our queue rather than one of a fixed name, partial failures, a bound on
    concurrency.
    """
    (event,) = (
        event
        for event in resources["ImportSlice"]["Properties"]["Events"].values()
        if event["Type"] == "SQS"
    )
    event["Properties"].update(
        Queue={"Fn::GetAtt": ["ImportQueue", "Arn"]},
        FunctionResponseTypes=["ReportBatchItemFailures"],
        ScalingConfig={"MaximumConcurrency": {"Ref": "ImportConcurrency"}},
    )


def _log_group(function: Template) -> Template:
    name = function["Properties"]["FunctionName"]["Fn::Sub"]
    properties = {
        "LogGroupName": {"Fn::Sub": f"/aws/lambda/{name}"},
        "RetentionInDays": {"Ref": "LogRetentionDays"},
    }
    return {"Type": "AWS::Logs::LogGroup", "Properties": properties}


def _snapstart(resources: Template) -> None:
    """SnapStart acts on published versions only, so everything that calls the API's function must
    call its alias. SAM publishes by the hash of the code and of the environment as it is written
    here, in which a parameter is a name: its value reaches the alias by `Publish` alone.
    """
    resources["APIHandler"]["Properties"].update(
        AutoPublishAlias="live",
        AutoPublishCodeSha256={"Ref": "Publish"},
        VersionDeletionPolicy="Delete",
        SnapStart={"ApplyOn": "PublishedVersions"},
    )
    _call_alias(resources["RestAPI"])
    alias = {"Ref": "APIHandler.Alias"}
    resources["APIHandlerInvokePermission"]["Properties"]["FunctionName"] = alias
    for name in ("UrlPermission", "UrlInvokePermission"):
        resources[name]["Properties"]["FunctionName"] = alias
    resources["Url"]["Properties"]["Qualifier"] = "live"
    resources["Url"]["DependsOn"] = "APIHandlerAliaslive"


def _call_alias(node: object) -> None:
    """Replaces the function by its alias in every URI below `node`, in place."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "Fn::Sub" and isinstance(value, str) and "${APIHandler.Arn}" in value:
                node[key] = [
                    value.replace("${APIHandler.Arn}", "${Alias}"),
                    {"Alias": {"Ref": "APIHandler.Alias"}},
                ]
            else:
                _call_alias(value)
    elif isinstance(node, list):
        for value in node:
            _call_alias(value)


def main(arguments: list[str]) -> None:
    """`python -m tools.template sam.yaml template.json [--snapstart]`; PyYAML: of Chalice."""
    import yaml

    template = yaml.safe_load(Path(arguments[0]).read_text())
    rewritten = rewrite(template, snapstart="--snapstart" in arguments)
    Path(arguments[1]).write_text(json.dumps(rewritten, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
