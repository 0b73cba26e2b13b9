"""The tables of docs/API.md, made from the tables the gateway reads requests by. `python -m
tests.gateway.api_doc` writes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from chalicelib import errors as e
from chalicelib.gateway.wire import faults
from chalicelib.gateway.wire.fields import Parameter
from chalicelib.gateway.wire.parameters import PARAMETERS_2019, PARAMETERS_2020

PAGE = Path(__file__).resolve().parents[2] / "docs" / "API.md"
_BLOCK = re.compile(r"(<!-- (errors|parameters \w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
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
        f"| `{row.name}` | {'R' if row.required else ''} | {_KINDS[row.kind]} | {row.note.replace('|', '/')} |"
        for row in rows
    ]
    return "\n".join(lines)


def older() -> str:
    """2019-03-25 by action."""
    lines = ["| action | parameters |", "|---|---|"]
    lines += [
        f"| {action} | {' '.join(f'`{row.name}`' for row in rows)} |"
        for action, rows in PARAMETERS_2019.items()
    ]
    return "\n".join(lines)


def errors() -> str:
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
    ):
        by_status.setdefault(fault.status, set()).add(fault.code)
    by_status[400] |= {"DeniedRequest", "MissingParameter", "InvalidVersion", *BODY_2018}
    by_status[404] |= {"InvalidAction.NotFound"}
    by_status[409] |= {faults.fault_of(e.JobRunning(""), "DumpMeta").code}
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


def written(text: str) -> str:
    """`text` with every table as it should be."""

    def table(match: re.Match[str]) -> str:
        name = match[2].removeprefix("parameters ")
        content = (
            errors()
            if name == "errors"
            else older()
            if name == "2019"
            else parameters(PARAMETERS_2020[name])
        )
        return f"{match[1]}{content}\n{match[4]}"

    return _BLOCK.sub(table, text)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
