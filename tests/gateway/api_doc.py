"""The tables of docs/API.md, made from the declarations the gateway reads requests by. `python -m
tests.gateway.api_doc` writes them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from chalicelib.gateway.actions.declaration import V2019, V2020
from chalicelib.gateway.actions.registry import ACTIONS, Registry
from chalicelib.gateway.wire import faults
from chalicelib.gateway.wire.fields import Parameter
from tests.gateway import ways_in

PAGE = Path(__file__).resolve().parents[2] / "docs" / "API.md"
_BLOCK = re.compile(r"(<!-- (errors|limits|parameters \w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
_KINDS = {
    "text": "text",
    "integer": "integer",
    "boolean": "true, false",
    "picture": "picture",
    "filter": "filter",
    "region": "region",
    "score": "number",
}


def parameters(rows: Iterable[Parameter]) -> str:
    """One line per parameter."""
    lines = ["| parameter | | | |", "|---|---|---|---|"]
    lines += [
        f"| `{row.name}` | {'R' if row.required else ''} | {_KINDS[row.kind]} "
        f"| {row.note.replace('|', '/')} |"
        for row in rows
    ]
    return "\n".join(lines)


def older(actions: Registry) -> str:
    """2019-03-25 by action."""
    lines = ["| action | parameters |", "|---|---|"]
    lines += [
        f"| {action.name} | {' '.join(f'`{row.name}`' for row in action.parameters)} |"
        for action in actions.of(V2019).values()
    ]
    return "\n".join(lines)


def errors(actions: Registry) -> str:
    """Status to the codes that can occur with it."""
    by_status: dict[int, set[str]] = {}
    for code in (
        *faults.INVALID.values(),
        *faults.OVER.values(),
        *faults.MISSING.values(),
        *faults.PICTURE.values(),
    ):
        by_status.setdefault(400, set()).add(code)
    for fault in (
        *faults.AUTH.values(),
        *faults.SOURCE.values(),
        *(one for row in faults.TABLE.values() for one in row),
        *(one for action in actions.everything() for one in action.codes.own.values()),
    ):
        by_status.setdefault(fault.status, set()).add(fault.code)
    by_status[400] |= {"DeniedRequest", "MissingParameter", "InvalidVersion", *BODY_2018}
    by_status[404] |= {"InvalidAction.NotFound"}
    by_status |= {
        413: {"RequestBodyTooLarge"},
        415: {"UnsupportedMediaType"},
        405: {"UnsupportedHTTPMethod"},
    }
    lines = ["| HTTP | codes |", "|---|---|"]
    lines += [
        f"| {status} | {', '.join(sorted(codes))} |" for status, codes in sorted(by_status.items())
    ]
    return "\n".join(lines)


BODY_2018 = {
    "NoCaretSeperator",
    "EmptyMeta",
    "InvalidMetaItem",
    "NoPicList",
    "InvalidPicList",
    "NoSpecifiedPic",
    "NoSpecifiedSearchPic",
    "NoSpecifiedAddPic",
    "NoSpecifiedItemId",
}


def written(text: str, actions: Registry = ACTIONS) -> str:
    """`text` with every table as it should be."""

    def table(match: re.Match[str]) -> str:
        name = match[2].removeprefix("parameters ")
        made: dict[str, Callable[[], str]] = {
            "errors": lambda: errors(actions),
            "limits": ways_in.table,
            "2019": lambda: older(actions),
        }
        content = made[name]() if name in made else parameters(actions.of(V2020)[name].parameters)
        return f"{match[1]}{content}\n{match[4]}"

    return _BLOCK.sub(table, text)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
