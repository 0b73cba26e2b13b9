from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from chalicelib.gateway import log
from chalicelib.trace import Trace, note, stage
from tests.gateway.client import Client, b64, picture


class Ticks:
    """A clock that moves by a quarter of a second at each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.25
        return self.now


def written(lines: list[str]) -> dict[str, Any]:
    assert len(lines) == 1
    members: dict[str, Any] = json.loads(lines[0])
    return members


def test_a_request_leaves_exactly_one_line_with_facts_and_stages() -> None:
    lines: list[str] = []
    with log.line(
        "ID-1", emit=lines.append, clock=lambda: 1_700_000_000.25, timer=Ticks(), function=""
    ) as entry:
        entry.action, entry.version = "SearchImageByPic", "2020-12-14"
        with stage("vision"):
            note("rows_scanned", 10)
        with stage("vision"):
            note("collection", "shop")
        entry.outcome(200, "ok")
    members = written(lines)
    assert isinstance(members.pop("cold"), bool)
    assert members == {
        "time": "2023-11-14T22:13:20.250Z",
        "request_id": "ID-1",
        "action": "SearchImageByPic",
        "version": "2020-12-14",
        "status": 200,
        "code": "ok",
        "ms": 1250.0,
        "rows_scanned": 10,
        "collection": "shop",
        "stages_ms": {"vision": 500.0},
    }


def metrics_of(members: dict[str, Any]) -> dict[tuple[str, ...], set[str]]:
    """Names by dimensions."""
    found = {}
    for directive in members["_aws"]["CloudWatchMetrics"]:
        assert directive["Namespace"] == "Lookalike"
        (dimensions,) = directive["Dimensions"]
        found[tuple(dimensions)] = {metric["Name"] for metric in directive["Metrics"]}
        assert found[tuple(dimensions)] | set(dimensions) <= members.keys()
    return found


def test_on_lambda_the_same_line_is_an_embedded_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(log._process, "cold", True)
    lines: list[str] = []
    with log.line(
        "ID-2", action="AddImage", emit=lines.append, clock=lambda: 12.5, function="api"
    ) as entry:
        note("log_objects", 7)
        entry.outcome(503, "NetworkException")
    members = written(lines)
    assert members["_aws"]["Timestamp"] == 12_500
    assert metrics_of(members) == {
        ("FunctionName",): {"Requests", "Failures", "ColdStarts"},
        ("FunctionName", "Action"): {"Duration"},
    }
    assert (members["Failures"], members["FunctionName"], members["Action"]) == (
        1,
        "api",
        "AddImage",
    )


def test_what_a_request_did_not_do_is_no_metric_since_each_costs_money(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(log._process, "cold", False)
    lines: list[str] = []
    with log.line("ID-2", action="AddImage", emit=lines.append, function="api") as entry:
        entry.outcome(200, "ok")
    assert metrics_of(written(lines)) == {
        ("FunctionName",): {"Requests"},
        ("FunctionName", "Action"): {"Duration"},
    }


def test_a_job_tells_what_the_alarms_watch_and_nothing_that_lambda_counts_itself() -> None:
    lines: list[str] = []
    with log.line("ID-2", action="compact", emit=lines.append, function="compact") as entry:
        note("log_objects", 0)
        note("oldest_log_s", 0.0)
        entry.outcome(200, "ok")
    assert metrics_of(written(lines)) == {("FunctionName",): {"LogObjects", "OldestLogSeconds"}}


def test_an_escaping_exception_is_named_but_its_message_is_not_logged() -> None:
    lines: list[str] = []
    with pytest.raises(KeyError), log.line("ID-3", emit=lines.append, function=""):
        raise KeyError("secret-value")
    members = written(lines)
    assert (members["status"], members["code"]) == (500, "KeyError")
    assert "secret-value" not in lines[0]


def test_only_the_first_request_of_a_process_is_cold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(log._process, "cold", True)
    lines: list[str] = []
    for number in range(2):
        with log.line(f"ID-{number}", emit=lines.append, function=""):
            pass
    assert [json.loads(text)["cold"] for text in lines] == [True, False]


def test_text_cannot_break_the_line_or_flood_it() -> None:
    lines: list[str] = []
    with log.line("a\nb\u2028" + "x" * 5000, emit=lines.append, function="") as entry:
        entry.outcome(400, "y" * 5000)
    assert "\n" not in lines[0]
    assert lines[0].isascii()
    assert len(lines[0]) < 1000


def test_outside_lambda_the_line_goes_to_a_logger(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    with caplog.at_level(logging.INFO, logger="lookalike.requests"), log.line("ID-4") as entry:
        entry.outcome(200, "ok")
    (record,) = caplog.records
    assert "_aws" not in json.loads(record.getMessage())


def test_on_lambda_the_line_is_bare_stdout(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "api")
    with log.line("ID-5") as entry:
        entry.outcome(200, "ok")
    assert json.loads(capsys.readouterr().out)["FunctionName"] == "api"


def test_without_a_listener_nothing_happens() -> None:
    trace = Trace()
    with stage("search"):
        note("segments", 3)
    assert trace.facts == {}


def test_every_function_but_the_api_is_known_as_a_job() -> None:
    config = json.loads((Path(__file__).parents[2] / ".chalice/config.json").read_text())
    assert config["stages"]["prod"]["lambda_functions"].keys() - {"api_handler"} == log._JOBS


def test_a_search_says_what_it_looked_at_and_where_the_time_went(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    client.add("generic", "p", "a.png", picture(1))
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="lookalike.requests"):
        client.ok("SearchImageByPic", {"InstanceName": "generic", "PicContent": b64(picture(1))})
    line = json.loads(caplog.messages[-1])
    assert {
        "request_id",
        "action",
        "collection",
        "status",
        "code",
        "ms",
        "cold",
        "access_key_id",
    } <= line.keys()
    assert line["rows_scanned"] == 1
    assert line["snapshot"] == client.deployment.catalog.open("generic").snapshot().version
    assert {"authenticate", "vision", "snapshot", "search"} <= line["stages_ms"].keys()
